// Plays logins against a gateway: caddy-itsme demo, at ITSME_GATEWAY or http://127.0.0.1:8080.
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { after, describe, test } from "node:test";
import { base64url } from "../dpop.js";
import { readCallback, type Itsme } from "../itsme.js";
import { atItsme, highPath, loggedIn, refusedWith, spoil, stored } from "./login.js";
import { answers, holds, loses, offline, Phone, post, redirectUri, transitions } from "./phone.js";

after(() => {
  const file = process.env.ITSME_TRANSITIONS;
  if (file) writeFileSync(file, [...transitions].join("\n"));
});

describe("vectors", () => {
  const path = process.env.ITSME_VECTORS ?? `${__dirname}/../../../vectors.json`;
  const vectors = JSON.parse(readFileSync(path, "utf8"));
  const hash = async (text: string) => base64url(await new Phone().sha256(text));

  for (const v of vectors.challenges) {
    test(`challenge of ${v.code_verifier}`, async () => assert.equal(await hash(v.code_verifier), v.code_challenge));
  }
  for (const v of vectors.sessions) {
    test(`session_id of ${v.state}`, async () => assert.equal(await hash(v.state), v.session_id));
  }
  for (const v of vectors.callbacks) {
    test(v.about, async () => {
      const back = readCallback(v.url);
      assert.deepEqual(back, { state: v.state, code: v.code ?? undefined, error: v.error ?? undefined });
      assert.equal(await hash(v.state), v.session_id);
    });
  }
  for (const v of vectors.ignored) test(v.about, () => assert.equal(readCallback(v.url), undefined));

  test("random bytes of every length", () => {
    for (let n = 0; n < 70; n++) {
      const bytes = new Phone().random(n);
      assert.equal(base64url(bytes), Buffer.from(bytes).toString("base64url"));
    }
  });
});

describe("a login", () => {
  test("calls the service, and ends with the logout", async () => {
    const { phone, app } = await loggedIn();
    const answer = await app.call("GET", "/api/profile");
    assert.equal(answer.status, 200);
    assert.match(answer.body, /Lien Peeters/);
    assert.deepEqual(phone.states.map((s) => s.name), ["logged_out", "starting", "at_itsme", "finishing", "logged_in"]);
    const { refresh } = stored(phone).tokens;
    await app.logOut();
    assert.equal(phone.stored, null);
    await refusedWith("logged_out", app.call("GET", "/api/profile"));
    assert.match((await post("/itsme/token", { grant_type: "refresh_token", refresh_token: refresh })).body, /invalid_grant/);
  });

  test("sends the language, and no language that the gateway does not offer", async () => {
    for (const [locale, sent] of [["nl-BE", "nl"], ["fr", "fr"], ["pt-BR", undefined]] as const) {
      const phone = new Phone();
      phone.locale = locale;
      await phone.app().start();
      assert.equal(JSON.parse(phone.sent[0]?.body ?? "").language, sent);
    }
  });

  test("that the user refuses is final, and is cancelled", async () => {
    const { phone, app } = await atItsme();
    await app.link(await phone.refuse());
    await phone.quiet();
    assert.deepEqual(app.state, { name: "logged_out", reason: "refused" });
    assert.equal(phone.count("/cancel", "access_denied"), 1);
    assert.equal(phone.stored, null);
  });

  test("ignores the link of another login", async () => {
    const other = await atItsme();
    const { app } = await atItsme();
    assert.equal(await app.link(await other.phone.approve()), false);
    assert.equal(await app.link(`${redirectUri}?code=x&state=made-up`), false);
    assert.equal(app.state.name, "at_itsme");
  });

  test("from which the user comes back without an answer can be opened again or started over", async () => {
    const { phone, app } = await atItsme();
    await app.resume();
    assert.equal(app.state.name, "unanswered");
    await app.openItsme();
    assert.equal(phone.opened[0], phone.opened[1]);
    const late = await phone.approve();
    await app.start();
    assert.notEqual(phone.opened[2], phone.opened[0]);
    await phone.quiet();
    assert.equal(phone.count("/cancel"), 1);
    assert.equal(await app.link(late), false);
    await app.link(await phone.approve());
    assert.deepEqual(app.state, { name: "logged_in" });
  });

  test("that ended elsewhere is noticed when the user comes back", async () => {
    const { phone, app } = await atItsme();
    await post(`/itsme/sessions/${stored(phone).login.sessionId}/cancel`, {});
    const { sessionId, verifier } = stored(phone).login;
    await phone.send({
      method: "POST", url: `${redirectUri.replace("/app/callback", "")}/sessions/${sessionId}/cancel`,
      headers: { "Content-Type": "application/json" }, body: JSON.stringify({ code_verifier: verifier }),
    });
    await app.resume();
    assert.deepEqual(app.state, { name: "logged_out", reason: "refused" });
  });

  test("that took too long is over", async () => {
    const { phone, app } = await atItsme();
    await phone.sleep(3600_000);
    await app.resume();
    assert.deepEqual(app.state, { name: "logged_out", reason: "expired" });
  });

  test("that nothing opens offers to open it again", async () => {
    const phone = new Phone();
    phone.opens = false;
    const app = phone.app();
    await app.start();
    assert.equal(app.state.name, "unanswered");
  });

  test("that the gateway does not know any more is over, and one that it does not answer for is not", async () => {
    for (const [status, body, state] of [
      [404, '{"code":"session_unknown"}', "logged_out"], [404, "<h1>Not found</h1>", "unanswered"],
      [200, '{"status":"failed"}', "logged_out"], [200, '{"status":"issued"}', "logged_out"], [429, "", "unanswered"],
    ] as const) {
      const { phone, app } = await atItsme();
      phone.faults = [answers("/itsme/sessions/", status, body)];
      await app.resume();
      assert.equal(app.state.name, state);
    }
  });

  test("that comes back while the user starts over wins", async () => {
    const { phone, app } = await atItsme();
    const back = await phone.approve();
    const { fault, held, release } = holds("/itsme/sessions");
    phone.faults = [fault];
    const start = app.start();
    await held;
    await app.link(back);
    assert.deepEqual(app.state, { name: "logged_in" });
    release();
    await start;
    await phone.quiet();
    assert.deepEqual([app.state.name, phone.opened.length, stored(phone).login], ["logged_in", 1, undefined]);
    assert.equal(phone.count("/cancel"), 1);
  });
});

