package signicattest_test

import (
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/caddy-itsme/caddy-itsme/signicat/signicattest"
)

// TestCreateAnswersAsPublished compares with the sample of Signicat's App2App guide, member by member and parameter by
// parameter. Source: https://developer.signicat.com/identity-methods/itsme/
func TestCreateAnswersAsPublished(t *testing.T) {
	t.Parallel()
	c := start(t, signicattest.Config{RedirectURLs: []string{"https://example.com"}})
	r := c.do(http.MethodPost, "/auth/rest/sessions", sessionBody, nil).want(http.StatusOK)
	members := slices.Sorted(maps.Keys(r.json))
	want := strings.Fields("accountId allowedProviders expiresAt flow id idpData requestedAttributes sessionLifetime status")
	if diff := cmp.Diff(want, members); diff != "" {
		t.Errorf("members: %s", diff)
	}
	if diff := cmp.Diff([]any{"dateOfBirth", "firstName", "lastName", "name", "nin"}, r.member("requestedAttributes")); diff != "" {
		t.Errorf("requestedAttributes: %s", diff)
	}
	got := r.text("idpData", "authorizationRequestUrl")
	for pattern, fixed := range map[string]string{
		`state=[\w-]{43}%3Aa-spge-\w{20}&`: "state=STATE&",
		`nonce=[\w-]{43}&`:                 "nonce=NONCE&",
		`client_id=[A-Za-z]{6}$`:           "client_id=CLIENT",
		`Signicat_\w+&`:                    "Signicat_EXAMPLE_DEV&",
	} {
		got = regexp.MustCompile(pattern).ReplaceAllString(got, fixed)
	}
	const sample = "/v2/authorization?ui_locales=en&scope=openid+service%3ASignicat_EXAMPLE_DEV&claims=%7B%22id_token%22%3A%7B%22birthdate%22%3Anull%2C%22http%3A%5C%2F%5C%2Fitsme.services%5C%2Fv2%5C%2Fclaim%5C%2FIDIssuingCountry%22%3Anull%2C%22name%22%3Anull%2C%22http%3A%5C%2F%5C%2Fitsme.services%5C%2Fv2%5C%2Fclaim%5C%2FBENationalNumber%22%3Anull%2C%22given_name%22%3Anull%2C%22family_name%22%3Anull%7D%7D&response_type=code&redirect_uri=https%3A%2F%2Fexample.com&state=STATE&nonce=NONCE&client_id=CLIENT"
	if diff := cmp.Diff(c.sim.URL+sample, got); diff != "" {
		t.Errorf("authorizationRequestUrl: %s", diff)
	}
	if got := r.text("idpData", "tokenRequestUrl"); got != c.sim.URL+"/idps/oidc-vendor/itsme/login-headless/token" {
		t.Errorf("tokenRequestUrl: %s", got)
	}
}

func TestServiceFollowsTheAttributes(t *testing.T) {
	t.Parallel()
	c := start(t, signicattest.Config{})
	for list, want := range map[string]string{
		`[]`: "AUTHENTICATION",
		`["name","firstName","lastName","email","idpId"]`: "AUTHENTICATION",
		`["name","dateOfBirth"]`:                          "IDENTIFICATION",
		`["nin"]`:                                         "IDENTIFICATION",
	} {
		u, err := url.Parse(c.login(attributes(list)).url)
		if err != nil || !strings.HasSuffix(u.Query().Get("scope"), want) {
			t.Errorf("%s: scope %s: %v", list, u.Query().Get("scope"), err)
		}
	}
}

func TestIDsAndTimes(t *testing.T) {
	t.Parallel()
	clock := newClock()
	c := start(t, signicattest.Config{Now: clock.now})
	guid := regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$`)
	dotnet := regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.(\d{0,6}[1-9])\+00:00$`)
	digits, seen := map[int]bool{}, map[string]bool{}
	for range 200 {
		r := c.do(http.MethodPost, "/auth/rest/sessions", sessionBody, nil).want(http.StatusOK)
		id, tx := r.text("id"), r.text("idpData", "transactionId")
		if !guid.MatchString(id) || !guid.MatchString(tx) || id[14] == '4' || tx[14] == '4' || seen[id] || seen[tx] || id == tx {
			t.Fatalf("ids %s %s", id, tx)
		}
		seen[id], seen[tx] = true, true
		m := dotnet.FindStringSubmatch(r.text("expiresAt"))
		if m == nil {
			t.Fatalf("expiresAt %s", r.text("expiresAt"))
		}
		digits[len(m[1])] = true
		at, err := time.Parse(time.RFC3339Nano, r.text("expiresAt"))
		if left := at.Sub(clock.now()); err != nil || left > 1200*time.Second || left < 1198*time.Second {
			t.Fatalf("expires in %s: %v", left, err)
		}
	}
	if len(digits) != 7 {
		t.Errorf("digits of a second that were seen: %v", digits)
	}
}

