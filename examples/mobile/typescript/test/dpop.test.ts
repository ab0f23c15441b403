// Plays logins that are bound to a key (RFC 9449) against a gateway: caddy-itsme demo, as itsme.test.ts does.
import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { describe, test } from "node:test";
import { Proofs, thumbprint } from "../dpop.js";
import type { Request } from "../itsme.js";
import { keyOf, makePair } from "../webcrypto.js";
import { atItsme, highPath, loggedIn, refusedWith, spoil, stored } from "./login.js";
import { answers, loses, newKey, Phone, post, type Fault } from "./phone.js";

const hour = 3600_000;
const hash = (text: string) => createHash("sha256").update(text).digest("base64url");
const parse = (part = "") => JSON.parse(Buffer.from(part, "base64url").toString());

/** Returns the payload of a request's proof, undefined without one. */
function proof(request?: Request) {
  const parts = request?.headers.DPoP?.split(".");
  return parts && { ...parse(parts[1]), header: parse(parts[0]) };
}

const tokenPath = (request: Request) => request.url.endsWith("/itsme/token");
const apiPath = (request: Request) => request.url.includes("/api/");

/** Refuses every proof of a path for its nonce, with another nonce each time. */
function asksForNonces(path: string, status: number, member: string): Fault {
  let count = 0;
  return (request, deliver) => {
    if (!request.url.includes(path)) return undefined;
    return answers(path, status, `{"${member}":"use_dpop_nonce"}`, { "DPoP-Nonce": `nonce-${++count}` })(request, deliver);
  };
}

describe("proofs", () => {
  const vectors = JSON.parse(readFileSync(process.env.ITSME_VECTORS ?? `${__dirname}/../../../vectors.json`, "utf8"));
  for (const v of vectors.keys) {
    test(`thumbprint of ${v.x}`, async () => assert.equal(await thumbprint(v, new Phone()), v.thumbprint));
  }

  test("have a key that WebCrypto does not export", async () => {
    const { privateKey } = await makePair();
    for (const format of ["jwk", "pkcs8"] as const) await assert.rejects(async () => crypto.subtle.exportKey(format as "jwk", privateKey));
    const exportable = await crypto.subtle.generateKey({ name: "ECDSA", namedCurve: "P-256" }, true, ["sign"]);
    await assert.rejects(keyOf(exportable), /can be exported/);
  });

  test("have no signature in ASN.1", async () => {
    const key = { ...(await keyOf(await makePair())), sign: async () => randomBytes(71) };
    const proofs = await Proofs.of(key, new Phone());
    await assert.rejects(proofs.make("GET", "https://app.example.be/"), /64 bytes/);
  });

  test("have no nonce that breaks the syntax of RFC 9449", async () => {
    const proofs = await Proofs.of(await keyOf(await makePair()), new Phone());
    for (const nonce of [null, undefined, "", "a b", 'a"b', "a\\b", "é", "a".repeat(257)]) assert.equal(proofs.keep(nonce), false);
    assert.equal(proofs.keep("!#[]~"), true);
    const made = await proofs.make("GET", "https://app.example.be/");
    assert.equal(parse(made.split(".")[1]).nonce, "!#[]~");
  });
});