describe("lost answers", () => {
  test("to the start, to the code and to a refresh", async () => {
    const phone = new Phone();
    phone.faults = [loses("/itsme/sessions", 1)];
    const app = phone.app();
    await app.start();
    assert.equal(phone.count("/itsme/sessions"), 2);
    phone.faults = [loses("/itsme/token", 1)];
    await app.link(await phone.approve());
    assert.deepEqual(app.state, { name: "logged_in" });
    await spoil(phone);
    phone.faults = [loses("/itsme/token", 1)];
    assert.equal((await app.call("GET", "/api/profile")).status, 200);
    assert.equal(phone.count("/itsme/token", "refresh_token"), 2);
  });

  test("a start that never gets one ends, and so does a call", async () => {
    const phone = new Phone();
    phone.faults = [offline("/itsme/sessions")];
    const app = phone.app();
    await app.start();
    assert.deepEqual(app.state, { name: "logged_out", reason: "unreachable" });
    phone.faults = [];
    await loggedIn(phone);
    const again = phone.app();
    phone.faults = [offline("/api")];
    await refusedWith("unreachable", again.call("GET", "/api/profile"));
    assert.deepEqual(again.state, { name: "logged_in" });
  });

  test("a code without a final answer stays stored, whatever answers instead of the gateway", async () => {
    const strangers = [
      offline("/itsme/token"), answers("/itsme/token", 200, "<h1>Free Wi-Fi</h1>"), answers("/itsme/token", 302, ""),
      answers("/itsme/token", 302, '{"error":"invalid_grant"}'), answers("/itsme/token", 200, "[]"),
      answers("/itsme/token", 403, "<h1>Blocked</h1>"), answers("/itsme/token", 502, "{"),
      answers("/itsme/token", 425, '{"error":"invalid_request"}'),
      answers("/itsme/token", 503, '{"error":"temporarily_unavailable"}', { "Retry-After": "7" }),
    ];
    const { phone, app } = await atItsme();
    phone.faults = [offline("/itsme/token")];
    await app.link(await phone.approve());
    for (const stranger of strangers) {
      phone.faults = [stranger];
      await app.resume();
      assert.equal(app.state.name, "unfinished");
      assert.ok(stored(phone).login.code);
    }
    phone.faults = [];
    await app.resume();
    assert.deepEqual(app.state, { name: "logged_in" });
  });

  test("a stranger's answer to a refresh does not end the login", async () => {
    for (const stranger of [answers("/itsme/token", 403, "<h1>Blocked</h1>"), answers("/itsme/token", 200, "null"), offline("/itsme/token")]) {
      const { phone, app } = await loggedIn();
      await spoil(phone);
      phone.faults = [stranger];
      await refusedWith("unreachable", app.call("GET", "/api/profile"));
      assert.deepEqual(app.state, { name: "logged_in" });
      phone.faults = [];
      assert.equal((await app.call("GET", "/api/profile")).status, 200);
    }
  });
});

