package identity

import (
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func TestCookieIsReadAndStripped(t *testing.T) {
	t.Parallel()
	c := NewCookies("itsme", true)
	for name, row := range map[string]struct {
		sent  []string
		value string
		found bool
		kept  []string
	}{
		"none":             {nil, "", false, nil},
		"others alone":     {[]string{"a=b; c=d"}, "", false, []string{"a=b; c=d"}},
		"alone":            {[]string{"__Host-itsme=x"}, "x", true, nil},
		"among others":     {[]string{"a=b;  __Host-itsme=x ;c=d"}, "x", true, []string{"a=b;c=d"}},
		"in two lines":     {[]string{"a=b", "__Host-itsme=x; c=d"}, "x", true, []string{"a=b", "c=d"}},
		"with =":           {[]string{"__Host-itsme=x=y"}, "x=y", true, nil},
		"in quotes":        {[]string{`__Host-itsme="x"`}, `"x"`, true, nil},
		"twice":            {[]string{"__Host-itsme=x; __Host-itsme=x"}, "", true, nil},
		"without a value":  {[]string{"__Host-itsme="}, "", true, nil},
		"without a name":   {[]string{"__Host-itsme"}, "", false, nil},
		"between tabs":     {[]string{"a=b;\t __Host-itsme\t =\t x\t "}, "x", true, []string{"a=b"}},
		"of a login":       {[]string{"__Host-itsme-l-12345678=x; a=b"}, "", false, []string{"a=b"}},
		"in a value":       {[]string{"a=__Host-itsme=x"}, "", false, []string{"a=__Host-itsme=x"}},
		"in another case":  {[]string{"__host-itsme=x"}, "", false, []string{"__host-itsme=x"}},
		"without a prefix": {[]string{"itsme=x"}, "", false, []string{"itsme=x"}},
	} {
		if value, found := c.Value(row.sent, c.Session); value != row.value || found != row.found {
			t.Errorf("%s: %q %v, want %q %v", name, value, found, row.value, row.found)
		}
		h := http.Header{"Cookie": slices.Clone(row.sent)}
		c.Strip(h)
		if diff := cmp.Diff(row.kept, h["Cookie"], cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestMakeRoomDropsTheOldest(t *testing.T) {
	t.Parallel()
	c := NewCookies("itsme", false)
	now := time.Unix(1_700_000_000, 0)
	r := httptest.NewRequest(http.MethodPost, "/", nil)
	add := func(name string, age time.Duration) {
		r.AddCookie(&http.Cookie{Name: "itsme-l-" + name, Value: NewLoginValue(now.Add(-age))})
	}
	add("oldest", time.Hour)
	for i := range MaxLoginCookies - 1 {
		add(string(rune('a'+i)), time.Duration(i)*time.Microsecond)
	}
	r.AddCookie(&http.Cookie{Name: "itsme-l-finished", Value: NewLoginValue(now.Add(time.Hour)) + finishedMark})
	r.AddCookie(&http.Cookie{Name: "itsme-l-nonsense", Value: "not ours"})
	r.AddCookie(&http.Cookie{Name: "other", Value: "x"})
	r.Header.Add("Cookie", "\u2000itsme-l-planted=x; itsme-l-planted\u2000=x") // of a sibling host: not counted
	answer := httptest.NewRecorder()
	c.MakeRoom(answer, r.Header["Cookie"])
	var gone []string
	for _, cookie := range answer.Result().Cookies() {
		gone = append(gone, cookie.Name)
	}
	slices.Sort(gone)
	if diff := cmp.Diff([]string{"itsme-l-finished", "itsme-l-nonsense", "itsme-l-oldest"}, gone); diff != "" {
		t.Errorf("deleted (-want +got):\n%s", diff)
	}
}

// blanks are characters that some server trims from a name and no browser does: Unicode's white space,
// Latin-1's as one byte, those that JavaScript, Java and Python trim, and a quote.
var blanks = []string{
	"\u0085", "\u00a0", "\u1680", "\u2000", "\u2003", "\u2028", "\u202f", "\u205f", "\u3000", "\ufeff", "\u200b",
	"\x85", "\xa0", "\v", "\f", "\x00", "\x1c", "\x1f", "\x7f", `"`, "\u2000\t", " \u2000",
}

// TestPlantedCookieIsNeverOurs plants a cookie whose name is the gateway's plus a blank that browsers keep. A
// sibling host can set it with Domain=, since to a browser it has no __Host- prefix. If it counted, the
// attacker could choose the login or lock the user out.
func TestPlantedCookieIsNeverOurs(t *testing.T) {
	t.Parallel()
	c := NewCookies("itsme", true)
	for _, name := range []string{c.Session, c.Probe, c.login + "12345678"} {
		for _, blank := range blanks {
			for _, planted := range []string{blank + name, name + blank, blank + name + blank} {
				for _, rest := range []string{"=attacker", "", "=attacker=" + name} {
					if got, found := c.Value([]string{planted + rest}, name); found {
						t.Errorf("%q counts as %q", planted+rest, got)
					}
					beside := []string{planted + rest + "; " + name + "=victim", planted + rest}
					if got, _ := c.Value(beside, name); got != "victim" {
						t.Errorf("beside %q the cookie is %q", planted+rest, got)
					}
					h := http.Header{"Cookie": beside}
					if c.Strip(h); len(h["Cookie"]) > 0 {
						t.Errorf("%q goes on", h["Cookie"])
					}
				}
			}
		}
	}
}

// TestCookieValueKeepsItsBlanks: only blanks that browsers trim are trimmed from a value.
func TestCookieValueKeepsItsBlanks(t *testing.T) {
	t.Parallel()
	c := NewCookies("itsme", true)
	for _, blank := range blanks {
		sent := strings.Trim(blank+"x"+blank, " \t")
		if got, found := c.Value([]string{"__Host-itsme= \t" + sent + "\t "}, c.Session); !found || got != sent {
			t.Errorf("%q is read as %q", sent, got)
		}
	}
}

// FuzzCookie writes Cookie lines. A cookie that some server may read as the gateway's never goes upstream.
// Only a cookie that a browser may have sent counts. The others go upstream byte for byte.
func FuzzCookie(f *testing.F) {
	for _, seed := range []string{
		"__Host-itsme=x", "a=b; __Host-itsme=x; c=d", "a=b;__Host-itsme-l-12345678=x;c", "__Host-itsme=x\n__Host-itsme=y; a=b", "a=\"b; __Host-itsme=x\"; c=d",
		"\t__Host-itsme\t=x;;=;a", "a=__Host-itsme=x; __Host-itsmes=y", "__Host-itsme", "a=b\n\n;\n __Host-itsme = x ",
		"\u2000__Host-itsme=x; __Host-itsme=y", "__Host-itsme\xa0=x", "\"__Host-itsme\"=x; a=b", "__Host-itsme=\u3000x\u3000",
	} {
		f.Add(seed)
	}
	c := NewCookies("itsme", true)
	f.Fuzz(func(t *testing.T, sent string) {
		lines := strings.Split(sent, "\n")
		h := http.Header{"Cookie": slices.Clone(lines)}
		c.Strip(h)
		for _, cookie := range (&http.Request{Header: h}).Cookies() {
			if c.Owns(cookie.Name) {
				t.Errorf("%q goes on", cookie.Name)
			}
		}
		kept := pairsOf(h["Cookie"])
		if i := slices.IndexFunc(kept, mustBeStripped); i >= 0 {
			t.Errorf("%q goes on", kept[i])
		}
		if diff := cmp.Diff(others(lines), others(h["Cookie"]), cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("other cookies (-want +got):\n%s", diff)
		}
		for _, line := range lines {
			if !strings.Contains(line, "__Host-itsme") && strings.Trim(line, " ") != "" && !slices.Contains(h["Cookie"], line) {
				t.Errorf("the line %q became one of %q", line, h["Cookie"])
			}
		}
		want := mayCount(lines)
		value, found := c.Value(lines, c.Session)
		if found != (len(want) > 0) || (len(want) == 1 && value != want[0]) || (len(want) != 1 && value != "") {
			t.Errorf("the login is %q %v, want one of %q", value, found, want)
		}
	})
}

func pairsOf(lines []string) []string { return strings.Split(strings.Join(lines, ";"), ";") }

// countable is a pair as browsers write it (RFC 6265bis section 5.8.3), with the blanks that RFC 9110
// allows around parts of a field.
var countable = regexp.MustCompile(`(?s)^[ \t]*__Host-itsme[ \t]*=[ \t]*(.*?)[ \t]*$`)

// mayCount returns the values of the session's cookie.
func mayCount(lines []string) (values []string) {
	for _, pair := range pairsOf(lines) {
		if found := countable.FindStringSubmatch(pair); found != nil {
			values = append(values, found[1])
		}
	}
	return values
}

// trimmers trim a name as servers do: Go and Python 3, Java, a reader of Latin-1, JavaScript, and one that
// trims quotes as well.
var trimmers = []func(string) string{
	strings.TrimSpace,
	func(name string) string { return strings.TrimFunc(name, func(r rune) bool { return r <= ' ' }) },
	func(name string) string { return strings.TrimSpace(latin1(name)) },
	func(name string) string {
		return strings.TrimFunc(name, func(r rune) bool { return r == '\ufeff' || unicode.IsSpace(r) })
	},
	func(name string) string { return strings.Trim(strings.TrimSpace(name), `"`) },
}

func latin1(text string) string {
	runes := make([]rune, len(text))
	for i := range len(text) {
		runes[i] = rune(text[i])
	}
	return string(runes)
}

// mustBeStripped reports whether some server reads a pair as a cookie of the gateway.
func mustBeStripped(pair string) bool {
	name, _, _ := strings.Cut(pair, "=")
	return slices.ContainsFunc(trimmers, func(trim func(string) string) bool {
		trimmed := trim(name)
		return trimmed == "__Host-itsme" || trimmed == "__Host-itsme-p" || strings.HasPrefix(trimmed, "__Host-itsme-l-")
	})
}

// others returns the pairs without a name of the gateway, without blanks around them.
func others(lines []string) (pairs []string) {
	for _, pair := range pairsOf(lines) {
		name, _, _ := strings.Cut(pair, "=")
		if trimmed := strings.TrimSpace(pair); trimmed != "" && !strings.Contains(name, "__Host-itsme") {
			pairs = append(pairs, trimmed)
		}
	}
	return pairs
}
