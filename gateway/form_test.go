package gateway

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func posted(mediaType, body string) *http.Request {
	r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(body))
	r.Header["Content-Type"] = []string{mediaType}
	return r
}

// TestMediaTypeIsComparedInASCII: a server in front does not read a media type with a blank that only Unicode
// knows as JSON or a form. The gateway must not either.
func TestMediaTypeIsComparedInASCII(t *testing.T) {
	t.Parallel()
	const want = "application/json"
	for sent, accepted := range map[string]bool{
		want: true, "Application/JSON": true, " \tapplication/json\t ": true, "application/json; charset=utf-8": true, "application/json;": true,
		"": false, "application/jso": false, "\u2000application/json": false, "application/json\u00a0": false, "application/json\x85": false, "application/json\v": false,
		"application/j\u017fon": false, "application/json; x=\u2000": false, "application/json, text/plain": false, "text/plain; application/json": false,
	} {
		if err := requireMediaType(posted(sent, ""), want); (err == nil) != accepted {
			t.Errorf("%q: %v", sent, err)
		}
	}
	twice := posted(want, "")
	twice.Header.Add("Content-Type", want)
	if requireMediaType(twice, want) == nil {
		t.Error("two lines are accepted")
	}
}

// TestMembersCountByTheirExactNames sends names that encoding/json treats as equal. A proxy that checks a
// body reads one of them, and the gateway must not read the other.
func TestMembersCountByTheirExactNames(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		body string
		want cancelRequest
		err  error
	}{
		"exact":              {`{"code_verifier":"v","error":"e"}`, cancelRequest{"v", "e"}, nil},
		"escaped":            {`{"code\u005fverifier":"v"}`, cancelRequest{"v", ""}, nil},
		"in another case":    {`{"Code_Verifier":"v","ERROR":"e"}`, cancelRequest{}, nil},
		"beside another":     {`{"error":"e","Error":"f"}`, cancelRequest{"", "e"}, nil},
		"unknown, twice":     {`{"x":1,"x":[{"error":"f","error":"g"}],"error":"e"}`, cancelRequest{"", "e"}, nil},
		"twice":              {`{"error":"e","error":"f"}`, cancelRequest{}, errRequest},
		"twice, one escaped": {`{"error":"e","\u0065rror":"e"}`, cancelRequest{}, errRequest},
		"of another type":    {`{"error":1}`, cancelRequest{}, errRequest},
		"an array":           {`[{"error":"e"}]`, cancelRequest{}, errRequest},
		"two objects":        {`{"error":"e"}{"error":"e"}`, cancelRequest{}, errRequest},
		"no comma":           {`{"error":"e" "code_verifier":"v"}`, cancelRequest{}, errRequest},
		"a blank of Unicode": {"\u2000{}", cancelRequest{}, errRequest},
		"nothing":            {"", cancelRequest{}, errRequest},
	} {
		var got cancelRequest
		err := readJSON(posted("application/json", row.body), &got, cancelParameters...)
		if !errors.Is(err, row.err) {
			t.Errorf("%s: %v, want %v", name, err, row.err)
		}
		if diff := cmp.Diff(row.want, got); err == nil && diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// TestLevelsAreSeparatedBySpaces: OAuth knows no other separator (RFC 6749 section 3.3).
func TestLevelsAreSeparatedBySpaces(t *testing.T) {
	t.Parallel()
	for sent, want := range map[string]string{
		"": "", " ": "", "low": "low", "low high": "high", " low  substantial ": "substantial", "unknown low": "low",
		"low\u2000high": "refused", "low\thigh": "refused", "low,high": "refused", "HIGH": "refused", "high\u00a0": "refused",
		"\u2000": "refused", "\t": "refused",
	} {
		got, err := readLoA(sent)
		if err != nil {
			got = "refused"
		}
		if string(got) != want {
			t.Errorf("%q: %s, want %s", sent, got, want)
		}
	}
}