describe("a login with a key", () => {
  test("calls, refreshes and logs out, and stores the name of the key alone", async () => {
    const { phone, app } = await loggedIn(Phone.withKey());
    const { key, access, refresh } = stored(phone).tokens;
    assert.deepEqual(Object.keys(stored(phone).tokens).sort(), ["access", "asked", "at", "key", "refresh"]);
    assert.equal(JSON.parse(phone.sent[0]?.body ?? "").dpop_jkt, key);
    assert.match((await app.call("GET", "/api/profile")).body, /Lien Peeters/);
    await spoil(phone);
    assert.equal((await app.call("GET", "/api/profile")).status, 200);
    assert.notEqual(stored(phone).tokens.access, access);
    assert.deepEqual([stored(phone).tokens.refresh, stored(phone).tokens.key], [refresh, key]); // neither changes
    await app.logOut();
    assert.equal(phone.stored, null);
    assert.match((await post("/itsme/token", { grant_type: "refresh_token", refresh_token: refresh })).body, /invalid_/);
  });

  test("proves every request anew, and each for its own URL, method and token", async () => {
    const { phone, app } = await loggedIn(Phone.withKey());
    const { access } = stored(phone).tokens;
    assert.equal((await app.call("POST", "/api/é/%C3%A9?page=2", {}, "{}")).status, 200);
    const [token, call] = [phone.sent.find(tokenPath), phone.sent.find(apiPath)];
    const { x, y } = await phone.key!();
    for (const request of [token, call]) {
      assert.deepEqual(proof(request).header, { typ: "dpop+jwt", alg: "ES256", jwk: { kty: "EC", crv: "P-256", x, y } });
    }
    assert.deepEqual([proof(token).htm, proof(token).htu, proof(token).ath], ["POST", token?.url, undefined]);
    assert.deepEqual([proof(call).htm, proof(call).ath], ["POST", hash(access)]);
    assert.ok(proof(call).htu.endsWith("/api/%C3%A9/%C3%A9"));
    assert.equal(call?.headers.Authorization, `DPoP ${access}`);
    for (let n = 0; n < 3; n++) await app.call("GET", "/api/profile");
    const ids = phone.sent.filter((r) => r.headers.DPoP).map((r) => proof(r).jti);
    assert.deepEqual([ids.length, new Set(ids).size], [5, 5]);
  });

  test("has tokens that are of no use without the key", async () => {
    const { phone } = await loggedIn(Phone.withKey());
    const { access, refresh } = stored(phone).tokens;
    const url = phone.sent[0]!.url.replace("/itsme/sessions", "/api/profile");
    assert.equal((await phone.send({ method: "GET", url, headers: { Authorization: `Bearer ${access}` } })).status, 401);
    assert.match((await post("/itsme/token", { grant_type: "refresh_token", refresh_token: refresh })).body, /invalid_dpop_proof/);
  });

  test("survives lost answers to the start, to the code and to a refresh", async () => {
    const phone = Phone.withKey();
    phone.faults = [loses("/itsme/sessions", 1)];
    const app = phone.app();
    await app.start();
    phone.faults = [loses("/itsme/token", 1)];
    await app.link(await phone.approve());
    assert.deepEqual(app.state, { name: "logged_in" });
    await spoil(phone);
    phone.faults = [loses("/itsme/token", 1)];
    assert.equal((await app.call("GET", "/api/profile")).status, 200);
    assert.equal(phone.count("/itsme/token", "refresh_token"), 2);
  });

  test("goes on in a new process", async () => {
    const { phone } = await atItsme(Phone.withKey());
    const app = phone.app();
    await app.link(await phone.approve());
    await app.resume();
    assert.equal((await app.call("GET", "/api/profile")).status, 200);
    assert.equal((await phone.app().call("GET", "/api/profile")).status, 200);
  });

  test("steps up", async () => {
    const { phone, app } = await loggedIn(Phone.withKey(), "substantial");
    const refusal = await refusedWith("step_up", app.call("GET", highPath));
    await app.start(refusal.asked);
    await app.link(await phone.approve("adult"));
    assert.equal((await app.call("GET", highPath)).status, 200);
  });
});

