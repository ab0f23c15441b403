package gateway

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func TestCookieIsReadAndStripped(t *testing.T) {
	t.Parallel()
	c := newCookies("itsme", true)
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
		"without a value":  {[]string{"__Host-itsme"}, "", true, nil},
		"of a login":       {[]string{"__Host-itsme-l-12345678=x; a=b"}, "", false, []string{"a=b"}},
		"in a value":       {[]string{"a=__Host-itsme=x"}, "", false, []string{"a=__Host-itsme=x"}},
		"in another case":  {[]string{"__host-itsme=x"}, "", false, []string{"__host-itsme=x"}},
		"without a prefix": {[]string{"itsme=x"}, "", false, []string{"itsme=x"}},
	} {
		if value, found := c.value(row.sent, c.session); value != row.value || found != row.found {
			t.Errorf("%s: %q %v, want %q %v", name, value, found, row.value, row.found)
		}
		h := http.Header{"Cookie": slices.Clone(row.sent)}
		c.strip(h)
		if diff := cmp.Diff(row.kept, h["Cookie"], cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestMakeRoomDropsTheOldest(t *testing.T) {
	t.Parallel()
	c := newCookies("itsme", false)
	now := time.Unix(1_700_000_000, 0)
	r := httptest.NewRequest(http.MethodPost, "/", nil)
	add := func(name string, age time.Duration) {
		r.AddCookie(&http.Cookie{Name: "itsme-l-" + name, Value: newLoginValue(now.Add(-age))})
	}
	add("oldest", time.Hour)
	for i := range maxLoginCookies - 1 {
		add(string(rune('a'+i)), time.Duration(i)*time.Microsecond)
	}
	r.AddCookie(&http.Cookie{Name: "itsme-l-nonsense", Value: "not ours"})
	r.AddCookie(&http.Cookie{Name: "other", Value: "x"})
	answer := httptest.NewRecorder()
	c.makeRoom(answer, r)
	var gone []string
	for _, cookie := range answer.Result().Cookies() {
		gone = append(gone, cookie.Name)
	}
	slices.Sort(gone)
	if diff := cmp.Diff([]string{"itsme-l-nonsense", "itsme-l-oldest"}, gone); diff != "" {
		t.Errorf("deleted (-want +got):\n%s", diff)
	}
}

// FuzzCookie writes Cookie lines. The gateway's own cookies never go on, by Go's reading or by
// that of a server which takes every blank for none; the others do, byte for byte; and what counts
// as a login is what is taken out.
func FuzzCookie(f *testing.F) {
	for _, seed := range []string{
		"__Host-itsme=x", "a=b; __Host-itsme=x; c=d", "a=b;__Host-itsme-l-12345678=x;c", "__Host-itsme=x\n__Host-itsme=y; a=b", "a=\"b; __Host-itsme=x\"; c=d",
		"\t__Host-itsme\t=x;;=;a", "a=__Host-itsme=x; __Host-itsmes=y", "__Host-itsme", "a=b\n\n;\n __Host-itsme = x ",
	} {
		f.Add(seed)
	}
	c := newCookies("itsme", true)
	f.Fuzz(func(t *testing.T, sent string) {
		lines := strings.Split(sent, "\n")
		h := http.Header{"Cookie": slices.Clone(lines)}
		c.strip(h)
		for _, cookie := range (&http.Request{Header: h}).Cookies() {
			if c.owns(cookie.Name) {
				t.Errorf("%q goes on", cookie.Name)
			}
		}
		if diff := cmp.Diff(others(lines), others(h["Cookie"]), cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("other cookies (-want +got):\n%s", diff)
		}
		if mine := own(h["Cookie"]); len(mine) > 0 {
			t.Errorf("%q go on", mine)
		}
		for _, line := range lines {
			if len(own([]string{line})) == 0 && strings.Trim(line, " ") != "" && !slices.Contains(h["Cookie"], line) {
				t.Errorf("the line %q became one of %q", line, h["Cookie"])
			}
		}
		if value, found := c.value(lines, c.session); found && value != "" && !slices.Contains(own(lines), value) {
			t.Errorf("the login %q is not what is taken out", value)
		}
	})
}

// others are the pairs, but for empty ones, that are no cookie of ours, blanks around them left out.
func others(lines []string) (pairs []string) {
	for pair := range strings.SplitSeq(strings.Join(lines, ";"), ";") {
		name, _, _ := strings.Cut(pair, "=")
		if trimmed := strings.TrimSpace(pair); trimmed != "" && !ownName(name) {
			pairs = append(pairs, trimmed)
		}
	}
	return pairs
}

// own are the values of our cookies.
func own(lines []string) (values []string) {
	for pair := range strings.SplitSeq(strings.Join(lines, ";"), ";") {
		if name, value, _ := strings.Cut(pair, "="); ownName(name) {
			values = append(values, strings.TrimSpace(value))
		}
	}
	return values
}

func ownName(name string) bool {
	name = strings.TrimSpace(name)
	return name == "__Host-itsme" || strings.HasPrefix(name, "__Host-itsme-l-")
}
