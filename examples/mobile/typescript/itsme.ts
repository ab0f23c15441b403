// Logs a user in with itsme through the gateway: the state machine of docs/mobile-code.md, for React
// Native, Expo, Capacitor and Ionic. It imports dpop.ts alone. What a phone does stands in Device.
import { base64url, Proofs, type Key } from "./dpop";

/** What the core needs of the phone. The folder bindings has one for Expo and one for Capacitor. */
export interface Device {
  /**
   * Sends a request and returns the answer, whatever its status. It rejects when none arrives within
   * 20 seconds. It follows no redirect and sends no cookies.
   */
  send(request: Request): Promise<Response>;
  /** Reads what write stored, null if nothing is stored. It rejects when storage cannot be read. */
  read(): Promise<string | null>;
  /** Stores a text that outlives the process, on this device alone and encrypted. Null deletes it. */
  write(text: string | null): Promise<void>;
  /** Opens a link with the system, never in a web view. It rejects when nothing opens it. */
  open(link: string): Promise<void>;
  /** Returns bytes of the system's cryptographic random source. */
  random(count: number): Uint8Array | Promise<Uint8Array>;
  sha256(text: string): Promise<Uint8Array>;
  /** Returns the language of the app's texts, such as nl or fr-BE. */
  language(): string;
  /** Returns the time in milliseconds, as Date.now does. */
  now(): number;
  sleep(milliseconds: number): Promise<void>;
  /**
   * Returns the key that binds logins to this phone (DPoP), and makes it if there is none. It rejects when
   * the key cannot be used now, as on a locked phone. An app without this function has no key.
   */
  key?(): Promise<Key>;
}

export interface Request {
  method: string;
  url: string;
  headers: Record<string, string>;
  body?: string;
}

export interface Response {
  status: number;
  /** Returns a header of the answer, whatever the case of its name. */
  header(name: string): string | null | undefined;
  body: string;
}

export interface Settings {
  /** The gateway's public_url, without a slash at the end. */
  gateway: string;
  /** One of the gateway's app_redirect_url, letter for letter. */
  redirectUri: string;
}

/** What a login is asked for, beyond the gateway's own configuration. */
export interface Asked {
  acrValues?: string;
  maxAge?: number;
}

/** Why a login or a call did not succeed. docs/mobile-code.md says what to show for each. */
export type Reason =
  | "refused" // the user, or itsme, refused or cancelled
  | "expired" // it took too long
  | "over" // the gateway does not accept the login any more, or the level was not reached
  | "unreachable" // no answer of the gateway arrived
  | "storage" // the phone's secure storage failed
  | "logged_out" // there is no login, or it ended during the call
  | "step_up" // the service asks for another login: start(refusal.asked), then call again
  | "not_enough" // the service asks for another login, and this one was asked for the same
  | "failed"; // a defect of the app or of the configuration

export type State =
  | { name: "unread" } // before the first resume
  | { name: "unreadable" } // storage cannot be read: not the same as logged out
  | { name: "logged_out"; reason?: Reason }
  | { name: "starting" }
  | { name: "at_itsme" }
  | { name: "unanswered" } // the user is back, or itsme did not open
  | { name: "finishing" }
  | { name: "unfinished" } // the code is stored, and the gateway has not answered
  | { name: "logged_in"; reason?: Reason }; // reason: why another login did not succeed

/** A refusal to start, to finish or to call. asked is what the next login needs. */
export class Refusal extends Error {
  constructor(readonly reason: Reason, readonly asked?: Asked) {
    super(reason);
  }
}

/** No final answer: the same request may be sent again after some seconds. */
class Again extends Error {
  constructor(readonly seconds: number, readonly reason: Reason = "unreachable") {
    super("again");
  }
}

/** A login under way. code and state are there once itsme came back, until a final answer. */
interface Login {
  sessionId: string;
  verifier: string;
  link: string;
  expiresAt: number;
  interval: number;
  asked: Asked;
  /** The thumbprint of the key that the login began with. It names the key, which the system keeps. */
  key?: string;
  code?: string;
  state?: string;
}

