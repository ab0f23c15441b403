package identity

import (
	"bufio"
	"bytes"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// testHeaders are those of a gateway whose sites add X-User-Id and send the token in X-Token.
func testHeaders() ReservedHeaders {
	var shared sharedHeaders
	shared.add(NewReservedHeaders("X-User-Id"))
	shared.add(NewReservedHeaders("x-token"))
	return shared.load()
}

// owned matches those names as CGI, PHP, Java and Python servers read them: every character that is not a
// letter or digit becomes the same one.
var owned = regexp.MustCompile(`(?i)^(x[^a-z0-9]itsme[^a-z0-9].*|x[^a-z0-9]user[^a-z0-9]id|x[^a-z0-9]token)$`)

func TestHeadersHaveEverySpelling(t *testing.T) {
	t.Parallel()
	g := testHeaders()
	for name, want := range map[string]bool{
		"X-Itsme-Subject": true, "x-itsme-subject": true, "X_ITSME_SUBJECT": true, "X.Itsme.Subject": true, "x-itsme_a.b": true,
		"X-Itsme-": true, "X~Itsme~Nin": true, "X-User-Id": true, "x_user.id": true, "X-Token": true, "X_TOKEN": true,
		"X-Itsme": false, "X-Itsmes-Subject": false, "Itsme-Subject": false, "XX-Itsme-Subject": false, "X--Itsme-Subject": false,
		"X-User-Ids": false, "X-User": false, "Token": false, "Authorization": false, "Accept": false, "": false,
	} {
		if got := g.Has(name); got != want {
			t.Errorf("owns %q: %v", name, got)
		}
	}
}

// FuzzStrip writes a request's head and trailers. No header of the gateway is left under any spelling,
// Connection names none of them, and every other byte stays.
func FuzzStrip(f *testing.F) {
	for _, seed := range []struct{ head, trailer string }{
		{"X-Itsme-Subject: a\r\nAccept: b\r\n", "X-Itsme-Subject: c\r\n"},
		{"x_itsme.Nin: a\r\nX-Note: b\r\n c\r\n", "X-Note: d\r\n"},
		{"Connection: close, X-Itsme-Nin\r\nconnection: x-user-id , x-note,,\r\n", ""},
		{"Trailer: X-Note, X-Token\r\nConnection: upgrade\r\nUpgrade: websocket\r\n", "X_Token: a\r\nX-Note: b\r\nAuthorization: Bearer c\r\n"},
		{"Connection: upgrade\r\nUpgrade: websocket, h2c\r\n", ""},
		{"Connection:\r\nConnection: close\u00a0\r\nConnection: X-Token\r\n", ""},
		{"X-Itsme: a\r\nX-Itsmes-A: b\r\nConnection: X-Itsme\r\n", "X.User.Id:\r\n"},
	} {
		f.Add(seed.head, seed.trailer)
	}
	f.Fuzz(func(t *testing.T, head, trailer string) {
		sent, ok := readRequest(head, trailer)
		if !ok {
			return // no server hands this on
		}
		stripped, _ := readRequest(head, trailer)
		testHeaders().Strip(stripped)
		for _, r := range []*http.Request{sent, stripped} {
			if _, err := io.Copy(io.Discard, r.Body); err != nil {
				return // a proxy hands on no trailers of a broken body
			}
		}
		checkStripped(t, "header", sent.Header, stripped.Header, owned.MatchString)
		checkStripped(t, "trailer", sent.Trailer, stripped.Trailer, func(name string) bool {
			return owned.MatchString(name) || strings.EqualFold(name, "Authorization")
		})
		checkConnection(t, sent.Header["Connection"], stripped.Header["Connection"])
	})
}

// readRequest reads a request as Go's server does.
func readRequest(head, trailer string) (*http.Request, bool) {
	raw := "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n" + head + "\r\n1\r\nx\r\n0\r\n" + trailer + "\r\n"
	r, err := http.ReadRequest(bufio.NewReader(bytes.NewReader([]byte(raw))))
	if err != nil {
		return nil, false
	}
	for name := range r.Header {
		if !headerName.MatchString(name) {
			return nil, false // Go's server answers 400
		}
	}
	return r, true
}

// headerName is a token (RFC 9110 section 5.6.2).
var headerName = regexp.MustCompile("^[A-Za-z0-9!#$%&'*+.^_`|~-]+$")

// httpOffer is an Upgrade that offers HTTP itself among others.
var httpOffer = regexp.MustCompile(`(?i)(^|[^!#$%&'*+.^_\x60|~0-9A-Za-z-])(h2|http)`)

func checkStripped(t *testing.T, what string, sent, stripped http.Header, mine func(string) bool) {
	t.Helper()
	want := maps.Clone(sent)
	maps.DeleteFunc(want, func(name string, lines []string) bool {
		return mine(name) || name == "Connection" || (name == "Upgrade" && httpOffer.MatchString(strings.Join(lines, ",")))
	})
	got := maps.Clone(stripped)
	delete(got, "Connection")
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

// checkConnection compares the options that a proxy acts on.
func checkConnection(t *testing.T, sent, stripped []string) {
	t.Helper()
	want := slices.DeleteFunc(options(sent), func(name string) bool {
		return owned.MatchString(name) || strings.EqualFold(name, "Authorization")
	})
	if diff := cmp.Diff(want, options(stripped), cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("Connection (-want +got):\n%s", diff)
	}
	for _, line := range sent {
		if clean := options([]string{line}); !slices.ContainsFunc(clean, func(name string) bool {
			return owned.MatchString(name) || strings.EqualFold(name, "Authorization")
		}) && !slices.Contains(stripped, line) {
			t.Errorf("Connection: the line %q was changed to one of %q", line, stripped)
		}
	}
}

func options(lines []string) (names []string) {
	for _, line := range lines {
		for _, name := range strings.Split(line, ",") {
			if name = strings.TrimSpace(name); name != "" {
				names = append(names, name)
			}
		}
	}
	return names
}

// TestRequestWithoutHeadersIsStripped: a program that uses package gateway may make such a request itself.
func TestRequestWithoutHeadersIsStripped(t *testing.T) {
	t.Parallel()
	r := new(http.Request)
	testHeaders().Strip(r)
	NewCookies("itsme", true).Strip(r.Header)
	if len(r.Header) > 0 {
		t.Errorf("the headers are %v", r.Header)
	}
}

// TestTrailersBehindALengthAreStripped: over HTTP/2 a body may have both a length and trailers.
func TestTrailersBehindALengthAreStripped(t *testing.T) {
	t.Parallel()
	r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader("x"))
	r.ProtoMajor, r.Trailer = 2, http.Header{"X-Other": nil}
	testHeaders().Strip(r)
	r.Trailer["X-Itsme-Subject"], r.Trailer["Authorization"], r.Trailer["X-Other"] = []string{"forged"}, []string{"Bearer forged"}, []string{"x"}
	if _, err := io.ReadAll(r.Body); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(http.Header{"X-Other": {"x"}}, r.Trailer); diff != "" {
		t.Errorf("trailers (-want +got):\n%s", diff)
	}
}
