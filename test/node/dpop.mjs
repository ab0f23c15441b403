// Logs in as an app with a key that cannot be exported (RFC 9449), calls a service, asks userinfo and refreshes, with
// libraries of others and nothing of the gateway's code. It prints the link that opens itsme, reads the redirect URL with
// code and state from standard input, and prints what it got as JSON.
//
//	node dpop.mjs dpop|oauth4webapi|openid-client <issuer>
import { createHash, randomBytes } from "node:crypto";
import { createInterface } from "node:readline/promises";
import * as dpop from "dpop";
import * as oauth from "oauth4webapi";
import * as openid from "openid-client";

const [library, issuer] = process.argv.slice(2);
const grant = "urn:caddy-itsme:grant-type:app2app";
const resource = new URL("/accounts?page=2", issuer);
const insecure = { [oauth.allowInsecureRequests]: true };
const clientID = new URL(issuer).host;

// Each library has four calls. All but the first send proofs, and repeat a call once that asks for a nonce.
const libraries = {
  dpop: withDPoP,
  oauth4webapi: withOAuth4WebAPI,
  "openid-client": withOpenIDClient,
};

async function withDPoP() {
  const keys = await dpop.generateKeyPair("ES256");
  const server = await (await fetch(`${issuer}/.well-known/oauth-authorization-server`)).json();
  let nonce;
  const send = async (url, method, token, body) => {
    for (let tries = 0; ; tries++) {
      const proof = await dpop.generateProof(keys, url, method, nonce, token);
      const headers = { DPoP: proof, ...(token && { Authorization: `DPoP ${token}` }) };
      const response = await fetch(url, { method, headers, body });
      nonce = response.headers.get("DPoP-Nonce") ?? nonce;
      const answer = await response.text();
      if (response.ok) return answer;
      const asked = answer.includes("use_dpop_nonce");
      if (!asked || tries > 0) throw new Error(`${url}: ${response.status} ${answer}`);
      nonces++;
    }
  };
  const post = async (form) => JSON.parse(await send(server.token_endpoint, "POST", undefined, new URLSearchParams(form)));
  return {
    thumbprint: await dpop.calculateThumbprint(keys.publicKey),
    finish: (form) => post({ grant_type: grant, ...form }),
    refresh: (token) => post({ grant_type: "refresh_token", refresh_token: token }),
    call: (token, url) => send(url.href, "GET", token),
    userinfo: server.userinfo_endpoint,
  };
}

async function withOAuth4WebAPI() {
  const keys = await oauth.generateKeyPair("ES256");
  const client = { client_id: clientID };
  const DPoP = oauth.DPoP(client, keys);
  const url = new URL(issuer);
  const found = await oauth.discoveryRequest(url, { algorithm: "oauth2", ...insecure });
  const server = await oauth.processDiscoveryResponse(url, found);
  const options = { DPoP, ...insecure };
  const retried = async (send) => {
    try {
      return await send();
    } catch (error) {
      if (!oauth.isDPoPNonceError(error)) throw error;
      nonces++;
      return send();
    }
  };
  return {
    thumbprint: await DPoP.calculateThumbprint(),
    finish: (form) => retried(async () => oauth.processGenericTokenEndpointResponse(server, client,
      await oauth.genericTokenEndpointRequest(server, client, oauth.None(), grant, form, options))),
    refresh: (token) => retried(async () => oauth.processRefreshTokenResponse(server, client,
      await oauth.refreshTokenGrantRequest(server, client, oauth.None(), token, options))),
    call: (token, url) => retried(async () => (await oauth.protectedResourceRequest(token, "GET", url, undefined, null, options)).text()),
    userinfo: server.userinfo_endpoint,
  };
}

async function withOpenIDClient() {
  const keys = await openid.randomDPoPKeyPair("ES256");
  const execute = [openid.allowInsecureRequests];
  const config = await openid.discovery(new URL(issuer), clientID, undefined, openid.None(), { algorithm: "oauth2", execute });
  config[openid.customFetch] = async (...call) => {
    const response = await fetch(...call);
    if ((await response.clone().text()).includes("use_dpop_nonce")) nonces++;
    return response;
  };
  const DPoP = openid.getDPoPHandle(config, keys);
  return {
    thumbprint: await DPoP.calculateThumbprint(),
    finish: (form) => openid.genericGrantRequest(config, grant, form, { DPoP }),
    refresh: (token) => openid.refreshTokenGrant(config, token, undefined, { DPoP }),
    call: async (token, url) => (await openid.fetchProtectedResource(config, token, url, "GET", null, undefined, { DPoP })).text(),
    userinfo: config.serverMetadata().userinfo_endpoint,
  };
}

let nonces = 0;
try {
  const app = await libraries[library]();
  const verifier = randomBytes(32).toString("base64url");
  const started = await fetch(`${issuer}/itsme/sessions`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ code_challenge: createHash("sha256").update(verifier).digest("base64url"), dpop_jkt: app.thumbprint }),
  });
  console.log((await started.json()).authorization_request_url);
  const lines = createInterface({ input: process.stdin });
  const back = new URL((await lines[Symbol.asyncIterator]().next()).value).searchParams;
  lines.close();
  const tokens = await app.finish({ code: back.get("code"), state: back.get("state"), code_verifier: verifier });
  const called = await app.call(tokens.access_token, resource);
  const userinfo = JSON.parse(await app.call(tokens.access_token, new URL(app.userinfo)));
  const first = await app.refresh(tokens.refresh_token);
  const second = await app.refresh(tokens.refresh_token);
  const again = await app.call(second.access_token, resource);
  console.log(JSON.stringify({
    token_type: tokens.token_type.toLowerCase(), refreshed_type: second.token_type.toLowerCase(), called, again,
    sub: userinfo.sub, nonces, same_refresh_token: (first.refresh_token ?? tokens.refresh_token) === tokens.refresh_token,
    thumbprint: app.thumbprint, access_token: second.access_token,
  }));
} catch (error) {
  console.error(error.cause?.error ?? error.code ?? "", error.message, error.cause ?? "");
  process.exitCode = 1;
}
