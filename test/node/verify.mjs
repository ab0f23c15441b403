// Verifies one access token as an upstream service would: with the address of the JWKS, the
// issuer and the audience, and nothing of the gateway's code. The token comes on standard
// input, since a command line is readable by others.
//
//	node verify.mjs <jwks-url> <issuer> <audience> < token
//
// Prints the claims as JSON. A token that is refused is exit status 1 and jose's error code on
// standard error.
import { text } from "node:stream/consumers";
import { createRemoteJWKSet, jwtVerify } from "jose";

const [jwks, issuer, audience] = process.argv.slice(2);
const token = (await text(process.stdin)).trim();
try {
  const { payload } = await jwtVerify(token, createRemoteJWKSet(new URL(jwks)), {
    issuer,
    audience,
    typ: "at+jwt",
    requiredClaims: ["sub", "exp"],
  });
  console.log(JSON.stringify(payload));
} catch (error) {
  console.error(error.code ?? error.message);
  process.exitCode = 1;
}