interface Tokens {
  access: string;
  refresh?: string;
  /** The thumbprint of the key that the tokens are bound to. Without one they are bearer tokens. */
  key?: string;
  /** What the login was asked for, and when it ended. With both, no step-up is offered twice. */
  asked: Asked;
  at: number;
}

/** All that is stored. It is written as one text, so that no half of it can be lost. */
interface Kept {
  login?: Login;
  tokens?: Tokens;
}

export class Itsme {
  state: State = { name: "unread" };
  private kept?: Kept; // undefined until storage was read
  private attempt = 0; // changes when the user gives up
  private late?: string; // a link that arrived before storage could be read
  private writing: Promise<unknown> = Promise.resolve();
  private unwritten = false;
  private refreshing?: Promise<Tokens>;
  private proving?: Promise<Proofs>;

  constructor(
    private readonly device: Device,
    private readonly settings: Settings,
    private readonly changed: (state: State) => void = () => {},
  ) {}

  // To itsme.

  /** Starts a login and opens itsme. It replaces a login under way. Call it from the user's tap. */
  async start(asked: Asked = {}): Promise<void> {
    if (this.state.name === "starting" || this.state.name === "finishing") return;
    const attempt = ++this.attempt;
    await this.load(); // unreadable: the user chose to log in anew
    if (attempt !== this.attempt) return;
    this.become({ name: "starting" });
    try {
      const verifier = base64url(await this.device.random(32));
      const login = await this.patiently(20, async () => {
        const key = (await this.proofs())?.thumbprint;
        return this.started(await this.post("/itsme/sessions", {
          code_challenge: await this.hash(verifier),
          code_challenge_method: "S256",
          redirect_uri: this.settings.redirectUri,
          language: this.language(),
          acr_values: asked.acrValues,
          max_age: asked.maxAge,
          dpop_jkt: key,
        }), { verifier, asked, key });
      });
      if (attempt !== this.attempt) return this.cancel(login);
      const before = this.kept;
      if (!(await this.keep({ ...before, login }))) { // before itsme opens
        this.kept = before;
        void this.cancel(login);
        throw new Refusal("storage");
      }
      if (before?.login) void this.cancel(before.login);
      if (attempt !== this.attempt) return;
      await this.openItsme();
    } catch (error) {
      if (attempt === this.attempt) this.end(reasonOf(error));
    }
  }

  /** Opens itsme for the login under way. It may be called again. */
  async openItsme(): Promise<void> {
    const login = this.kept?.login;
    if (!login || login.code) return;
    this.become({ name: "at_itsme" });
    await this.device.open(login.link).catch(() => {
      if (this.kept?.login === login) this.become({ name: "unanswered" });
    });
  }

  /** Cancels the login under way. It ends every state in which the app waits. */
  async giveUp(): Promise<void> {
    this.attempt++;
    const login = this.kept?.login;
    this.end();
    if (login) await this.cancel(login);
  }

  // And back.

  /**
   * Takes a link that opened the app, and reports whether it belongs to the login under way. Any app
   * and any page can send links: this one counts by the hash of its state.
   */
  async link(url: string): Promise<boolean> {
    const back = readCallback(url);
    if (!back) return false;
    if (!(await this.load())) {
      this.late = url;
      return false;
    }
    const login = this.kept?.login;
    if (!login || (await this.hash(back.state)) !== login.sessionId || this.kept?.login !== login) return false;
    if (login.code) return true; // the same link again
    if (!back.code) {
      this.end(back.error === "access_denied" ? "refused" : "failed");
      void this.cancel(login, back.error);
      return true;
    }
    this.attempt++; // a start that is under way gives way to the login that came back
    const returned = { ...login, code: back.code, state: back.state };
    void this.keep({ ...this.kept, login: returned }); // memory has it at once
    await this.finish(returned);
    return true;
  }

