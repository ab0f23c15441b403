import { createRemoteJWKSet, jwtVerify } from "jose";

// Verifies access tokens (RFC 9068) by the gateway's public keys.
export function newVerifier(jwksURL, issuer, audience) {
  const keys = createRemoteJWKSet(new URL(jwksURL), {
    timeoutDuration: 5_000,
    // How long they may be kept: a key that leaked is gone then.
    cacheMaxAge: 15 * 60_000,
    // A kid that is not among them fetches them too, as a new key may sign, but no more often than
    // this, whatever clients make up.
    cooldownDuration: 30_000,
  });
  return async function readToken(request) {
    const bearer = /^Bearer ([^ ]+)$/.exec(request.headers.authorization ?? "");
    if (!bearer) return null;
    try {
      const { payload } = await jwtVerify(bearer[1], keys, {
        algorithms: ["ES256", "EdDSA", "RS256"], // of these, only the one that the key is for
        issuer,
        audience,
        typ: "at+jwt", // a JWT of the same issuer that is no access token has another
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
