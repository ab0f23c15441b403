// The login with openapi-fetch, over the types of openapi-typescript.
import createClient from "openapi-fetch";
import { endpoints, login } from "./login";
import type { paths } from "./openapi-typescript/paths";

const client = createClient<paths>({ baseUrl: endpoints });
const headers = { "Content-Type": "application/x-www-form-urlencoded" };

void login({
	async start(challenge) {
		const { data, response } = await client.POST("/sessions", { body: { code_challenge: challenge } });
		return { status: response.status, body: data };
	},
	async status(id) {
		const { data, response } = await client.GET("/sessions/{session_id}", { params: { path: { session_id: id } } });
		return { status: response.status, body: data };
	},
	async token(form) {
		const { data, response } = await client.POST("/token", { body: form, headers });
		return { status: response.status, body: data };
	},
	async userinfo(token) {
		const { data, response } = await client.GET("/userinfo", { headers: { Authorization: "Bearer " + token } });
		return { status: response.status, body: data };
	},
	async revoke(token) {
		const { data, response } = await client.POST("/revoke", { body: { token }, headers });
		return { status: response.status, body: data };
	},
});