  /** Call it when the app starts and whenever it comes to the foreground. */
  async resume(): Promise<void> {
    if (!(await this.load())) return;
    if (this.late) await this.link(this.late);
    this.late = undefined;
    if (this.unwritten) await this.keep({ ...this.kept });
    const login = this.kept?.login;
    if (!login || this.state.name === "starting") return;
    if (login.code) return this.finish(login);
    if (login.expiresAt < this.device.now()) return this.end("expired");
    await this.device.sleep(2000 * login.interval); // the link may be on its way
    await this.ask(login);
  }

  /** Asks how a login stands from which the user came back without an answer. */
  private async ask(login: Login): Promise<void> {
    const waits = () => this.kept?.login === login && this.state.name === "at_itsme";
    if (!waits()) return;
    const answer = await this.request({ method: "GET", path: `/itsme/sessions/${login.sessionId}` }).catch(() => undefined);
    if (!waits()) return;
    const status = text(json(answer), "status") ?? (answer?.status === 404 ? text(json(answer), "code") : undefined);
    switch (status) {
      case "denied": case "aborted": case "cancelled": return this.end("refused");
      case "expired": case "session_unknown": return this.end("expired");
      case "failed": return this.end("failed");
      case "issued": return this.end("over");
      default: this.become({ name: "unanswered" }); // pending, or no answer
    }
  }

  /** Redeems the code. Without a final answer the code stays stored, and resume tries again. */
  private async finish(login: Login): Promise<void> {
    if (this.state.name === "finishing") return;
    this.become({ name: "finishing" });
    try {
      const tokens = await this.patiently(60, () => this.tokens(login, {
        grant_type: "authorization_code", code: login.code, state: login.state, code_verifier: login.verifier,
      }));
      if (this.kept?.login !== login) return void this.revoke(tokens); // given up meanwhile
      if (this.kept.tokens) void this.revoke(this.kept.tokens); // of the login that this one replaces
      void this.keep({ tokens: { ...tokens, asked: login.asked, at: this.device.now() } });
      this.become({ name: "logged_in" });
    } catch (error) {
      if (this.kept?.login !== login) return;
      if (error instanceof Again) this.become({ name: "unfinished" });
      else this.end(reasonOf(error));
    }
  }

  // Logged in.

  /**
   * Calls the service with the access token. It throws a Refusal when the gateway refuses the login. The
   * path is percent-encoded and has no dot segments: a proof names it as it stands here.
   */
  async call(method: string, path: string, headers: Record<string, string> = {}, body?: string): Promise<Response> {
    if (!(await this.load())) throw new Refusal("storage");
    let tokens = this.kept?.tokens;
    for (let refreshed = false; ; refreshed = true) {
      if (!tokens) throw new Refusal("logged_out");
      const answer = await this.presented(tokens, { method, path, headers, body });
      const code = answer.status === 401 ? text(json(answer), "code") : undefined;
      if (code === "insufficient_login") {
        throw stepUp(tokens, answer.header("WWW-Authenticate") ?? "", this.device.now());
      }
      if (refreshed || (code !== "invalid_token" && code !== "authentication_required")) return answer;
      tokens = await this.refreshed(tokens);
    }
  }

  /** Sends a request with the access token, and with a proof if the token is bound. */
  private async presented(tokens: Tokens, request: Unsent): Promise<Response> {
    try {
      const proofs = tokens.key === undefined ? undefined : await this.proofsOf(tokens);
      const Authorization = `${proofs ? "DPoP" : "Bearer"} ${tokens.access}`;
      return await this.request({ ...request, headers: { ...request.headers, Authorization } }, proofs, tokens.access);
    } catch (error) {
      throw this.refused(tokens, error);
    }
  }

