// Package signicattest simulates Signicat's Authentication REST API with itsme, in the headless (App2App) flow, and the
// phone of the person who logs in. It is for tests and demos: it identifies no person.
//
//	sim, err := signicattest.Start(signicattest.Config{RedirectURLs: []string{"https://app.example.be/cb"}})
//	…
//	defer sim.Close()
//	// point the client at sim.URL, let it start a login, then hold the phone:
//	redirectURL, err := sim.Approve(authorizationRequestURL, "adult")
//	// redirectURL is what the phone opens: https://app.example.be/cb?code=…&state=…
//
// It checks every member of a session request, code validation and token request, every query and every header. It
// records each refusal with its reason: see [Server.Calls]. It answers as Signicat does: a session is created with 200,
// attributes come back in another order, times have 1 to 7 digits of a second, GUIDs are not version 4, and null members
// are left out. The status goes from CREATED through WAITING_FOR_USER to SUCCESS only after the code was validated.
//
// # Unknown behaviour
//
// Some of Signicat's behaviour is not public. Each such question is a field of [Switches] with every possible answer. A
// client should pass with each of them.
//
// # The person
//
// A test calls [Server.Approve] and [Server.Refuse]. In a demo the authorization request URL opens a page of the
// simulator, where the user chooses a [Persona] and approves or refuses. The page works with curl too, which prints the
// redirect URL:
//
//	curl -s -o /dev/null -w '%{redirect_url}\n' -d decision=approve -d persona=adult "$authorization_request_url"
//
// A session ends without the person by [Server.Abort], [Server.Fail], [Server.Expire], [Server.Invalidate] or
// [Server.Cancel].
//
// # Faults
//
// [Server.Script] makes calls fail: with a status, a redirect, a delay, a cut or silent connection, or a wrong body. The
// operation is performed or not. [Override] changes members of an answer.
//
// # Not simulated
//
// See [NotSimulated].
//
// # Bounds
//
// It keeps [Config].MaxSessions sessions, 10,000 access tokens and the last 10,000 calls, and drops the oldest first. It
// reads at most 64 KiB of a request. The same [Config].Seed, clock and calls repeat a run.
package signicattest

// NotSimulated returns a line for each part of Signicat and itsme that the simulator lacks.
func NotSimulated() []string {
	return []string{
		"the redirect and embedded flows, and every eID but itsme",
		"itsme without a code (itsme_response_type=none), and itsme's signing service",
		"encrypted results (encryptionPublicKey)",
		"events and webhooks",
		"Signicat's own rate limits: script a fault with status 429",
		"certificates of the allow-list, Universal Links, App Links and other parts of a real phone",
		"a certificate that systems trust: with TLS it makes its own, else it speaks plain HTTP",
		"itsme's timeout of a request that the user does not answer: only the session expires",
		"the removal of a session after its end: it is kept until newer ones need the room",
	}
}
