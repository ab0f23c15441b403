// The login that every generated client makes. What the generated code has to do stands in Calls; what no HTTP
// client can generate (PKCE, the user's tap) is here.
import { createHash, randomBytes } from "node:crypto";

export interface Form {
	grant_type: "authorization_code" | "refresh_token";
	code?: string;
	state?: string;
	code_verifier?: string;
	refresh_token?: string;
	client_id?: string;
}

// Answer is a status with the members that the login reads.
export interface Answer<T> {
	status: number;
	body: T | undefined;
}

export interface Calls {
	start(challenge: string): Promise<Answer<{ session_id: string; authorization_request_url: string }>>;
	status(id: string): Promise<Answer<{ status: string }>>;
	token(form: Form): Promise<Answer<{ access_token: string; refresh_token?: string }>>;
	userinfo(token: string): Promise<Answer<{ sub: string; acr: string }>>;
	revoke(token: string): Promise<Answer<unknown>>;
}

export const gateway = process.env.ITSME_GATEWAY ?? "";
export const endpoints = gateway + "/itsme";

// login logs in with the generated calls, refreshes, and logs out.
export async function login(calls: Calls): Promise<void> {
	const verifier = randomBytes(32).toString("hex");
	const begun = await calls.start(createHash("sha256").update(verifier).digest("base64url"));
	const session = want("start", begun, 201);
	const back = await tap(session.authorization_request_url);
	const code = back.searchParams.get("code") ?? "";
	const state = back.searchParams.get("state") ?? "";
	want("status", await calls.status(session.session_id), 200);
	const finish: Form = { grant_type: "authorization_code", code, state, code_verifier: verifier };
	expect("a token with another client_id", (await calls.token({ ...finish, client_id: "evil" })).status, 401);
	const tokens = want("token", await calls.token({ ...finish, client_id: new URL(gateway).host }), 200);
	const user = want("userinfo", await calls.userinfo(tokens.access_token), 200);
	expect("sub", user.sub.length > 0, true);
	expect("acr", user.acr, "high");
	const next = want("refresh", await calls.token({ grant_type: "refresh_token", refresh_token: tokens.refresh_token }), 200);
	expect("revoke", (await calls.revoke(next.refresh_token ?? "")).status, 200);
	expect("userinfo after logout", (await calls.userinfo(next.access_token)).status, 401);
	console.log("logged in");
}

// tap does what the user does in the itsme app.
async function tap(link: string): Promise<URL> {
	const answer = await fetch(link, { method: "POST", redirect: "manual", body: new URLSearchParams({ decision: "approve", persona: "adult" }) });
	return new URL(answer.headers.get("Location") ?? "");
}

function want<T>(what: string, answer: Answer<T>, status: number): T {
	expect(what, answer.status, status);
	if (answer.body === undefined) throw new Error(what + ": no body");
	return answer.body;
}

function expect(what: string, got: unknown, wanted: unknown): void {
	if (got !== wanted) throw new Error(`${what}: ${got}, want ${wanted}`);
}