  /** Returns newer tokens. All calls share one exchange, which goes on when a caller gives up. */
  private refreshed(tokens: Tokens): Promise<Tokens> {
    const now = this.kept?.tokens;
    if (!now) return Promise.reject(new Refusal("logged_out"));
    if (now !== tokens) return Promise.resolve(now);
    this.refreshing ??= this.refresh(tokens).finally(() => { this.refreshing = undefined; });
    return this.refreshing;
  }

  private async refresh(tokens: Tokens): Promise<Tokens> {
    const current = () => this.kept?.tokens === tokens;
    try {
      if (!tokens.refresh) throw new Refusal("over");
      const answer = await this.patiently(25, () => this.tokens(tokens, {
        grant_type: "refresh_token", refresh_token: tokens.refresh,
      }));
      const next = { ...tokens, ...answer, refresh: answer.refresh ?? tokens.refresh };
      if (!current()) {
        void this.revoke(next); // a logout or another login came first
        if (this.kept?.tokens) return this.kept.tokens;
        throw new Refusal("logged_out");
      }
      void this.keep({ ...this.kept, tokens: next });
      return next;
    } catch (error) {
      throw this.refused(tokens, error);
    }
  }

  /** Returns the refusal for an error. It forgets tokens that are over. */
  private refused(tokens: Tokens, error: unknown): Refusal {
    const reason = reasonOf(error);
    if (reason === "over" && this.kept?.tokens === tokens) {
      void this.keep({ login: this.kept.login });
      if (!this.kept.login) this.become({ name: "logged_out", reason });
    }
    return new Refusal(reason);
  }

  /** Forgets the login at once, and ends it at the gateway. */
  async logOut(): Promise<void> {
    if (!this.kept) return; // unreadable: there is nothing that could be ended
    const { tokens, login } = this.kept;
    this.attempt++;
    void this.keep({});
    this.become({ name: "logged_out" });
    if (login) void this.cancel(login);
    if (tokens) await this.revoke(tokens);
  }

  // What is kept.

  /** Reads storage once. It reports whether it could. It never deletes anything. */
  private async load(): Promise<boolean> {
    if (this.kept) return true;
    let kept: Kept;
    try {
      kept = (await this.device.read().then((stored) => JSON.parse(stored ?? "{}"))) as Kept;
      if (typeof kept !== "object" || kept === null) throw new Error("not what write stored");
    } catch {
      if (!this.kept) this.become({ name: "unreadable" });
      return this.kept !== undefined;
    }
    if (this.kept) return true; // another call was first
    this.kept = kept;
    if (kept.login) this.become({ name: kept.login.code ? "unfinished" : "at_itsme" });
    else this.become({ name: kept.tokens ? "logged_in" : "logged_out" });
    return true;
  }

  /** Keeps something in memory at once, and then in storage. Writes follow each other. */
  private keep(kept: Kept): Promise<boolean> {
    this.kept = kept;
    const written = this.writing.then(async () => {
      const now = this.kept;
      if (!now) return false; // nothing was read, so nothing may be overwritten
      try {
        await this.device.write(now.login || now.tokens ? JSON.stringify(now) : null);
        this.unwritten = false;
      } catch {
        this.unwritten = true; // resume writes it again
      }
      return !this.unwritten;
    });
    this.writing = written;
    return written;
  }

  /** Ends the login under way. The tokens of an older login stay. */
  private end(reason?: Reason): void {
    if (this.kept?.login) void this.keep({ tokens: this.kept.tokens });
    if (!this.kept) this.become({ name: "unreadable" });
    else this.become({ name: this.kept.tokens ? "logged_in" : "logged_out", reason });
  }

  private become(state: State): void {
    this.state = state;
    this.changed(state);
  }

  // The gateway.

  private started(answer: Json, begun: Pick<Login, "verifier" | "asked" | "key">): Login {
    const sessionId = text(answer, "session_id");
    const link = text(answer, "authorization_request_url");
    if (!sessionId || !link) throw new Again(2); // an answer of another server, such as a Wi-Fi portal
    const expiresAt = this.device.now() + 1000 * number(answer, "expires_in", 300);
    return { ...begun, sessionId, link, expiresAt, interval: number(answer, "interval", 2) };
  }