describe("a nonce", () => {
  test("corrects a wrong clock once, and stays for the next requests", async () => {
    const phone = Phone.withKey();
    await phone.sleep(hour);
    const { app } = await loggedIn(phone);
    const finish = phone.sent.filter(tokenPath).map(proof);
    assert.deepEqual(finish.map((p) => p.nonce !== undefined), [false, true]);
    assert.notEqual(finish[0].jti, finish[1].jti);
    assert.equal((await app.call("GET", "/api/profile")).status, 200);
    assert.deepEqual(phone.sent.filter(apiPath).map((r) => proof(r).nonce), [finish[1].nonce]);
    const next = phone.app(); // a nonce lives as long as the process
    assert.equal((await next.call("GET", "/api/profile")).status, 200);
    assert.deepEqual(phone.sent.filter(apiPath).map((r) => proof(r).nonce !== undefined), [true, false, true]);
  });

  test("is the newest that an answer brought", async () => {
    const { phone, app } = await loggedIn(Phone.withKey());
    for (const fresh of ["first", "second"]) {
      phone.faults = [answers("/api", 200, "{}", { "DPoP-Nonce": fresh })];
      await app.call("GET", "/api/profile");
    }
    phone.faults = [answers("/api", 200, "{}")];
    await app.call("GET", "/api/profile");
    assert.deepEqual(phone.sent.filter(apiPath).map((r) => proof(r).nonce), [undefined, "first", "second"]);
    phone.faults = []; // the gateway did not make it, and asks for its own
    assert.equal((await app.call("GET", "/api/profile")).status, 200);
  });

  test("is asked for once a request", async () => {
    const { phone, app } = await loggedIn(Phone.withKey());
    phone.faults = [asksForNonces("/api", 401, "code")];
    assert.equal((await app.call("GET", "/api/profile")).status, 401);
    assert.deepEqual(phone.sent.filter(apiPath).map((r) => proof(r).nonce), [undefined, "nonce-1"]);
    phone.faults = [];
    await spoil(phone);
    const before = phone.sent.filter(tokenPath).length;
    phone.faults = [asksForNonces("/itsme/token", 400, "error")];
    await refusedWith("unreachable", app.call("GET", "/api/profile"));
    const nonces = phone.sent.filter(tokenPath).slice(before).map((r) => proof(r).nonce);
    assert.equal(nonces.length % 2, 0); // two for each request, and a pause between them
    assert.deepEqual(nonces.slice(1), nonces.slice(1).map((_, i) => `nonce-${i + 1}`));
    assert.deepEqual(app.state, { name: "logged_in" });
  });

  test("that did not come is no reason to repeat a request", async () => {
    const { phone, app } = await loggedIn(Phone.withKey());
    for (const [status, body] of [[401, '{"code":"use_dpop_nonce"}'], [403, '{"code":"invalid_dpop_proof"}']] as const) {
      phone.faults = [answers("/api", status, body)];
      phone.sent = [];
      assert.equal((await app.call("POST", "/api/pay", {}, "{}")).status, status);
      assert.equal(phone.sent.length, 1);
    }
  });
});

describe("a proof", () => {
  test("that HTTP sent twice is followed by another, once", async () => {
    const { phone, app } = await loggedIn(Phone.withKey());
    for (const path of ["/api/profile", "/itsme/token"]) {
      if (path === "/itsme/token") await spoil(phone);
      let twice = 1;
      phone.faults = [(request, deliver) => (request.url.endsWith(path) && twice-- > 0 ? deliver().then(deliver) : undefined)];
      phone.sent = [];
      assert.equal((await app.call("GET", "/api/profile")).status, 200);
      const proofs = phone.sent.filter((r) => r.url.endsWith(path) && r.headers.DPoP).map((r) => proof(r).jti);
      assert.equal(new Set(proofs).size, 2);
    }
  });

  test("that the gateway refuses again is a defect, which ends no login", async () => {
    const { phone, app } = await loggedIn(Phone.withKey());
    await spoil(phone);
    phone.faults = [answers("/itsme/token", 400, '{"error":"invalid_dpop_proof"}')];
    await refusedWith("failed", app.call("GET", "/api/profile"));
    assert.equal(phone.count("/itsme/token", "refresh_token"), 2);
    assert.deepEqual(app.state, { name: "logged_in" });
  });
});

describe("an app without a key", () => {
  test("sends no proof, and has bearer tokens", async () => {
    const { phone, app } = await loggedIn();
    assert.equal((await app.call("GET", "/api/profile")).status, 200);
    await spoil(phone);
    assert.equal((await app.call("GET", "/api/profile")).status, 200);
    assert.ok(phone.sent.every(({ headers, body }) => !("DPoP" in headers) && !body?.includes("dpop")));
    assert.match(phone.sent.at(-1)?.headers.Authorization ?? "", /^Bearer /);
    assert.equal(stored(phone).tokens.key, undefined);
  });

  test("does not repeat what it cannot prove", async () => {
    const { phone, app } = await loggedIn();
    phone.faults = [answers("/api", 401, '{"code":"invalid_dpop_proof"}', { "DPoP-Nonce": "fresh" })];
    assert.equal((await app.call("GET", "/api/profile")).status, 401);
    assert.equal(phone.sent.filter(apiPath).length, 1);
  });

  test("fails where the gateway demands one", async () => {
    const { phone, app } = await atItsme();
    phone.faults = [answers("/itsme/token", 400, '{"error":"invalid_dpop_proof"}')];
    await app.link(await phone.approve());
    assert.deepEqual(app.state, { name: "logged_out", reason: "failed" });
  });
});

