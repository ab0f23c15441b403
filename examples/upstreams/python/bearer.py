"""Verifies access tokens (RFC 9068) with the gateway's public keys."""

import json
import logging
import threading
import time
import urllib.request

import jwt

MAX_AGE = 15 * 60  # seconds that keys may be kept at most: a leaked key is gone then
COOLDOWN = 30  # seconds between fetches for unknown kids, which clients can make up
ALGORITHMS = ("ES256", "EdDSA", "RS256")


class Keys:
    """The keys by kid. An unknown kid fetches them again, because a new key may sign."""

    def __init__(self, url):
        self.url, self.keys, self.fetched = url, {}, float("-inf")
        self.lock = threading.Lock()  # one fetch at a time

    def find(self, kid):
        with self.lock:
            now = time.monotonic()
            if now - self.fetched > (MAX_AGE if kid in self.keys else COOLDOWN):
                self.fetched = now
                try:
                    self.fetch()
                except (OSError, ValueError):
                    logging.exception("fetching %s", self.url)
            return self.keys.get(kid)

    def fetch(self):
        with urllib.request.urlopen(self.url, timeout=5) as answer:
            keys = json.load(answer)["keys"]
        self.keys = {key["kid"]: key for key in keys if key.get("alg") in ALGORITHMS}


class Verifier:
    def __init__(self, jwks_url, issuer, audience):
        self.keys, self.issuer, self.audience = Keys(jwks_url), issuer, audience

    def read_token(self, headers):
        scheme, _, token = headers.get("Authorization", "").partition(" ")
        if scheme != "Bearer":
            return None
        try:
            return self.verify(token)
        except jwt.InvalidTokenError as refused:
            logging.warning("refused: %s", type(refused).__name__)
            return None

    def verify(self, token):
        header = jwt.get_unverified_header(token)
        # The library does not check typ. A JWT of the same issuer that is no access token has another typ.
        if header.get("typ") != "at+jwt":
            raise jwt.InvalidTokenError("typ")
        key = self.keys.find(header.get("kid"))
        if key is None:
            raise jwt.InvalidTokenError("kid")
        claims = jwt.decode(
            token,
            jwt.PyJWK(key).key,
            algorithms=[key["alg"]],  # the key's own, never the one that the token names
            issuer=self.issuer,
            audience=self.audience,
            leeway=60,
            options={"require": ["exp", "iss", "aud", "sub"]},
        )
        return {"sub": claims["sub"], "name": claims.get("name")}
