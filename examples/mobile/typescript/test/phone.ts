// A phone for tests: memory for storage, a clock that a test moves, and a network that loses answers.
import { createHash, randomBytes } from "node:crypto";
import type { Key } from "../dpop.js";
import { Itsme, type Device, type Request, type Response, type State } from "../itsme.js";
import { keyOf, makePair } from "../webcrypto.js";

const gateway = process.env.ITSME_GATEWAY ?? "http://127.0.0.1:8080";
export const redirectUri = `${gateway}/itsme/app/callback`;

/** Every change of state that was seen: the table in docs/mobile-code.md has the same. */
export const transitions = new Set<string>();

/** What happens to a request: undefined lets it through. */
export type Fault = (request: Request, deliver: () => Promise<Response>) => Promise<Response> | undefined;

export class Phone implements Device {
  stored: string | null = null;
  opened: string[] = [];
  sent: Request[] = [];
  states: State[] = [];
  faults: Fault[] = [];
  readable = true;
  writable = true;
  opens = true;
  locale = "nl-BE";
  /** Is there in an app with a key. ITSME_KEY gives one to every app. */
  key?: (() => Promise<Key>) | undefined = process.env.ITSME_KEY ? newKey() : undefined;
  private ahead = 0;
  private waiting = 0; // requests without an answer

  /** Returns a phone whose app binds its logins to a key. The system has the key, and stored does not. */
  static withKey(): Phone {
    const phone = new Phone();
    phone.key = newKey();
    return phone;
  }

  /** Starts the app: a new process with what is stored. */
  app(): Itsme {
    let before = "unread";
    return new Itsme(this, { gateway, redirectUri }, (state) => {
      this.states.push(state);
      if (state.name !== before) transitions.add(`${before} ${state.name}`);
      before = state.name;
    });
  }

  async send(request: Request): Promise<Response> {
    this.waiting++;
    return this.deliver(request).finally(() => { this.waiting--; });
  }

  /** Waits until the app does nothing more. */
  async quiet(): Promise<void> {
    for (let idle = 0; idle < 20; idle = this.waiting === 0 ? idle + 1 : 0) await new Promise((resolve) => setImmediate(resolve));
  }

  private async deliver(request: Request): Promise<Response> {
    this.sent.push(request);
    const deliver = () => deliverOver(request);
    for (const fault of this.faults) {
      const answer = fault(request, deliver);
      if (answer) return answer;
    }
    return deliver();
  }

  async read(): Promise<string | null> {
    if (!this.readable) throw new Error("errSecInteractionNotAllowed");
    return this.stored;
  }

  async write(text: string | null): Promise<void> {
    if (!this.writable) throw new Error("errSecInteractionNotAllowed");
    this.stored = text;
  }

  async open(link: string): Promise<void> {
    if (!this.opens) throw new Error("no app opens this");
    this.opened.push(link);
  }

  random(count: number): Uint8Array {
    return randomBytes(count);
  }

  async sha256(text: string): Promise<Uint8Array> {
    return createHash("sha256").update(text).digest();
  }

  language(): string {
    return this.locale;
  }

  now(): number {
    return Date.now() + this.ahead;
  }

  /** Moves the phone's clock. The gateway's goes on as it does. */
  async sleep(milliseconds: number): Promise<void> {
    this.ahead += milliseconds;
    await new Promise((resolve) => setImmediate(resolve));
  }

  /** The user's decision in the simulated itsme. It returns the link that itsme opens then. */
  async decide(form: Record<string, string>): Promise<string> {
    const link = this.opened.at(-1);
    if (!link) throw new Error("itsme was not opened");
    const answer = await fetch(link, { method: "POST", body: new URLSearchParams(form), redirect: "manual" });
    const back = answer.headers.get("Location");
    if (!back?.startsWith(redirectUri)) throw new Error(`itsme answered ${answer.status} and opened ${back}`);
    return back;
  }

  approve(persona = "adult"): Promise<string> {
    return this.decide({ decision: "approve", persona });
  }

  refuse(): Promise<string> {
    return this.decide({ decision: "refuse" });
  }

  count(path: string, word = ""): number {
    return this.sent.filter((r) => r.url.endsWith(path) && (r.body ?? "").includes(word)).length;
  }
}

/** Returns what the system does for an app: it makes one key, and keeps it. */
export function newKey(): () => Promise<Key> {
  let pair: ReturnType<typeof makePair> | undefined;
  return async () => keyOf(await (pair ??= makePair()));
}

async function deliverOver({ method, url, headers, body }: Request): Promise<Response> {
  const answer = await fetch(url, { method, headers, body, redirect: "manual", signal: AbortSignal.timeout(20_000) });
  return { status: answer.status, header: (name) => answer.headers.get(name), body: await answer.text() };
}

/** Posts past the app, as a test may. */
export async function post(path: string, form: Record<string, string>): Promise<Response> {
  const headers = { "Content-Type": "application/x-www-form-urlencoded" };
  return deliverOver({ method: "POST", url: gateway + path, headers, body: new URLSearchParams(form).toString() });
}

/** Loses the first count answers of a path. The gateway has handled the requests. */
export function loses(path: string, count: number): Fault {
  return (request, deliver) => {
    if (!request.url.endsWith(path) || count-- <= 0) return undefined;
    return deliver().then(() => { throw new Error("connection lost"); });
  };
}

/** Lets no request to a path reach the gateway. */
export function offline(path: string): Fault {
  return (request) => (request.url.includes(path) ? Promise.reject(new Error("no network")) : undefined);
}

/** Answers a path itself, as a Wi-Fi portal or a broken proxy does. */
export function answers(path: string, status: number, body: string, header: Record<string, string> = {}): Fault {
  const answer = { status, body, header: (name: string) => header[name] };
  return (request) => (request.url.includes(path) ? Promise.resolve(answer) : undefined);
}

/** Holds the answers of a path back until release is called. held resolves once a request waits. */
export function holds(path: string): { fault: Fault; held: Promise<void>; release: () => void } {
  let release = () => {};
  let arrived = () => {};
  const released = new Promise<void>((resolve) => { release = resolve; });
  const held = new Promise<void>((resolve) => { arrived = resolve; });
  const fault: Fault = (request, deliver) => {
    if (!request.url.endsWith(path)) return undefined;
    return deliver().then(async (answer) => {
      arrived();
      await released;
      return answer;
    });
  };
  return { fault, held, release: () => release() };
}
