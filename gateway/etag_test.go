package gateway_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// TestCopiesAreComparedAsHTTPSays sends each form of If-None-Match (RFC 9110 section 13.1.2) to each
// document that has an ETag. TAG stands for the ETag. A proxy that compresses answers makes a tag weak, and a
// shared cache sends the tags of all its copies.
func TestCopiesAreComparedAsHTTPSays(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	for _, path := range []string{"/itsme/jwks.json", "/.well-known/jwks.json", "/itsme/openapi.yaml"} {
		first := e.answerOf(httptest.NewRequest(http.MethodGet, envURL+path, nil))
		tag := first.Header().Get("ETag")
		if first.Code != http.StatusOK || tag == "" {
			t.Fatalf("%s: %d with ETag %q", path, first.Code, tag)
		}
		for _, row := range []struct {
			name  string
			lines []string
			same  bool
		}{
			{"the tag", []string{`TAG`}, true},
			{"weak", []string{`W/TAG`}, true},
			{"a list", []string{`"a", TAG , "b"`}, true},
			{"a list of weak ones", []string{`W/"a",W/TAG`}, true},
			{"empty members", []string{`,, TAG`}, true},
			{"a comma in another tag", []string{`"a,b", TAG`}, true},
			{"on a second line", []string{`"a"`, `TAG`}, true},
			{"any", []string{`*`}, true},
			{"any, with blanks", []string{" * "}, true},
			{"another one", []string{`"a"`}, false},
			{"none", nil, false},
			{"empty", []string{``}, false},
			{"in another tag", []string{`"a, TAG"`}, false},
			{"without quotes", []string{`BARE`}, false},
			{"weak in lower case", []string{`w/TAG`}, false},
			{"without a comma between", []string{`"a" TAG`}, false},
			{"after an open quote", []string{`"a, TAG`}, false},
			{"any in a list", []string{`"a", *`}, false},
			{"any in quotes", []string{`"*"`}, false},
		} {
			for _, method := range []string{http.MethodGet, http.MethodHead} {
				r := httptest.NewRequest(method, envURL+path, nil)
				for _, line := range row.lines {
					r.Header.Add("If-None-Match", strings.NewReplacer("TAG", tag, "BARE", strings.Trim(tag, `"`)).Replace(line))
				}
				got := e.answerOf(r)
				if (got.Code == http.StatusNotModified) != row.same {
					t.Errorf("%s %s, %s: %d", method, path, row.name, got.Code)
				}
				if got.Header().Get("ETag") != tag || row.same && got.Body.Len() > 0 {
					t.Errorf("%s %s, %s: ETag %q and %d bytes", method, path, row.name, got.Header().Get("ETag"), got.Body.Len())
				}
			}
		}
	}
}
