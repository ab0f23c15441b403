package page

// problems explains every problem in the gateway's table of failures.
var problems = []Problem{
	{
		"authentication_required", "A login is required",
		"The request carried no access token and no login cookie, or a cookie that had expired.",
		"An app sends its access token as Authorization: Bearer, and logs the user in if it has none. A browser that loads a page on the host of public_url is redirected to the login page. A script there asks the user to log in again.",
	},
	{
		"invalid_token", "The access token is not valid",
		"The token has expired, was revoked or logged out, is for another gateway or audience, or was never issued by this gateway. The answer does not say which.",
		"Exchange the refresh token if there is one, or log the user in again. If new tokens are refused too, compare their iss and aud with the gateway's, and check the clocks.",
	},
	{
		"insufficient_login", "A better or newer login is required",
		"The login is valid, but its level of assurance is too low for this request, or it is too old.",
		"Log the user in again with the acr_values and max_age in WWW-Authenticate (RFC 9470), and repeat the request with the new token. If that token is refused too, the user cannot reach the level: say so to the user, and do not try again.",
	},
	{
		"requirement_not_met", "The user does not meet a requirement",
		"The login is valid, but the user does not meet a requirement of the service, such as an age.",
		"Say so to the user. Another login changes nothing. The member detail names the requirement.",
	},
	{
		"invalid_request", "The request is not acceptable",
		"Something in the request is wrong: its path, method, media type, size, a parameter, or its time. The status and the member detail say which.",
		"Correct the client. The same request gets the same answer.",
	},
	{
		"session_unknown", "There is no such session",
		"The login never existed, ended more than five minutes ago, or was started by another client: the code_verifier or the login cookie does not match.",
		"Discard the session_id and start a new login. If it happens right after a start, the app mixes up two logins: keep each session_id beside its own code_verifier.",
	},
	{
		"rate_limited", "Too many logins were started",
		"Too many logins were started from one network address in a short time, or too many are under way. Or one key signed too many DPoP proofs.",
		"Wait for the seconds in Retry-After, and start a login only when the user asks for it. If it happens to all clients, the gateway is behind a proxy that it does not trust: the operator sets trusted_proxies.",
	},
	{
		"cross_site", "The request comes from another site",
		"A cookie came with the request, but by its headers a page of another origin than public_url sent it. The gateway did nothing.",
		"Send the request from the site itself. Another site, or an app, uses a bearer token instead of the cookie.",
	},
	{
		"signicat_unavailable", "Signicat is unavailable",
		"Signicat, through which the gateway reaches itsme, is unavailable or slow, or its answer cannot be trusted. Users who are logged in stay logged in.",
		"Send the same request again after the seconds in Retry-After. A code that came back is valid for three minutes. If it lasts, the gateway's log says why.",
	},
	{
		"store_unavailable", "The session store is unavailable",
		"The gateway cannot reach its session store. Until it can, it refuses every request that needs a login.",
		"Send the same request again after the seconds in Retry-After. If it lasts, the gateway's log says why.",
	},
	{
		"starting", "The gateway is starting",
		"The gateway has no signing keys yet. It gets them a moment after its start.",
		"Send the same request again after a second. If it lasts, the gateway cannot write its storage; its log says so.",
	},
	{
		"invalid_dpop_proof", "The DPoP proof is not valid",
		"The login is bound to a key of the app (RFC 9449), and the header DPoP has no valid proof of it. Each proof is for one request: its method, its URL, its access token and its jti. The member detail says which rule failed.",
		"Make a new proof for every request, also for a repeated one. Sign it with ES256 and the key of the login. htu is the URL of the request without its query.",
	},
	{
		"use_dpop_nonce", "The DPoP proof needs a nonce",
		"The proof has no nonce where the gateway demands one, an old one, or an iat that is more than a minute off the gateway's clock.",
		"Make a new proof with the nonce in the header DPoP-Nonce of this answer, and repeat the request once. Keep the nonce for the next proofs, until an answer brings another one.",
	},
	{
		"too_early", "The request came in early data",
		"The request came in TLS 1.3 early data, which an attacker on the path can replay, and it changes something.",
		"Send it again after the handshake. Most clients do so by themselves (RFC 8470).",
	},
	{
		"invalid_target", "The resource is unknown here",
		"The request names a resource (RFC 8707) that is no audience of the gateway or of one of its sites.",
		"Leave the parameter resource out, or name an audience that the operator configured. The same request gets the same answer.",
	},
}