describe("an update of the app", () => {
  test("that brings a key binds the login at its next refresh", async () => {
    const { phone } = await loggedIn();
    phone.key = newKey();
    const app = phone.app();
    assert.equal((await app.call("GET", "/api/profile")).status, 200);
    assert.ok(phone.sent.every((r) => !r.headers.DPoP)); // a bearer token has no proof
    await spoil(phone);
    assert.equal((await app.call("GET", "/api/profile")).status, 200);
    assert.match(phone.sent.at(-1)?.headers.Authorization ?? "", /^DPoP /);
    await phone.quiet();
    assert.equal(stored(phone).tokens.key, await thumbprint(await phone.key!(), phone));
    assert.equal((await phone.app().call("GET", "/api/profile")).status, 200);
  });

  test("finishes a login that began without a key", async () => {
    const { phone } = await atItsme();
    phone.key = newKey();
    const app = phone.app();
    await app.link(await phone.approve());
    assert.deepEqual(app.state, { name: "logged_in" });
    assert.ok(stored(phone).tokens.key);
    assert.equal((await app.call("GET", "/api/profile")).status, 200);
  });
});

describe("a key", () => {
  /** What a phone has after its key is lost: none, or a new one. */
  const losses = [["missing", undefined], ["another", newKey()]] as const;

  for (const [name, key] of losses) {
    test(`that is ${name} ends the login, and no token is sent`, async () => {
      const { phone } = await loggedIn(Phone.withKey());
      const before = phone.sent.length;
      phone.key = key;
      const app = phone.app();
      await refusedWith("over", app.call("GET", "/api/profile"));
      await phone.quiet();
      assert.deepEqual([app.state, phone.stored, phone.sent.length], [{ name: "logged_out", reason: "over" }, null, before]);
      await app.start();
      await app.link(await phone.approve());
      assert.equal((await app.call("GET", "/api/profile")).status, 200);
    });

    test(`that is ${name} when itsme comes back ends the login under way`, async () => {
      const { phone } = await atItsme(Phone.withKey());
      phone.key = key;
      const app = phone.app();
      await app.link(await phone.approve());
      await phone.quiet();
      assert.deepEqual([app.state, phone.stored], [{ name: "logged_out", reason: "over" }, null]);
      assert.equal(phone.count("/itsme/token"), 0);
    });
  }

  test("that is locked for a moment ends nothing", async () => {
    const phone = Phone.withKey();
    const { key } = phone;
    const lock = () => { phone.key = () => Promise.reject(new Error("errSecInteractionNotAllowed")); };
    lock();
    const first = phone.app();
    await first.start();
    assert.deepEqual([first.state, phone.sent.length], [{ name: "logged_out", reason: "storage" }, 0]);
    phone.key = key;
    await first.start();
    phone.key = () => { throw new Error("errSecInteractionNotAllowed"); };
    const second = phone.app();
    await second.link(await phone.approve());
    await second.resume();
    assert.equal(second.state.name, "unfinished");
    phone.key = key;
    await second.resume();
    assert.deepEqual(second.state, { name: "logged_in" });
    lock();
    const third = phone.app();
    await refusedWith("storage", third.call("GET", "/api/profile"));
    assert.deepEqual(third.state, { name: "logged_in" });
    phone.key = key;
    assert.equal((await third.call("GET", "/api/profile")).status, 200);
  });

  test("that does not sign for a moment ends nothing", async () => {
    const { phone } = await loggedIn(Phone.withKey());
    const key = await phone.key!();
    let locked = true;
    phone.key = async () => ({ ...key, sign: (text) => (locked ? Promise.reject(new Error("locked")) : key.sign(text)) });
    const app = phone.app();
    await spoil(phone);
    await refusedWith("storage", app.call("GET", "/api/profile"));
    assert.deepEqual(app.state, { name: "logged_in" });
    locked = false;
    assert.equal((await app.call("GET", "/api/profile")).status, 200);
  });
});
