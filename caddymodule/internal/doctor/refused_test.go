package doctor

import "testing"

// TestRefusalBeginsWithWhatMatters leaves out Caddy's way to the module.
func TestRefusalBeginsWithWhatMatters(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"loading itsme app module: provision itsme: gateway default: public_url: missing; name it": "gateway default: public_url: missing; name it",
		"loading http app module: provision http: server srv0: setting up route handlers: route 0: loading handler modules: position 0: loading module 'subroute': provision http.handlers.subroute: setting up subroutes: route 1: loading handler modules: position 0: loading module 'itsme': provision http.handlers.itsme: site x: use: no gateway": "site x: use: no gateway",
		"adapting config using caddyfile: parsing caddyfile tokens for 'itsme': signicat: set twice; remove one, at Caddyfile:9":                                                                                                               "signicat: set twice; remove one, at Caddyfile:9",
		"loading http app module: provision http: server srv0: setting up route handlers: route 0: loading handler modules: position 0: loading module 'reverse_proxy': provision http.handlers.reverse_proxy: making dial info: missing port": "http.handlers.reverse_proxy: making dial info: missing port",
		"reading config from file: open x: no such file": "reading config from file: open x: no such file",
		"server srv0:": "server srv0:",
		"":             "",
	} {
		if got := sentence(text); got != want {
			t.Errorf("%q becomes %q, want %q", text, got, want)
		}
	}
}