describe("the process ends", () => {
  test("between itsme and the link", async () => {
    const { phone } = await atItsme();
    const app = phone.app();
    await app.link(await phone.approve()); // a cold start: the link comes before resume
    await app.resume();
    assert.deepEqual(app.state, { name: "logged_in" });
  });

  test("between the code and its answer", async () => {
    for (const handled of [false, true]) {
      const { phone, app } = await atItsme();
      const back = await phone.approve();
      let killed = () => {};
      const killing = new Promise<void>((resolve) => { killed = resolve; });
      phone.faults = [(request, deliver) => {
        if (!request.url.endsWith("/itsme/token")) return undefined;
        void (handled ? deliver() : Promise.resolve()).then(killed);
        return new Promise(() => {}); // this process gets no answer any more
      }];
      void app.link(back);
      await killing;
      phone.faults = [];
      const next = phone.app();
      await next.resume();
      assert.deepEqual(next.state, { name: "logged_in" });
      assert.equal(await next.link(back), false); // the system delivers the link again
      assert.deepEqual(next.state, { name: "logged_in" });
    }
  });

  test("after the code is worth nothing", async () => {
    const { phone, app } = await atItsme();
    phone.faults = [offline("/itsme/token")];
    await app.link((await phone.approve()).replace(/code=[^&]*/, "code=other"));
    phone.faults = [];
    const next = phone.app();
    await next.resume();
    assert.deepEqual(next.state, { name: "logged_out", reason: "over" });
    assert.equal(phone.stored, null);
  });
});

describe("storage", () => {
  test("that cannot be read is not a logout, and loses nothing", async () => {
    const { phone } = await loggedIn();
    const before = phone.stored;
    phone.readable = false;
    const app = phone.app();
    await app.resume();
    assert.deepEqual(app.state, { name: "unreadable" });
    await refusedWith("storage", app.call("GET", "/api/profile"));
    await app.logOut();
    await app.giveUp();
    await phone.quiet();
    assert.equal(phone.stored, before);
    phone.readable = true;
    await app.resume();
    assert.deepEqual(app.state, { name: "logged_in" });
  });

  test("that can be read again shows what is stored", async () => {
    const killed = await atItsme();
    killed.phone.faults = [offline("/itsme/token")];
    await killed.app.link(await killed.phone.approve());
    killed.phone.faults = [];
    for (const [phone, state] of [[new Phone(), "logged_out"], [killed.phone, "logged_in"]] as const) {
      phone.readable = false;
      const app = phone.app();
      await app.resume();
      assert.deepEqual(app.state, { name: "unreadable" });
      phone.readable = true;
      await app.resume();
      assert.equal(app.state.name, state);
    }
  });

  test("that cannot be read when the link arrives loses no code", async () => {
    const { phone } = await atItsme();
    const back = await phone.approve();
    phone.readable = false;
    const app = phone.app();
    await app.link(back);
    assert.deepEqual(app.state, { name: "unreadable" });
    phone.readable = true;
    await app.resume();
    assert.deepEqual(app.state, { name: "logged_in" });
  });

  test("that cannot be written keeps itsme closed, and what was stored", async () => {
    for (const readable of [true, false]) {
      const { phone } = await loggedIn();
      const before = phone.stored;
      phone.writable = false;
      phone.readable = readable;
      const app = phone.app();
      await app.start();
      assert.equal(phone.opened.length, 1);
      phone.writable = phone.readable = true;
      await app.resume();
      await phone.quiet();
      assert.equal(phone.stored, before);
      assert.equal(app.state.name, "logged_in");
    }
  });

  test("with something else in it does not crash, and the user can log in anew", async () => {
    for (const garbage of ["", "null", "7", '"text"', "{", "\u0000"]) {
      const phone = new Phone();
      phone.stored = garbage;
      const app = phone.app();
      await app.resume();
      assert.deepEqual(app.state, { name: "unreadable" });
      assert.equal(phone.stored, garbage);
      await app.start();
      await app.link(await phone.approve());
      assert.deepEqual(app.state, { name: "logged_in" });
    }
  });

  test("that fails for a moment gets the tokens later", async () => {
    const { phone, app } = await atItsme();
    const back = await phone.approve();
    phone.writable = false;
    await app.link(back);
    assert.deepEqual(app.state, { name: "logged_in" });
    phone.writable = true;
    await app.resume();
    const next = phone.app();
    await next.resume();
    assert.deepEqual(next.state, { name: "logged_in" });
  });
});

