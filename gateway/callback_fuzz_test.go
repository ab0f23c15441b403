package gateway_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/caddy-itsme/caddy-itsme/gateway"
	"github.com/caddy-itsme/caddy-itsme/internal/keystest"
	"github.com/caddy-itsme/caddy-itsme/signicat"
	"github.com/caddy-itsme/caddy-itsme/signicat/signicattest"
	"github.com/caddy-itsme/caddy-itsme/store"
	"github.com/caddy-itsme/caddy-itsme/token"
)

// FuzzCallback writes the query of the callback in a browser with two approved logins, A and B. CODEA,
// STATEA, CODEB and STATEB stand for their values. Only a query with one code, its own state and no error
// logs a user in. No query succeeds twice, and every query gets an answer.
func FuzzCallback(f *testing.F) {
	for _, seed := range []string{
		"code=CODEA&state=STATEA", "code=CODEB&state=STATEB&x=y", "code=CODEA&state=STATEB", "code=CODEA&code=CODEB&state=STATEA", "code=CODEA&state=STATEA&state=STATEB",
		"code=CODEA;state=STATEA", "code=CODEA&state=STATEA&error=access_denied", "error=access_denied&state=STATEA&error=x", "%63ode=CODEA&st%61te=STATEA", "code=CODEA&STATE=STATEA",
		"code=&state=STATEA", "state=STATEA", "code=CODEA%00&state=STATEA", "code=CODEA&state=STATEA%20", "code[]=CODEA&state=STATEA", "?code=CODEA&state=STATEA", "code=%zz&state=STATEA", "", "&&=&",
		"error=%ff%0d%0a&state=STATEB&error_description=<script>", "code=CODEB&state=STATEB#code=CODEA",
	} {
		f.Add(seed)
	}
	b := openBrowser(f)
	f.Fuzz(func(t *testing.T, query string) {
		logins := b.two(t)
		sent := strings.NewReplacer("CODEA", logins[0].code, "STATEA", logins[0].state, "CODEB", logins[1].code, "STATEB", logins[1].state).Replace(query)
		answer := b.do(http.MethodGet, "/itsme/callback", sent, "", logins[0].cookie+"; "+logins[1].cookie)
		if answer.Code >= http.StatusInternalServerError {
			t.Errorf("%d for %q", answer.Code, query)
		}
		winners := slices.DeleteFunc(answer.Result().Cookies(), func(c *http.Cookie) bool { return c.Name != "__Host-itsme" || c.Value == "" })
		want := 0
		if rightful(sent, logins) {
			want = 1
		}
		if len(winners) != want || (answer.Code == http.StatusSeeOther) != (want == 1) {
			t.Errorf("%d winners, want %d: %d for %q", len(winners), want, answer.Code, query)
		}
		if b.used(t, logins[0])+b.used(t, logins[1]) > 1 {
			t.Errorf("two codes were used for %q", query)
		}
	})
}

// rightful reads a query independently of the gateway.
func rightful(query string, logins [2]approvedLogin) bool {
	values, err := url.ParseQuery(query)
	if err != nil || len(values["error_description"]) > 1 || len(values["error"]) > 1 || values.Get("error") != "" {
		return false
	}
	return slices.ContainsFunc(logins[:], func(l approvedLogin) bool {
		return slices.Equal(values["code"], []string{l.code}) && slices.Equal(values["state"], []string{l.state})
	})
}

// browser sends requests to a gateway without a network.
type browser struct {
	handler  http.Handler
	signicat *signicattest.Server
	kept     []approvedLogin // that are still pending
	starts   int             // of apps
}

// approvedLogin is a login that the persona approved.
type approvedLogin struct{ link, cookie, code, state string }

func openBrowser(tb testing.TB) *browser {
	tb.Helper()
	server, err := signicattest.Start(signicattest.Config{})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(server.Close)
	memory := store.NewMemory(time.Now)
	tb.Cleanup(func() { _ = memory.Close() })
	g, err := gateway.New(gateway.Config{
		PublicURL:  "https://app.example.be",
		Signicat:   signicat.Config{ClientID: signicattest.DefaultClientID, ClientSecret: signicattest.DefaultClientSecret, APIURL: server.URL},
		Attributes: []string{"name"},
		Limit:      gateway.LimitConfig{SessionsPerClient: 1 << 30, TokenPerClient: 1 << 30},
		Store:      memory,
		Keys:       keystest.New(tb, token.DefaultAlgorithm),
	})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = g.Close() })
	site, err := g.NewSite(gateway.SiteConfig{})
	if err != nil {
		tb.Fatal(err)
	}
	return &browser{handler: site.Handler(http.NotFoundHandler()), signicat: server}
}

// two returns two logins whose codes were not used.
func (b *browser) two(tb testing.TB) [2]approvedLogin {
	tb.Helper()
	b.kept = slices.DeleteFunc(b.kept, func(l approvedLogin) bool { return b.ended(tb, l) })
	for len(b.kept) < 2 {
		b.kept = append(b.kept, b.start(tb))
	}
	return [2]approvedLogin(b.kept)
}

func (b *browser) start(tb testing.TB) approvedLogin {
	tb.Helper()
	answer := b.do(http.MethodPost, "/itsme/login", "", "return_to=/", "")
	cookies := answer.Result().Cookies()
	_, link, found := strings.Cut(answer.Body.String(), `"authorization_request_url":"`)
	link, _, _ = strings.Cut(link, `"`)
	if !found || len(cookies) != 1 {
		tb.Fatalf("starting: %d %s", answer.Code, answer.Body)
	}
	link = strings.ReplaceAll(link, `\u0026`, "&")
	back, err := b.signicat.Approve(link, "adult")
	if err != nil {
		tb.Fatal(err)
	}
	u, err := url.Parse(back)
	if err != nil {
		tb.Fatal(err)
	}
	return approvedLogin{link, cookies[0].Name + "=" + cookies[0].Value, u.Query().Get("code"), u.Query().Get("state")}
}

// ended reports whether the status says that a login ended.
func (b *browser) ended(tb testing.TB, l approvedLogin) bool {
	tb.Helper()
	answer := b.do(http.MethodGet, "/itsme/sessions/"+gateway.SessionID(l.state), "", "", "")
	return !strings.Contains(answer.Body.String(), `"status":"pending"`)
}

func (b *browser) used(tb testing.TB, l approvedLogin) int {
	tb.Helper()
	session, err := b.signicat.Session(l.link)
	if err != nil {
		tb.Fatal(err)
	}
	if session.CodeUsed {
		return 1
	}
	return 0
}

func (b *browser) do(method, path, query, body, cookies string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, "https://app.example.be"+path, strings.NewReader(body))
	r.URL.RawQuery = query
	r.Header.Set("Accept", "application/json")
	r.Header.Set("Origin", "https://app.example.be")
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Cookie", cookies)
	answer := httptest.NewRecorder()
	b.handler.ServeHTTP(answer, r)
	return answer
}
