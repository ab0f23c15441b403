module.exports = {
	gateway: {
		input: "openapi.yaml",
		output: { target: "orval/client.ts", client: "fetch", baseUrl: process.env.ITSME_GATEWAY + "/itsme" },
	},
};
