// Asks about one access token as a service would that verifies no JWT: with the issuer's metadata, by RFC 7662
// and RFC 8414, and with nothing of the gateway's code. The token comes on standard input, since a command line
// is readable by others.
//
//	node introspect.mjs <issuer> < token
//
// Prints the answer as JSON.
import { text } from "node:stream/consumers";
import { None, allowInsecureRequests, discovery, tokenIntrospection } from "openid-client";

const issuer = new URL(process.argv[2]);
const options = { algorithm: "oauth2", execute: issuer.protocol === "http:" ? [allowInsecureRequests] : [] };
try {
  const server = await discovery(issuer, "service", undefined, None(), options);
  const token = (await text(process.stdin)).trim();
  console.log(JSON.stringify(await tokenIntrospection(server, token)));
} catch (error) {
  console.error(error.code ?? error.message);
  process.exitCode = 1;
}
