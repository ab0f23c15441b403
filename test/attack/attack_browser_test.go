package attack_test

import (
	"html"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/caddy-itsme/caddy-itsme/internal/rawhttptest"
)

// surfer is a person's browser at a fort. It keeps cookies in the order in which browsers send
// them (RFC 6265 section 5.4), and follows no redirect.
type surfer struct {
	t       *testing.T
	fort    *fort
	cookies []*http.Cookie
}

func (f *fort) surfer(t *testing.T) *surfer { return &surfer{t: t, fort: f} }

// fromOwnPage is what browsers send with a form of the fort's own pages.
const fromOwnPage = "Origin: " + fortURL + "\r\nSec-Fetch-Site: same-origin\r\n"

// navigation is what browsers send when a person goes somewhere.
const navigation = "Sec-Fetch-Mode: navigate\r\nSec-Fetch-Dest: document\r\nAccept: text/html\r\n"

// navigate goes to a page of the fort.
func (s *surfer) navigate(target string) rawhttptest.Answer {
	s.t.Helper()
	return s.take(s.fort.ask(http.MethodGet, target, navigation, s.cookieLine()))
}

// submit posts a form to an own endpoint.
func (s *surfer) submit(path string, form url.Values, lines ...string) rawhttptest.Answer {
	s.t.Helper()
	return s.take(s.fort.post(path, formType, form.Encode(), append(lines, s.cookieLine())...))
}

func (s *surfer) cookieLine() string {
	if len(s.cookies) == 0 {
		return ""
	}
	var pairs []string
	for _, c := range s.cookies {
		pairs = append(pairs, c.Name+"="+c.Value)
	}
	return "Cookie: " + strings.Join(pairs, "; ") + "\r\n"
}

// take keeps and deletes cookies. One that a browser would not take fails the test.
func (s *surfer) take(a rawhttptest.Answer) rawhttptest.Answer {
	s.t.Helper()
	for _, c := range (&http.Response{Header: a.Header}).Cookies() {
		if !c.Secure || c.Path != "/" || c.Domain != "" || !strings.HasPrefix(c.Name, sessionCookie) {
			s.t.Errorf("a browser does not take %q", c.Raw)
		}
		i := slices.IndexFunc(s.cookies, func(kept *http.Cookie) bool { return kept.Name == c.Name })
		switch {
		case i >= 0 && c.MaxAge < 0:
			s.cookies = slices.Delete(s.cookies, i, i+1)
		case i >= 0:
			s.cookies[i] = c
		case c.MaxAge > 0:
			s.cookies = append(s.cookies, c)
		}
	}
	return a
}

// names are the names of the cookies that are kept.
func (s *surfer) names() (names []string) {
	for _, c := range s.cookies {
		names = append(names, c.Name)
	}
	return names
}

// value is a cookie's, empty when there is none.
func (s *surfer) value(name string) string {
	for _, c := range s.cookies {
		if c.Name == name {
			return c.Value
		}
	}
	return ""
}

// start presses the login page's button and returns the link that opens itsme.
func (s *surfer) start(returnTo string) string {
	s.t.Helper()
	answer := s.submit("/login", url.Values{"return_to": {returnTo}}, fromOwnPage)
	if answer.Status != http.StatusOK {
		s.t.Fatalf("starting: %d %s", answer.Status, answer.Body)
	}
	return linkOf(s.t, answer)
}

// approve is the person saying yes on the phone; it returns where the phone then goes, as a target
// at the fort.
func (f *fort) approve(t *testing.T, link string) string {
	t.Helper()
	back, err := f.signicat.Approve(link, "adult")
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimPrefix(back, fortURL)
}

// login logs the person in and returns the callback's answer.
func (s *surfer) login(returnTo string) rawhttptest.Answer {
	s.t.Helper()
	answer := s.navigate(s.fort.approve(s.t, s.start(returnTo)))
	if answer.Status != http.StatusSeeOther || s.value(sessionCookie) == "" {
		s.t.Fatalf("the callback: %d %s", answer.Status, answer.Body)
	}
	return answer
}

var (
	buttonLink  = regexp.MustCompile(`class="action" href="([^"]+)"`)
	hiddenField = regexp.MustCompile(`<input type="hidden" name="([^"]+)" value="([^"]*)">`)
)

func linkOf(t *testing.T, page rawhttptest.Answer) string {
	t.Helper()
	found := buttonLink.FindStringSubmatch(page.Body)
	if found == nil {
		t.Fatalf("no button on the page: %d %s", page.Status, page.Body)
	}
	return html.UnescapeString(found[1])
}

// fields are the hidden fields of a page's form.
func fields(page rawhttptest.Answer) map[string]string {
	all := map[string]string{}
	for _, found := range hiddenField.FindAllStringSubmatch(page.Body, -1) {
		all[found[1]] = html.UnescapeString(found[2])
	}
	return all
}
