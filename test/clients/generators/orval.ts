// The login with a client of orval.
import { login } from "./login";
import { readSession, readUserinfo, revoke, startSession, token } from "./orval/client";

void login({
	async start(challenge) {
		const answer = await startSession({ code_challenge: challenge });
		return { status: answer.status, body: answer.status === 201 ? answer.data : undefined };
	},
	async status(id) {
		const answer = await readSession(id);
		return { status: answer.status, body: answer.status === 200 ? answer.data : undefined };
	},
	async token(form) {
		const answer = await token(form);
		return { status: answer.status, body: answer.status === 200 ? answer.data : undefined };
	},
	async userinfo(bearer) {
		const answer = await readUserinfo({ headers: { Authorization: "Bearer " + bearer } });
		return { status: answer.status, body: answer.status === 200 ? answer.data : undefined };
	},
	async revoke(refresh) {
		const answer = await revoke({ token: refresh });
		return { status: answer.status, body: answer.data };
	},
});
