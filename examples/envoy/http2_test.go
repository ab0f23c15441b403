//go:build linux

package envoy_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/caddy-itsme/caddy-itsme/internal/rawhttptest"
)

// TestHTTP2ClientCannotSupplyIdentityThroughEnvoy sends identity in fields that HTTP/1.1 does not have: several cookie
// fields, trailers, and names with capitals.
func TestHTTP2ClientCannotSupplyIdentityThroughEnvoy(t *testing.T) {
	e := run(t)
	app := e.NewApp().Login(t, "mononym")
	b := e.NewBrowser(t)
	b.Login(t, "/", "adult")
	e.service.Take()
	cookie := b.Cookie(t)
	for name, row := range map[string]struct {
		fields, trailers []rawhttptest.Field
		body             string
		refused          bool
	}{
		"a header":           {fields: []rawhttptest.Field{{Name: "authorization", Value: "Bearer " + app}, {Name: "x-itsme-given-name", Value: "forged"}}},
		"a name in capitals": {fields: []rawhttptest.Field{{Name: "authorization", Value: "Bearer " + app}, {Name: "X-Itsme-Given-Name", Value: "forged"}}, refused: true},
		"a trailer":          {fields: []rawhttptest.Field{{Name: "authorization", Value: "Bearer " + app}}, body: "a", trailers: []rawhttptest.Field{{Name: "x-itsme-given-name", Value: "forged"}}},
		"a second token":     {fields: []rawhttptest.Field{{Name: "authorization", Value: "Bearer " + app}, {Name: "authorization", Value: "Bearer forged"}}, refused: true},
		"pieces of a cookie": {fields: []rawhttptest.Field{{Name: "cookie", Value: "a=b"}, {Name: "cookie", Value: cookie}, {Name: "cookie", Value: "c=d"}}},
	} {
		method := http.MethodGet
		if row.body != "" {
			method = http.MethodPost
		}
		fields := append([]rawhttptest.Field{{Name: ":method", Value: method}, {Name: ":scheme", Value: "http"}, {Name: ":authority", Value: e.envoy}, {Name: ":path", Value: "/"}}, row.fields...)
		conn := rawhttptest.DialH2(t, e.envoy)
		answer := conn.Do(rawhttptest.H2Request{Fields: fields, Body: row.body, Trailers: row.trailers})
		got := strings.Join(e.service.Take(), "")
		if strings.Contains(got, "forged") || strings.Contains(got, cookie) {
			t.Errorf("%s: the service got %q", name, got)
		}
		passed := answer.Status == http.StatusOK && strings.Contains(got, "\r\nx-itsme-name: ")
		if passed == row.refused || row.refused && got != "" {
			t.Errorf("%s: %d, the service got %q", name, answer.Status, got)
		}
	}
}
