// A service behind the gateway. It shows both ways to identify the user of a request: GET /headers
// reads the gateway's headers, GET /token verifies its JWT. A real service has one of the two.
import { createServer } from "node:http";
import { readHeaders } from "./headers.mjs";
import { newVerifier } from "./token.mjs";

const { LISTEN, JWKS_URL, ISSUER, AUDIENCE } = process.env;
const routes = { "/headers": readHeaders, "/token": newVerifier(JWKS_URL, ISSUER, AUDIENCE) };

const server = createServer(async (request, response) => {
  const read = routes[request.url];
  if (!read) return response.writeHead(404).end();
  const person = await read(request);
  if (person) {
    response.writeHead(200, { "Content-Type": "application/json" }).end(JSON.stringify(person));
  } else {
    response.writeHead(401, { "WWW-Authenticate": "Bearer" }).end("a login is required");
  }
});
const [host, port] = LISTEN.split(":");
server.listen(Number(port), host, () => {
  console.log(`listening on http://${host}:${server.address().port}`);
});
