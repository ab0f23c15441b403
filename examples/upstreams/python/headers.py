"""Believes the gateway's headers.

Whoever reaches this service past the gateway can be anybody, so nobody may.
"""

from urllib.parse import unquote


def read_headers(headers):
    sub = claim(headers, "X-Itsme-Subject")
    if sub is None:  # the path is public, or the request came past the gateway
        return None
    return {"sub": sub, "name": claim(headers, "X-Itsme-Name")}


def claim(headers, name):
    """Decodes a header: what does not fit into one is percent-encoded UTF-8.

    A plus sign is one (unquote_plus would make it a blank). An absent claim is an absent header.
    """
    value = headers.get(name)
    return None if value is None else unquote(value, errors="strict")
