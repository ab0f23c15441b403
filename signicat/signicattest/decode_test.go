package signicattest

import (
	"encoding/json"
	"slices"
	"testing"
)

// FuzzSessionRequest holds the strict reader to two properties: what it takes is one object that encoding/json reads
// alike, and what it lets through asks for nothing that the account does not have.
func FuzzSessionRequest(f *testing.F) {
	for _, seed := range []string{
		`{"flow":"headless","requestedAttributes":["name","nin"],"allowedProviders":["itsme"]}`,
		`{"flow":"headless","requestedAttributes":[],"additionalParameters":{"itsme_redirect_url":"https://app.example.be/itsme/callback"}}`,
		`{"flow":"redirect","requestedAttributes":[],"callbackUrls":{"success":"a","abort":"b","error":"c"},"sessionLifetime":60}`,
		`{"flow":null,"tags":[null],"prefilledInput":{"dateOfBirth":"2000-02-30"}}`,
		"{\"a\":1,\"a\":2}", "{} {}", "{\"a\":\"\xff\"}", `{"a":1,}`, ` { "a" : [ { } ] } `, "", "[", `{"a"`,
	} {
		f.Add([]byte(seed))
	}
	cfg := Config{}.withDefaults()
	f.Fuzz(func(t *testing.T, body []byte) {
		found, err := members(body)
		if err == nil {
			var same map[string]json.RawMessage
			if err := json.Unmarshal(body, &same); err != nil || len(same) != len(found) {
				t.Fatalf("%d members against %d of encoding/json: %v", len(found), len(same), err)
			}
		}
		r, wrong := cfg.parseSessionRequest(body)
		if len(wrong) > 0 {
			return
		}
		unknown := func(a string) bool { return !slices.Contains(Attributes(), a) }
		if slices.ContainsFunc(r.requestedAttributes, unknown) || r.sessionLifetime < minSessionLifetime ||
			r.redirectURL != "" && !slices.Contains(cfg.RedirectURLs, r.redirectURL) {
			t.Fatalf("let through: %+v", r)
		}
	})
}
