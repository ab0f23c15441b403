// What the tests do again and again: log in, and read what is stored.
import assert from "node:assert/strict";
import { Refusal, type Itsme, type Reason } from "../itsme.js";
import { Phone, post } from "./phone.js";

/** The service asks for the level high there. */
export const highPath = "/high";

/** An app that is logged in. */
export async function loggedIn(phone = new Phone(), persona = "adult"): Promise<{ phone: Phone; app: Itsme }> {
  const app = phone.app();
  await app.resume();
  await app.start();
  assert.equal(await app.link(await phone.approve(persona)), true);
  assert.deepEqual(app.state, { name: "logged_in" });
  return { phone, app };
}

/** An app whose user is at itsme. */
export async function atItsme(phone = new Phone()): Promise<{ phone: Phone; app: Itsme }> {
  const app = phone.app();
  await app.resume();
  await app.start();
  assert.equal(app.state.name, "at_itsme");
  return { phone, app };
}

export const stored = (phone: Phone) => JSON.parse(phone.stored ?? "{}");

/** Makes the access token invalid and leaves the refresh token alone. */
export const spoil = (phone: Phone) => post("/itsme/revoke", { token: stored(phone).tokens.access });

export async function refusedWith(reason: Reason, call: Promise<unknown>): Promise<Refusal> {
  try {
    await call;
  } catch (error) {
    assert.ok(error instanceof Refusal, String(error));
    assert.equal(error.reason, reason);
    return error;
  }
  assert.fail(`no refusal ${reason}`);
}