func TestSeedRepeatsARun(t *testing.T) {
	t.Parallel()
	run := func(seed uint64) (uint64, []string) {
		clock := newClock()
		c := start(t, signicattest.Config{Seed: seed, Now: clock.now})
		l := c.login(sessionBody)
		return c.sim.Seed(), []string{l.id, l.tx, l.state, l.approve("adult"), l.read().text("expiresAt")}
	}
	seed, first := run(0)
	again, second := run(seed)
	_, other := run(seed + 1)
	if seed == 0 || again != seed || !slices.Equal(first, second) || slices.Equal(first, other) {
		t.Errorf("%d: %v, %d: %v, %v", seed, first, again, second, other)
	}
}

func TestSessionsOfOthersAreUnknown(t *testing.T) {
	t.Parallel()
	c := start(t, signicattest.Config{})
	for _, id := range []string{"0", "db415388-c978-4027-84a6-021bd743ef0b", "%2e%2e"} {
		if r := c.do(http.MethodGet, "/auth/rest/sessions/"+id, "", nil); r.status != http.StatusNotFound {
			t.Errorf("%s: %d", id, r.status)
		}
	}
}

func TestCancel(t *testing.T) {
	t.Parallel()
	c := start(t, signicattest.Config{})
	l := c.login(sessionBody)
	code := l.approve("adult")
	if got := l.cancel().want(http.StatusOK).text("status"); got != "CANCELLED" {
		t.Errorf("cancel: %s", got)
	}
	if got := l.read().want(http.StatusOK).text("status"); got != "CANCELLED" {
		t.Errorf("read: %s", got)
	}
	l.cancel().want(http.StatusBadRequest)
	l.validate(code).want(http.StatusBadRequest)
	if r := l.read(); r.text("status") != "CANCELLED" || r.member("subject") != nil {
		t.Errorf("after a late code: %s", r.body)
	}
	r := c.do(http.MethodPost, "/auth/rest/sessions/"+c.login(sessionBody).id+"/cancel", "{}", nil)
	r.want(http.StatusBadRequest)
}

// TestExpiry moves the clock over the lifetime at every status of a login.
func TestExpiry(t *testing.T) {
	t.Parallel()
	clock := newClock()
	c := start(t, signicattest.Config{Now: clock.now, AccessTokenLifetime: time.Hour})
	created, opened, approved, done := c.login(sessionBody), c.login(sessionBody), c.login(sessionBody), c.login(sessionBody)
	if err := c.sim.Open(opened.url); err != nil {
		t.Fatal(err)
	}
	done.validate(done.approve("adult")).want(http.StatusOK)
	clock.advance(1197 * time.Second)
	code := approved.approve("adult")
	for _, l := range []login{created, opened, approved} {
		if got := l.read().text("status"); got == "EXPIRED" {
			t.Error("expired early")
		}
	}
	clock.advance(3 * time.Second)
	for _, l := range []login{created, opened, approved} {
		if r := l.read().want(http.StatusOK); r.text("status") != "EXPIRED" || r.member("subject") != nil {
			t.Errorf("status %s", r.body)
		}
		l.cancel().want(http.StatusBadRequest)
	}
	approved.validate(code).want(http.StatusBadRequest)
	if got := done.read().text("status"); got != "SUCCESS" {
		t.Errorf("a login that was done: %s", got)
	}
}

func TestOldestSessionIsForgotten(t *testing.T) {
	t.Parallel()
	c := start(t, signicattest.Config{MaxSessions: 2})
	first, second, third := c.login(sessionBody), c.login(sessionBody), c.login(sessionBody)
	first.read().want(http.StatusNotFound)
	if err := c.sim.Open(first.url); err == nil {
		t.Error("the forgotten login can still be opened")
	}
	second.read().want(http.StatusOK)
	third.read().want(http.StatusOK)
	var ids []string
	for _, s := range c.sim.Sessions() {
		ids = append(ids, s.ID)
	}
	if diff := cmp.Diff([]string{second.id, third.id}, ids); diff != "" {
		t.Error(diff)
	}
}

// TestHandlerWithoutBaseURL is a simulator behind servers of the caller.
func TestHandlerWithoutBaseURL(t *testing.T) {
	t.Parallel()
	sim, err := signicattest.New(signicattest.Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer sim.Close()
	for _, server := range []*httptest.Server{httptest.NewServer(sim.Handler()), httptest.NewTLSServer(sim.Handler())} {
		c := &client{t: t, sim: sim, http: server.Client()}
		r := c.do(http.MethodPost, server.URL+tokenPath, "grant_type=client_credentials&scope=signicat-api", basic(signicattest.DefaultClientID, signicattest.DefaultClientSecret)).want(http.StatusOK)
		c.token = r.text("access_token")
		r = c.do(http.MethodPost, server.URL+"/auth/rest/sessions", sessionBody, nil).want(http.StatusOK)
		if got := r.text("idpData", "tokenRequestUrl"); !strings.HasPrefix(got, server.URL+"/idps/") {
			t.Errorf("%s on %s", got, server.URL)
		}
		server.Close()
	}
}
