package docs_test

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/caddy-itsme/caddy-itsme/attribute"
	"github.com/caddy-itsme/caddy-itsme/caddymodule"
	"github.com/caddy-itsme/caddy-itsme/gateway"
	"github.com/caddy-itsme/caddy-itsme/internal/caddytest"
	"github.com/caddy-itsme/caddy-itsme/signicat"
	"github.com/caddy-itsme/caddy-itsme/store"
	"github.com/caddy-itsme/caddy-itsme/store/redis"
	"github.com/caddy-itsme/caddy-itsme/token"
)

// blocks has the tables of subdirectives: the heading, the prefix of their names on other pages, and a
// Caddyfile with an error in that block.
var blocks = []struct{ heading, prefix, caddyfile string }{
	{"Subdirective", "", "{\nitsme {\nnosuch\n}\n}"},
	{"In `signicat`", "signicat ", "{\nitsme {\nsignicat {\nnosuch\n}\n}\n}"},
	{"In `token`", "token ", "{\nitsme {\ntoken {\nnosuch\n}\n}\n}"},
	{"In `store redis`", "store redis ", "{\nitsme {\nstore redis {\nnosuch\n}\n}\n}"},
	{"In `limit`", "limit ", "{\nitsme {\nlimit {\nnosuch\n}\n}\n}"},
	{"In `page`", "page ", "{\nitsme {\npage {\nnosuch\n}\n}\n}"},
	{"In the directive", "", "http:// {\nitsme {\nnosuch\n}\n}"},
	{"In `require`", "require ", "http:// {\nitsme {\nrequire nosuch\n}\n}"},
}

// knownWords matches the list at the end of the error for an unknown subdirective.
var knownWords = regexp.MustCompile(`unknown subdirective; [a-z ]+: ([a-z_ ]+), at `)

// TestSubdirectives compares the tables with the list in the error of the grammar.
func TestSubdirectives(t *testing.T) {
	t.Parallel()
	for _, block := range blocks {
		t.Run(block.heading, func(t *testing.T) {
			t.Parallel()
			_, err := caddytest.Adapt(block.caddyfile)
			if err == nil {
				t.Fatal("a subdirective that does not exist was accepted")
			}
			known := knownWords.FindStringSubmatch(err.Error())
			if known == nil {
				t.Fatalf("the error does not list what is known: %v", err)
			}
			var named []string
			for _, row := range readTable(t, block.heading) {
				name, _ := code(row[0])
				named = append(named, name)
			}
			if diff := cmp.Diff(strings.Fields(known[1]), named); diff != "" {
				t.Errorf("the table names others (-grammar +README):\n%s", diff)
			}
		})
	}
}

// defaults has the constant of every default that the tables name in backticks.
func defaults() map[string]string {
	c := gateway.Config{PublicURL: "https://app.example.be"}.WithDefaults()
	derived := strings.NewReplacer(c.PublicURL, "<public_url>", c.Path, "<path>")
	return map[string]string{
		"path":                        c.Path,
		"redirect_url":                derived.Replace(c.RedirectURL),
		"app_redirect_url":            derived.Replace(strings.Join(c.AppRedirectURLs, " ")),
		"session_lifetime":            brief(c.SessionLifetime),
		"cookie":                      c.Cookie.Name + " " + brief(c.Cookie.Lifetime),
		"store":                       string(caddymodule.MemoryStore{}.CaddyModule().ID.Name()),
		"signicat api_url":            signicat.DefaultAPIURL,
		"signicat timeout":            brief(signicat.DefaultTimeout),
		"signicat state_encoding":     string(signicat.StateRaw),
		"token issuer":                derived.Replace(c.Token.Issuer),
		"token audience":              derived.Replace(strings.Join(c.Token.Audience, " ")),
		"token rotate":                fmt.Sprint(int(caddymodule.DefaultRotate.Hours()/24), "d"),
		"token lifetime":              brief(c.Token.Lifetime),
		"token algorithm":             string(token.DefaultAlgorithm),
		"store redis database":        fmt.Sprint(caddymodule.RedisStore{}.Database),
		"store redis prefix":          "itsme:<gateway>",
		"store redis timeout":         brief(redis.DefaultTimeout),
		"store redis staleness":       brief(redis.DefaultStaleness),
		"limit sessions_per_client":   fmt.Sprint(c.Limit.SessionsPerClient, " ", brief(c.Limit.SessionsWindow)),
		"limit token_per_client":      fmt.Sprint(c.Limit.TokenPerClient, " ", brief(c.Limit.TokenWindow)),
		"limit pending":               fmt.Sprint(c.Limit.Pending),
		"limit pending_per_client":    fmt.Sprint(c.Limit.PendingPerClient),
		"limit long_polls_per_client": fmt.Sprint(c.Limit.LongPollsPerClient),
		"limit status_reads":          fmt.Sprint(c.Limit.StatusReads, " ", brief(c.Limit.StatusWindow)),
		"use":                         caddymodule.DefaultGateway,
		"page start":                  gateway.StartEarly,
		"mode":                        string(gateway.ModeAuto),
		"forward_token":               gateway.ForwardAuthorization,
	}
}