describe("a refresh", () => {
  test("is one for two calls", async () => {
    const { phone, app } = await loggedIn();
    await spoil(phone);
    const both = await Promise.all([app.call("GET", "/api/profile"), app.call("GET", "/api/profile")]);
    assert.deepEqual(both.map((a) => a.status), [200, 200]);
    assert.equal(phone.count("/itsme/token", "refresh_token"), 1);
  });

  test("goes on when the caller gives up", async () => {
    const { phone, app } = await loggedIn();
    await spoil(phone);
    const before = stored(phone).tokens.access;
    const { fault, held, release } = holds("/itsme/token");
    phone.faults = [fault];
    const abandoned = app.call("GET", "/api/profile");
    await Promise.race([held, abandoned]); // the screen closes and waits no longer
    phone.faults = [];
    release();
    assert.equal((await app.call("GET", "/api/profile")).status, 200);
    assert.equal(phone.count("/itsme/token", "refresh_token"), 1);
    await phone.quiet();
    assert.notEqual(stored(phone).tokens.access, before);
    await abandoned;
  });

  test("that is under way does not undo a logout", async () => {
    const { phone, app } = await loggedIn();
    await spoil(phone);
    const { refresh } = stored(phone).tokens;
    const { fault, held, release } = holds("/itsme/token");
    phone.faults = [fault, offline("/itsme/revoke")]; // the logout does not reach the gateway either
    const call = app.call("GET", "/api/profile");
    await held;
    await app.logOut();
    phone.faults = [];
    release();
    await refusedWith("logged_out", call);
    await phone.quiet();
    assert.deepEqual(app.state, { name: "logged_out" });
    assert.equal(phone.stored, null);
    assert.match((await post("/itsme/token", { grant_type: "refresh_token", refresh_token: refresh })).body, /invalid_grant/);
  });

  test("that is refused ends the login", async () => {
    const { phone, app } = await loggedIn();
    await post("/itsme/revoke", { token: stored(phone).tokens.refresh });
    await refusedWith("over", app.call("GET", "/api/profile"));
    assert.deepEqual(app.state, { name: "logged_out", reason: "over" });
    await phone.quiet();
    assert.equal(phone.stored, null);
  });

  test("happens at most once a call", async () => {
    const { phone, app } = await loggedIn();
    phone.faults = [answers("/api", 401, '{"code":"invalid_token"}')];
    assert.equal((await app.call("GET", "/api/profile")).status, 401);
    assert.equal(phone.count("/itsme/token", "refresh_token"), 1);
  });

  test("is not what a 401 of the service itself asks for", async () => {
    const { phone, app } = await loggedIn();
    phone.faults = [answers("/api", 401, '{"message":"wrong PIN"}')];
    assert.equal((await app.call("GET", "/api/profile")).status, 401);
    assert.equal(phone.count("/itsme/token", "refresh_token"), 0);
  });
});