  /** Cancels a login at the gateway and at Signicat. Without this request the login expires. */
  private async cancel(login: Login, error?: string): Promise<void> {
    const body = { code_verifier: login.verifier, error };
    await this.patiently(20, () => this.post(`/itsme/sessions/${login.sessionId}/cancel`, body)).catch(() => {});
  }

  private async revoke(tokens: { access: string; refresh?: string }): Promise<void> {
    const body = { token: tokens.refresh ?? tokens.access };
    await this.patiently(20, () => this.post("/itsme/revoke", body, form)).catch(() => {});
  }

  /** Gets tokens for a code or a refresh token, which is bound to the key of a login or of older tokens. */
  private async tokens(bound: { key?: string }, body: object): Promise<Pick<Tokens, "access" | "refresh" | "key">> {
    const proofs = await this.proofsOf(bound);
    const answer = await this.post("/itsme/token", body, form, proofs);
    const access = text(answer, "access_token");
    if (!access) throw new Again(2); // an answer of another server
    const key = text(answer, "token_type")?.toLowerCase() === "dpop" ? proofs?.thumbprint : undefined;
    return { access, refresh: text(answer, "refresh_token"), key };
  }

  private async post(path: string, body: object, encode: Encoding = asJson, proofs?: Proofs): Promise<Json> {
    const headers = { "Content-Type": encode.type };
    const answer = await this.request({ method: "POST", path, headers, body: encode.text(body) }, proofs);
    if (answer.status >= 200 && answer.status < 300) return json(answer);
    throw refusalOf(answer);
  }

  /** Sends a request. When the gateway refuses the proof alone, it sends the request once more with a new one. */
  private async request({ method, path, headers = {}, body }: Unsent, proofs?: Proofs, access?: string): Promise<Response> {
    const url = this.settings.gateway + path;
    for (let repeated = false; ; repeated = true) {
      const proof = await proofs?.make(method, url, access).catch(() => { throw new Again(2, "storage"); });
      const answer = await this.device.send({ method, url, headers: proof ? { ...headers, DPoP: proof } : headers, body })
        .catch(() => { throw new Again(2); }); // it may have arrived or not: the same again is safe
      const fresh = proofs?.keep(answer.header("DPoP-Nonce"));
      if (!proofs || repeated || !refusesProof(answer, fresh)) return answer;
    }
  }

  /** Returns the maker of proofs with this phone's key. Undefined in an app without a key. */
  private async proofs(): Promise<Proofs | undefined> {
    const { device } = this;
    if (!device.key) return undefined;
    const proving = this.proving ??= (async () => Proofs.of(await device.key!(), device))();
    return proving.catch(() => {
      if (this.proving === proving) this.proving = undefined;
      throw new Again(2, "storage"); // a locked phone has not lost its key
    });
  }

  /** Returns the maker of proofs for a login. Without the key that it is bound to, the user logs in again. */
  private async proofsOf(bound: { key?: string }): Promise<Proofs | undefined> {
    const proofs = await this.proofs();
    if (bound.key !== undefined && bound.key !== proofs?.thumbprint) throw new Refusal("over");
    return proofs;
  }

  /** Sends the same again while the gateway says so and while no answer arrives. */
  private async patiently<T>(seconds: number, send: () => Promise<T>): Promise<T> {
    const end = this.device.now() + 1000 * seconds;
    for (;;) {
      try {
        return await send();
      } catch (error) {
        if (!(error instanceof Again) || this.device.now() + 1000 * error.seconds > end) throw error;
        await this.device.sleep(1000 * error.seconds);
      }
    }
  }

  private language(): string | undefined {
    const language = this.device.language().slice(0, 2).toLowerCase();
    return ["nl", "fr", "de", "en"].includes(language) ? language : undefined;
  }

