// Package signicattest simulates Signicat's Authentication REST API with itsme, in the headless (App2App) flow, and the
// phone of the person who logs in. It is for tests and demos: it identifies nobody.
//
//	sim, err := signicattest.Start(signicattest.Config{RedirectURLs: []string{"https://app.example.be/cb"}})
//	…
//	defer sim.Close()
//	// point the client at sim.URL, let it start a login, then hold the phone:
//	redirectURL, err := sim.Approve(authorizationRequestURL, "adult")
//	// redirectURL is what the phone opens: https://app.example.be/cb?code=…&state=…
//
// It is strict where a mistake of the client would be refused, and odd where Signicat is odd. Every session request,
// code validation, token request, query and header is checked to the last member, and a refusal is recorded with its
// reason: see [Server.Calls]. A session is created with 200, attributes come back in another order, times have 1 to 7
// digits of a second, GUIDs are not version 4, members that are null are left out, and the status goes from CREATED
// through WAITING_FOR_USER to SUCCESS only once the code was validated.
//
// # What nobody knows
//
// Some of Signicat's behaviour is not public. Each such question is a field of [Switches] with all of its answers, and
// says why it is open. A client should pass with each of them.
//
// # The person
//
// [Server.Approve] and [Server.Refuse] are the person in a test. In a demo it is a page: the authorization request URL
// leads to the simulator itself, where somebody chooses a [Persona] and approves or refuses. The same page works with
// curl, and prints where the phone would go:
//
//	curl -s -o /dev/null -w '%{redirect_url}\n' -d decision=approve -d persona=adult "$authorization_request_url"
//
// What becomes of a session without the person: [Server.Abort], [Server.Fail], [Server.Expire], [Server.Invalidate],
// [Server.Cancel].
//
// # What goes wrong
//
// [Server.Script] lets calls fail: a status, a redirect, a delay, a cut or silent connection, or a body that is not what
// it should be, before the operation was performed or after it, when only the answer is lost. [Override] makes a well-formed
// answer lie.
//
// # What it does not simulate
//
// See [NotSimulated]:
//
//   - the redirect and embedded flows, and every eID but itsme
//   - itsme without a code (itsme_response_type=none), and itsme's signing service
//   - encrypted results (encryptionPublicKey)
//   - events and webhooks
//   - rate limits of Signicat's own: script a fault with status 429
//   - the allow-list's certificates, Universal Links, App Links and anything else of a real phone
//   - a certificate that systems trust: with [Config].TLS it makes one of its own, else it speaks plain HTTP
//   - itsme's end of a request that the person leaves open: only the session expires
//   - forgetting a session some time after its end: it is kept until newer ones need the room
//
// # Bounds
//
// It keeps [Config].MaxSessions sessions, 10,000 access tokens and the last 10,000 calls, the oldest forgotten first, and
// reads at most 64 KiB of a request. A run repeats itself when it is given the same [Config].Seed, clock and calls.
package signicattest

// NotSimulated lists what of Signicat and itsme the simulator does not have, for people.
func NotSimulated() []string {
	return []string{
		"the redirect and embedded flows, and every eID but itsme",
		"itsme without a code (itsme_response_type=none), and itsme's signing service",
		"encrypted results (encryptionPublicKey)",
		"events and webhooks",
		"rate limits of Signicat's own: script a fault with status 429",
		"the allow-list's certificates, Universal Links, App Links and anything else of a real phone",
		"a certificate that systems trust: with [Config].TLS it makes one of its own, else it speaks plain HTTP",
		"itsme's end of a request that the person leaves open: only the session expires",
		"forgetting a session some time after its end: it is kept until newer ones need the room",
	}
}
