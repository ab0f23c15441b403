"""Trusts the gateway's headers.

A client that reaches this service without the gateway can claim any identity: the network must allow
connections from the gateway only.
"""

from urllib.parse import unquote


def read_headers(headers):
    sub = claim(headers, "X-Itsme-Subject")
    if sub is None:  # the path is public, or the request did not come through the gateway
        return None
    return {"sub": sub, "name": claim(headers, "X-Itsme-Name")}


def claim(headers, name):
    """Decodes a header. Characters beyond ASCII are percent-encoded UTF-8.

    A plus sign stays a plus sign (unquote_plus would make it a blank). The header of an absent claim is absent.
    """
    value = headers.get(name)
    return None if value is None else unquote(value, errors="strict")
