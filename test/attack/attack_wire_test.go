package attack_test

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/caddy-itsme/caddy-itsme/internal/rawhttptest"
	"github.com/caddy-itsme/caddy-itsme/signicat/signicattest"
)

const wireSites = `
http://:65000 {
	itsme {
		public /public/*
		header X-User-Name name
	}
	handle /copied {
		reverse_proxy UPSTREAM {
			header_up X-Copy {http.auth.user.name}
		}
	}
	reverse_proxy UPSTREAM
}
http://outside.example.be:65000 {
	itsme /private/*
	reverse_proxy UPSTREAM
}`

// TestClientCannotSupplyIdentityOverHTTP2 is TestClientCannotSupplyIdentityHeader for what only HTTP/2 can
// write: fields after the body, and a cookie in pieces.
func TestClientCannotSupplyIdentityOverHTTP2(t *testing.T) {
	e := newAppEnv(t, wireSites)
	token := field(e.bearer(map[string]any{"name": "Jan"}))
	withName := identityLinesOf("Authorization: Bearer <ours>", "X-Itsme-Name: Jan", "X-User-Name: Jan")
	withName = slices.DeleteFunc(withName, func(line string) bool { return strings.HasPrefix(line, "X-User-Id") })
	for _, p := range []struct {
		name, host, path string
		lines            []rawhttptest.Field
		want             []string
	}{
		{"protected, with a token", appHost, "/", []rawhttptest.Field{token}, withName},
		{"protected, with a cookie in pieces", appHost, "/", []rawhttptest.Field{{Name: "cookie", Value: "a=b"}, field(e.cookie(map[string]any{"name": "Jan"})), {Name: "cookie", Value: "c=d"}}, withName},
		{"public", appHost, "/public/x", nil, nil},
		{"outside the matcher", "outside.example.be", "/", nil, nil},
	} {
		for _, header := range []string{"X-Itsme-Subject", "X-User-Name", "Authorization"} {
			for name, r := range h2Forgeries(header) {
				t.Run(p.name+", "+name+" "+header, func(t *testing.T) {
					r.Fields = slices.Concat(h2Head(http.MethodPost, p.host, p.path), p.lines, r.Fields)
					if strings.Contains(p.name, "cookie") {
						r.Fields = append(r.Fields, rawhttptest.Field{Name: "origin", Value: appURL})
					}
					answer := rawhttptest.DialH2(t, e.Addr).Do(r)
					received := e.upstream.Take()
					if answer.Status != http.StatusOK || len(received) != 1 {
						t.Fatalf("%d %s, the upstream got %q", answer.Status, answer.Body, received)
					}
					if diff := cmp.Diff(p.want, e.identityLines(received[0])); diff != "" || strings.Contains(received[0], forged) {
						t.Errorf("the identity lines at the upstream differ (-want +got):\n%s\nof %q", diff, received[0])
					}
				})
			}
		}
	}
}

// h2Forgeries are the ways to forge a header in HTTP/2. The gateway refuses a second Authorization, also when
// it is announced.
func h2Forgeries(header string) map[string]rawhttptest.H2Request {
	lower := field(claim(strings.ToLower(header)))
	all := map[string]rawhttptest.H2Request{"a trailer": {Body: "x", Trailers: []rawhttptest.Field{lower}}}
	if header == "Authorization" {
		return all
	}
	announced := []rawhttptest.Field{{Name: "trailer", Value: header}}
	length := []rawhttptest.Field{{Name: "content-length", Value: "1"}}
	all["a trailer behind a length"] = rawhttptest.H2Request{Fields: length, Body: "x", Trailers: []rawhttptest.Field{lower}}
	all["an announced trailer"] = rawhttptest.H2Request{Fields: announced, Body: "x", Trailers: []rawhttptest.Field{lower}}
	all["a trailer without a body"] = rawhttptest.H2Request{Fields: announced, Trailers: []rawhttptest.Field{lower}}
	all["a field"] = rawhttptest.H2Request{Fields: []rawhttptest.Field{lower}}
	all["a field with underscores"] = rawhttptest.H2Request{Fields: []rawhttptest.Field{{Name: underscored(lower.Name), Value: forged}}}
	all["an empty field"] = rawhttptest.H2Request{Fields: []rawhttptest.Field{{Name: lower.Name}}}
	return all
}

// field turns a header line of HTTP/1.1 into a field of HTTP/2.
func field(line string) rawhttptest.Field {
	name, value, _ := strings.Cut(strings.TrimSpace(line), ": ")
	return rawhttptest.Field{Name: strings.ToLower(name), Value: value}
}

func h2Head(method, host, path string) []rawhttptest.Field {
	return []rawhttptest.Field{{Name: ":method", Value: method}, {Name: ":scheme", Value: "http"}, {Name: ":authority", Value: host}, {Name: ":path", Value: path}}
}

// TestConnectionFieldsOfHTTP2AreRefused has a client name a header in Connection over HTTP/2, where that field
// does not exist, to have the header deleted.
func TestConnectionFieldsOfHTTP2AreRefused(t *testing.T) {
	e := newAppEnv(t, wireSites)
	for _, name := range []string{"connection", "proxy-connection", "keep-alive", "X-Itsme-Subject", "x-itsme-subject "} {
		fields := append(h2Head(http.MethodGet, appHost, "/public/x"), rawhttptest.Field{Name: name, Value: "x-itsme-subject"})
		answer := rawhttptest.DialH2(t, e.Addr).Do(rawhttptest.H2Request{Fields: fields})
		if got := e.upstream.Take(); answer.Status == http.StatusOK || len(got) > 0 {
			t.Errorf("%q: %d, the upstream got %q", name, answer.Status, got)
		}
	}
}

