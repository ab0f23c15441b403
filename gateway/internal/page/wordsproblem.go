package page

// problems explains every problem in the gateway's table of failures.
var problems = []Problem{
	{
		"authentication_required", "A login is required",
		"The request carried no access token and no login cookie, or a cookie that had expired.",
		"An app sends its access token as Authorization: Bearer, and logs the person in if it has none. A browser is sent to the login page by itself when it asks for a page on the host of public_url; a script there asks the person to log in again.",
	},
	{
		"invalid_token", "The access token is not valid",
		"The token has expired, was revoked or logged out, was made for another gateway or audience, or is no token of this gateway at all. Which one is not told.",
		"Exchange the refresh token if there is one, or log the person in again. Should new tokens be refused as well, compare their iss and aud with the gateway's, and look at the clocks.",
	},
	{
		"insufficient_login", "A better or newer login is required",
		"The login is good, but its level of assurance is too low for this request, or it is too long ago.",
		"Log the person in again with the acr_values and max_age that stand in WWW-Authenticate (RFC 9470), and repeat the request with the new token. If that one is refused as well, the person cannot reach the level: tell them, and do not try again.",
	},
	{
		"requirement_not_met", "The person may not come in here",
		"The login is good, but the person does not meet a requirement of the service, such as an age.",
		"Tell the person. Logging in again changes nothing. The member detail names the requirement.",
	},
	{
		"invalid_request", "The request cannot be served as it is",
		"Something about the request is wrong: its path, method, media type, size, a parameter, or the moment. The status and the member detail say which.",
		"Mend the client. The same request gets the same answer.",
	},
	{
		"session_unknown", "There is no such session",
		"The login never existed, ended more than five minutes ago, or was started by somebody else: the code_verifier or the login cookie is another one.",
		"Forget the session_id and start over. If it happens right after a start, the app mixes up two logins: keep each session_id beside its own code_verifier.",
	},
	{
		"rate_limited", "Too many logins were started",
		"Too many logins were started from one network address in a short time, or too many are under way.",
		"Wait for the seconds in Retry-After, and start only when the person asks for it. Where it hits everybody, the gateway stands behind a proxy that it does not know: its operator sets trusted_proxies.",
	},
	{
		"cross_site", "The request comes from another site",
		"A cookie came with the request, but the browser says that the page which sent it is not one of public_url's origin. Nothing was done.",
		"Send the request from the site itself. Another site, or an app, uses a bearer token instead of the cookie.",
	},
	{
		"signicat_unavailable", "Signicat is unavailable",
		"Signicat, which reaches itsme for the gateway, is away, slow, or answered what cannot be trusted. Whoever is logged in stays logged in.",
		"Send the same request again after the seconds in Retry-After. A code that came back is good for three minutes. If it lasts, the gateway's log says why.",
	},
	{
		"store_unavailable", "The session store is unavailable",
		"The gateway cannot reach the store of its sessions, and lets nobody in while it cannot.",
		"Send the same request again after the seconds in Retry-After. If it lasts, the gateway's log says why.",
	},
	{
		"starting", "The gateway is starting",
		"The gateway has no signing keys yet. It has them a moment after its start.",
		"Send the same request again after a second. If it lasts, the gateway cannot write its storage; its log says so.",
	},
	{
		"too_early", "The request came in early data",
		"The request came in TLS 1.3 early data, which anybody on the way can send once more, and it changes something.",
		"Send it again when the handshake is complete. Most clients do so by themselves (RFC 8470).",
	},
}
