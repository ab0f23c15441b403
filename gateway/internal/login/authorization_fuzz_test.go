package login

import (
	"errors"
	"net/url"
	"strings"
	"testing"

	whatwg "github.com/nlnwa/whatwg-url/url"
)

// FuzzAuthorizationURL writes Signicat's authorizationRequestUrl. The parser of the URL Standard, as in
// browsers, must read an accepted link alike: https on a host, without user information, with this
// redirect_uri and state once each. An error shows nothing of the link.
func FuzzAuthorizationURL(f *testing.F) {
	const back, good = "https://app.example.be/itsme/callback", "https://idp.example/authorize?redirect_uri=BACK&state=STATE"
	for _, seed := range []string{
		good, good + "%00", good + "%0a", good + "&x=y", good + "&state=STATE", good + "&redirect_uri=BACK", good + "#state=STATE", strings.Replace(good, "https", "http", 1), strings.Replace(good, "https", "HTTPS", 1),
		strings.Replace(good, "idp.example", "user@idp.example", 1), strings.Replace(good, "idp.example", `evil.example\@idp.example`, 1), strings.Replace(good, "idp.example", "idp\xf0.example", 1), strings.Replace(good, "https:", "javascript:", 1),
		strings.Replace(good, "https://", "https:", 1), strings.Replace(good, "https://", "//", 1), strings.Replace(good, "STATE", "short", 1), strings.ReplaceAll(good, "&", ";"),
		strings.Replace(good, "state=", "st%61te=", 1), strings.Replace(good, "BACK", "https://evil.example", 1), good + "%zz", " " + good, "\t" + good, good + "\x9c", good + "%9c", good + "%20", good + " ", good + "\n", "http://127.0.0.1/?redirect_uri=BACK&state=STATE", "",
	} {
		f.Add(seed)
	}
	escaped, state := url.QueryEscape(back), strings.Repeat("s", minState)
	f.Fuzz(func(t *testing.T, link string) {
		link = strings.NewReplacer("BACK", escaped, "STATE", state).Replace(link)
		got, err := checkAuthorizationURL(link, back, false)
		if err != nil {
			if !errors.Is(err, ErrSignicat) || len(err.Error()) > 200 {
				t.Errorf("%q: %v", link, err)
			}
			return
		}
		u, err := whatwg.Parse(link)
		if err != nil {
			return // no browser opens it
		}
		if u.Protocol() != "https:" || u.Hostname() == "" || u.Username()+u.Password() != "" {
			t.Errorf("%q is %s to a browser", link, u.Href(false))
		}
		query := u.SearchParams()
		if states, backs := query.GetAll("state"), query.GetAll("redirect_uri"); len(states) != 1 || states[0] != got || len(got) < minState || strings.ContainsFunc(got, notVSCHAR) || len(backs) != 1 || backs[0] != back {
			t.Errorf("%q: a browser reads state %q and redirect_uri %q, the gateway %q", link, states, backs, got)
		}
	})
}