  private async hash(plain: string): Promise<string> {
    return base64url(await this.device.sha256(plain));
  }
}

/** Reads an error of the gateway. What another server answers is no final answer. */
function refusalOf(answer: Response): Error {
  const body = json(answer);
  const again = new Again(Number(answer.header("Retry-After")) || 5);
  if (answer.status < 400 || answer.status >= 500 || [408, 425, 429].includes(answer.status)) return again;
  switch (text(body, "error") ?? text(body, "code")) {
    case "authorization_pending": return new Again(number(body, "interval", 2));
    case "access_denied": return new Refusal("refused");
    case "expired_token": return new Refusal("expired");
    case "invalid_grant": case "session_unknown": return new Refusal("over");
    case "invalid_request": case "invalid_client": case "unsupported_grant_type": case "invalid_dpop_proof":
      return new Refusal("failed");
    default: return again;
  }
}

/** Reads RFC 9470's challenge. A login that was asked for the same a moment ago cannot be improved. */
function stepUp(tokens: Tokens, challenge: string, now: number): Refusal {
  const acrValues = /\bacr_values="([^"]+)"/.exec(challenge)?.[1];
  const age = /\bmax_age="?(\d+)/.exec(challenge)?.[1];
  const maxAge = age === undefined ? undefined : Number(age);
  const tooOld = maxAge !== undefined && now - tokens.at > 1000 * maxAge;
  if (tokens.asked.acrValues === acrValues && !tooOld) return new Refusal("not_enough");
  return new Refusal("step_up", { acrValues, maxAge });
}

function reasonOf(error: unknown): Reason {
  if (error instanceof Refusal) return error.reason;
  return error instanceof Again ? error.reason : "failed";
}

/** Reports whether a new proof may help: with the nonce that came, or after HTTP sent a proof twice. */
function refusesProof(answer: Response, fresh = false): boolean {
  if (answer.status !== 400 && answer.status !== 401) return false;
  const code = text(json(answer), "error") ?? text(json(answer), "code");
  return code === "invalid_dpop_proof" || (code === "use_dpop_nonce" && fresh);
}

/** Reads the query of a redirect URL. Undefined when it has no state, or a parameter twice. */
export function readCallback(url: string): { state: string; code?: string; error?: string } | undefined {
  const query = new Map<string, string>();
  for (const pair of (/^[^?#]*\?([^#]*)/.exec(url)?.[1] ?? "").split("&")) {
    if (pair === "") continue;
    const [name = "", value = ""] = pair.split(/=(.*)/s).map(unescape);
    if (query.has(name)) return undefined;
    query.set(name, value);
  }
  const state = query.get("state");
  return state ? { state, code: query.get("code"), error: query.get("error") } : undefined;
}

function unescape(text: string): string {
  try {
    return decodeURIComponent(text.replace(/\+/g, " "));
  } catch {
    return "";
  }
}

type Json = Record<string, unknown>;

/** A request before it has a proof. */
interface Unsent {
  method: string;
  path: string;
  headers?: Record<string, string>;
  body?: string;
}

interface Encoding {
  type: string;
  text(body: object): string;
}

const asJson: Encoding = { type: "application/json", text: JSON.stringify }; // leaves out what is undefined
const form: Encoding = {
  type: "application/x-www-form-urlencoded",
  text: (body) => Object.entries(body).map(([name, value]) => `${name}=${encodeURIComponent(String(value))}`).join("&"),
};

/** Returns the JSON object in a body, an empty one if there is none. */
function json(answer: Response | undefined): Json {
  try {
    const value: unknown = JSON.parse(answer?.body ?? "");
    return typeof value === "object" && value !== null ? (value as Json) : {};
  } catch {
    return {};
  }
}

function text(object: Json, name: string): string | undefined {
  const value = object[name];
  return typeof value === "string" && value !== "" ? value : undefined;
}

function number(object: Json, name: string, otherwise: number): number {
  const value = object[name];
  return typeof value === "number" ? value : otherwise;
}