describe("insufficient_login", () => {
  test("asks for the same acr_values, and the next login is enough", async () => {
    const { phone, app } = await loggedIn(new Phone(), "substantial");
    const refusal = await refusedWith("step_up", app.call("GET", highPath));
    assert.deepEqual(refusal.asked, { acrValues: "high", maxAge: undefined });
    const old = stored(phone).tokens.refresh;
    await app.start(refusal.asked);
    assert.equal((await app.call("GET", "/api/profile")).status, 200); // the login that is there still works
    await app.link(await phone.approve("adult"));
    assert.equal((await app.call("GET", highPath)).status, 200);
    await phone.quiet();
    assert.notEqual(stored(phone).tokens.refresh, old);
    assert.match((await post("/itsme/token", { grant_type: "refresh_token", refresh_token: old })).body, /invalid_grant/);
  });

  test("stays asked for when the process ends at itsme", async () => {
    const { phone, app } = await loggedIn(new Phone(), "substantial");
    await app.start({ acrValues: "high" });
    const next = phone.app();
    await next.link(await phone.approve("adult"));
    assert.deepEqual(stored(phone).tokens.asked, { acrValues: "high" });
    assert.equal((await next.call("GET", highPath)).status, 200);
  });

  test("that the user cannot meet leaves the login that is there", async () => {
    const { phone, app } = await loggedIn(new Phone(), "substantial");
    await app.start({ acrValues: "high" });
    await app.link(await phone.approve("substantial"));
    assert.deepEqual(app.state, { name: "logged_in", reason: "over" });
    assert.equal((await app.call("GET", "/api/profile")).status, 200);
  });

  test("never circles", async () => {
    const demand = (challenge: string) => answers("/api", 401, '{"code":"insufficient_login"}', { "WWW-Authenticate": `Bearer ${challenge}` });
    for (const [challenge, later] of [['acr_values="high"', undefined], ['acr_values="high", max_age="300"', "step_up"]] as const) {
      const { phone, app } = await loggedIn();
      phone.faults = [demand(challenge)];
      const refusal = await refusedWith("step_up", app.call("GET", "/api/profile"));
      await app.start(refusal.asked);
      await app.link(await phone.approve());
      await refusedWith("not_enough", app.call("GET", "/api/profile"));
      await phone.sleep(301_000);
      await refusedWith(later ?? "not_enough", app.call("GET", "/api/profile"));
    }
  });
});

describe("a way out", () => {
  /** Each leads to a state in which the app waits. */
  const waits: Record<string, (phone: Phone, app: Itsme) => Promise<unknown>> = {
    at_itsme: (_, app) => app.start(),
    unanswered: async (_, app) => { await app.start(); await app.resume(); },
    unfinished: async (phone, app) => {
      await app.start();
      phone.faults = [offline("/itsme/token")];
      await app.link(await phone.approve());
    },
  };
  for (const [name, lead] of Object.entries(waits)) {
    for (const base of ["logged_out", "logged_in"] as const) {
      test(`of ${name} to ${base}`, async () => {
        const phone = new Phone();
        if (base === "logged_in") await loggedIn(phone);
        const before = phone.stored;
        const app = phone.app();
        await app.resume();
        await lead(phone, app);
        assert.equal(app.state.name, name);
        await app.giveUp();
        await phone.quiet();
        assert.deepEqual([app.state.name, phone.stored], [base, before]);
        assert.equal(phone.count("/cancel"), 1);
      });
      test(`of ${name} by starting over, and by the link after all, to ${base}`, async () => {
        const phone = new Phone();
        if (base === "logged_in") await loggedIn(phone);
        const app = phone.app();
        await lead(phone, app);
        phone.faults = [];
        if (name !== "unfinished") await app.link(await phone.refuse());
        await lead(phone, app);
        phone.faults = [];
        await app.start();
        await app.resume();
        await app.link(await phone.approve());
        assert.deepEqual(app.state, { name: "logged_in" });
      });
    }
  }

  test("of starting", async () => {
    for (const base of ["logged_out", "logged_in"] as const) {
      const phone = new Phone();
      if (base === "logged_in") await loggedIn(phone);
      const { opened, stored: before } = { opened: phone.opened.length, stored: phone.stored };
      const app = phone.app();
      await app.resume();
      const { fault, held, release } = holds("/itsme/sessions");
      phone.faults = [fault];
      const start = app.start();
      await held;
      await app.giveUp();
      assert.equal(app.state.name, base);
      release();
      await start;
      assert.deepEqual([app.state.name, phone.opened.length, phone.stored], [base, opened, before]);
      assert.equal(phone.count("/cancel"), 1);
    }
  });

  test("of finishing, with tokens that come too late", async () => {
    const { phone, app } = await atItsme();
    const { fault, held, release } = holds("/itsme/token");
    phone.faults = [fault];
    const link = app.link(await phone.approve());
    await held;
    await app.giveUp();
    assert.equal(app.state.name, "logged_out");
    release();
    await link;
    await phone.quiet();
    assert.deepEqual([app.state.name, phone.stored], ["logged_out", null]);
    assert.equal(phone.count("/itsme/revoke"), 1);
  });
});
