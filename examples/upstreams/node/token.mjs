import { createRemoteJWKSet, jwtVerify } from "jose";

// Verifies access tokens (RFC 9068) with the gateway's public keys.
export function newVerifier(jwksURL, issuer, audience) {
  const keys = createRemoteJWKSet(new URL(jwksURL), {
    timeoutDuration: 5_000,
    // The longest that keys may be kept: a leaked key is gone then.
    cacheMaxAge: 15 * 60_000,
    // An unknown kid also fetches the keys, because a new key may sign, but at most once in this time:
    // clients can make up kids.
    cooldownDuration: 30_000,
  });
  return async function readToken(request) {
    const bearer = /^Bearer ([^ ]+)$/.exec(request.headers.authorization ?? "");
    if (!bearer) return null;
    try {
      const { payload } = await jwtVerify(bearer[1], keys, {
        algorithms: ["ES256", "EdDSA", "RS256"], // each key is valid for one of these
        issuer,
        audience,
        typ: "at+jwt", // a JWT of the same issuer that is no access token has another typ
        requiredClaims: ["sub", "exp"],
        clockTolerance: 60,
      });
      return { sub: payload.sub, name: payload.name };
    } catch (error) {
      console.error(`refused: ${error.code ?? error.name}`);
      return null;
    }
  };
}
