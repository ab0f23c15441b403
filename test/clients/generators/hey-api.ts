// The login with a client of @hey-api/openapi-ts.
import { client } from "./hey-api/client.gen";
import { readSession, readUserinfo, revoke, startSession, token } from "./hey-api/sdk.gen";
import { endpoints, login } from "./login";

client.setConfig({ baseUrl: endpoints });

void login({
	async start(challenge) {
		const { data, response } = await startSession({ body: { code_challenge: challenge } });
		return { status: response?.status ?? 0, body: data };
	},
	async status(id) {
		const { data, response } = await readSession({ path: { session_id: id } });
		return { status: response?.status ?? 0, body: data };
	},
	async token(form) {
		const { data, response } = await token({ body: form });
		return { status: response?.status ?? 0, body: data };
	},
	async userinfo(bearer) {
		const { data, response } = await readUserinfo({ auth: (scheme) => (scheme.scheme === "bearer" ? bearer : undefined) });
		return { status: response?.status ?? 0, body: data };
	},
	async revoke(refresh) {
		const { data, response } = await revoke({ body: { token: refresh } });
		return { status: response?.status ?? 0, body: data };
	},
});