// bounds has the constants of the bounds that the tables name in words.
var bounds = map[string]string{
	"session_lifetime":      brief(gateway.MinSessionLifetime) + " to " + brief(gateway.MaxSessionLifetime),
	"cookie":                brief(gateway.MinTokenLifetime) + " to " + brief(gateway.MaxCookieLifetime),
	"signicat timeout":      "up to " + brief(signicat.MaxTimeout),
	"token rotate":          fmt.Sprint("up to ", int(caddymodule.MaxRotate.Hours()/24), "d"),
	"token refresh":         "up to " + brief(gateway.MaxRefresh),
	"require max_age":       brief(gateway.MinLoginAge) + " to " + brief(gateway.MaxLoginAge),
	"store redis staleness": brief(redis.DefaultStaleness) + " to " + brief(redis.MaxStaleness),
	"token lifetime":        brief(gateway.MinTokenLifetime) + " to " + brief(gateway.MaxTokenLifetime),
}

// brief writes a duration as in a Caddyfile.
func brief(d time.Duration) string {
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}

func TestDefaults(t *testing.T) {
	t.Parallel()
	named := make(map[string]string)
	for _, block := range blocks {
		for _, row := range readTable(t, block.heading) {
			name, _ := code(row[0])
			if value, ok := code(row[2]); ok {
				named[block.prefix+name] = value
			}
			if bound := bounds[block.prefix+name]; !strings.Contains(row[1], bound) {
				t.Errorf("%s%s lacks %q", block.prefix, name, bound)
			}
		}
	}
	if diff := cmp.Diff(defaults(), named); diff != "" {
		t.Errorf("the tables name others (-constants +README):\n%s", diff)
	}
}

func TestFixedBounds(t *testing.T) {
	t.Parallel()
	want := map[string]string{
		"same login again":  brief(store.Retention),
		"first arrival":     brief(gateway.CodeLifetime),
		"`/token` waits":    brief(gateway.FinishWait),
		"`?wait=` waits":    brief(gateway.MaxWait),
		"login that ended":  brief(store.Retention),
		"Clocks may differ": brief(token.Skew),
		"may keep the JWKS": brief(gateway.JWKSMaxAge * time.Second),
		"value is cut at":   fmt.Sprint(attribute.MaxValue, " bytes"),
		"refused above":     fmt.Sprint(token.MaxSize, " bytes"),
	}
	for _, row := range readTable(t, "Fixed bound") {
		for about, value := range want {
			if !strings.Contains(row[0], about) {
				continue
			}
			delete(want, about)
			if named, _ := code(row[1]); named != value {
				t.Errorf("%s: README says %s, the code %s", row[0], named, value)
			}
		}
	}
	if len(want) > 0 {
		t.Errorf("README lacks %v", want)
	}
}
