package attack_test

import (
	"net/http"
	"strings"
	"testing"
)

// TestErrorRouteWithOptionalIsNoWayAround has a request fail before it reaches itsme. Caddy then passes it,
// with the client's own identity headers, to an error page of the upstream. The start and the doctor advise
// itsme { optional } there. It strips those headers, accepts a valid login, and refuses a bad one.
func TestErrorRouteWithOptionalIsNoWayAround(t *testing.T) {
	e := newAppEnv(t, `http://:65000 {
		route {
			error /early* "too early for itsme" 500
			itsme
			reverse_proxy UPSTREAM
		}
		handle_errors {
			itsme {
				optional
			}
			reverse_proxy UPSTREAM
		}
	}`)
	const forged = "X-Itsme-Subject: forged\r\nx_itsme_name: forged\r\nConnection: X-Itsme-Nin\r\n"
	for _, row := range []struct {
		name, lines string
		status      int
		subject     string // what the upstream gets; with status 200
	}{
		{"no login", forged, http.StatusOK, ""},
		{"a login", forged + e.bearer(nil), http.StatusOK, person},
		{"a browser's login", forged + e.cookie(nil), http.StatusOK, person},
		{"a bad login", forged + "Authorization: Bearer forged.forged.forged\r\n", http.StatusUnauthorized, ""},
	} {
		for _, target := range []string{"/early", "/early/itsme/token", "/early;/x"} {
			answer := e.ask("GET", target, row.lines)
			received := strings.Join(e.upstream.Take(), "")
			if answer.Status != row.status || (received != "") != (row.status == http.StatusOK) || strings.Contains(received, "forged") {
				t.Errorf("%s, %s: %d, the upstream got %q", row.name, target, answer.Status, received)
			}
			if got := strings.Contains(received, "X-Itsme-Subject: "+person+"\r\n"); got != (row.subject != "") {
				t.Errorf("%s, %s: the upstream got %q", row.name, target, received)
			}
		}
	}
	if answer := e.ask("GET", "/", forged); answer.Status != http.StatusUnauthorized || len(e.upstream.Take()) > 0 {
		t.Errorf("beside the error route: %d", answer.Status)
	}
}