// TestMalformedHeaderLinesReachNobody has a client write an identity header so that a lenient server reads one
// where the gateway sees none.
func TestMalformedHeaderLinesReachNobody(t *testing.T) {
	e := newAppEnv(t, wireSites)
	for name, line := range map[string]string{
		"a blank before the colon":     "X-Itsme-Subject : forged\r\n",
		"a tab before the colon":       "X-Itsme-Subject\t: forged\r\n",
		"a return in a value":          "X-Note: a\rX-Itsme-Subject: forged\r\n",
		"a NUL in a value":             "X-Note: a\x00X-Itsme-Subject: forged\r\n",
		"a NUL in a name":              "X-Itsme-\x00Subject: forged\r\n",
		"no colon":                     "X-Itsme-Subject forged\r\n",
		"no name":                      ": forged\r\n",
		"a letter that looks like one": "X-Itsmе-Subject: forged\r\n",
		"a fold before any header":     "",
		"two lengths":                  "Content-Length: 0\r\nContent-Length: 5\r\n",
		"a coding that is unknown":     "Transfer-Encoding: chunked, gzip\r\n",
		"a coding in disguise":         "Transfer-Encoding: \x0bchunked\r\n",
	} {
		request := head(http.MethodGet, "/public/x", appHost, line) + "\r\n"
		if line == "" {
			request = "GET /public/x HTTP/1.1\r\n X-Itsme-Subject: forged\r\nHost: " + appHost + "\r\n\r\n"
		}
		answer := e.send(request)
		if got := e.upstream.Take(); answer.Status/100 == 2 || len(got) > 0 {
			t.Errorf("%s: %d, the upstream got %q", name, answer.Status, got)
		}
	}
}

// TestSmuggledRequestIsNotSeen has an attacker hide a request in the body of another. If the gateway and the
// upstream disagree about where the body ends, the hidden request reaches the upstream unchecked.
func TestSmuggledRequestIsNotSeen(t *testing.T) {
	e := newAppEnv(t, wireSites)
	hidden := "GET /private HTTP/1.1\r\nHost: a\r\nX-Itsme-Subject: forged\r\n\r\n"
	for name, request := range map[string]string{
		"chunked and a length":         "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + hidden,
		"a length and chunked":         "Transfer-Encoding: chunked\r\nContent-Length: 100\r\n\r\n0\r\n\r\n" + hidden,
		"a length named in Connection": "Connection: Content-Length\r\nContent-Length: " + strconv.Itoa(len(hidden)) + "\r\n\r\n" + hidden,
		"a chunk's extension":          "Transfer-Encoding: chunked\r\n\r\n1;a=\"\r\nx\r\n0\r\n\r\n" + hidden,
	} {
		e.send(head(http.MethodPost, "/public/x", appHost) + request)
		for _, got := range e.upstream.Take() {
			if line, _, _ := strings.Cut(got, "\r\n"); line != "POST /public/x HTTP/1.1" {
				t.Errorf("%s: the upstream got %q", name, got)
			}
		}
	}
}

// TestIdentityValuesArriveEncoded has Signicat return a name that breaks out of its header, or that a server
// expands. The user chose that name, or the person who typed it in.
func TestIdentityValuesArriveEncoded(t *testing.T) {
	e := newAppEnv(t, wireSites)
	t.Setenv("ATTACK_SECRET", "expanded")
	for name, row := range map[string]struct{ value, want string }{
		"line breaks":      {"Jan\r\nX-Itsme-Subject: forged", "Jan%0D%0AX-Itsme-Subject: forged"},
		"a NUL":            {"Jan\x00", "Jan%00"},
		"non-ASCII":        {"Zoë 中", "Zo%C3%AB %E4%B8%AD"},
		"10 kB":            {strings.Repeat("é", 5_000), strings.Repeat("%C3%A9", 512)},
		"placeholders":     {"{env.ATTACK_SECRET}{file./etc/passwd}{http.request.host}", "{env.ATTACK_SECRET}{file./etc/passwd}{http.request.host}"},
		"a percent sign":   {"100%41", "100%2541"},
		"blanks outside":   {" Jan ", "%20Jan%20"},
		"a comma":          {"Jan, forged", "Jan, forged"},
		"nothing at all":   {"", ""},
		"a text direction": {"\u202eforged", "%E2%80%AEforged"},
	} {
		t.Run(name, func(t *testing.T) {
			e.Signicat.OverrideNextSuccess(signicattest.Override{Subject: map[string]any{"name": row.value}})
			app := e.NewApp()
			token := app.Login(t, "adult")
			bearer := "Authorization: Bearer " + token + "\r\n"
			e.ask(http.MethodGet, "/copied", bearer)
			copied := strings.Join(e.upstream.Take(), "")
			e.ask(http.MethodGet, "/", bearer, "X-Itsme-Name: forged\r\n")
			received := strings.Join(e.upstream.Take(), "")
			for _, header := range []string{"X-Itsme-Name", "X-User-Name"} {
				line := "\r\n" + header + ": " + row.want + "\r\n"
				if strings.Contains(received, "\r\n"+header+":") != (row.want != "") || (row.want != "" && !strings.Contains(received, line)) {
					t.Errorf("want %q in %q", line, received)
				}
			}
			for _, evil := range []string{"\nX-Itsme-Subject: forged", "expanded", "root:"} {
				if strings.Contains(copied+received, evil) {
					t.Errorf("the upstream got %q and %q", copied, received)
				}
			}
		})
	}
}
