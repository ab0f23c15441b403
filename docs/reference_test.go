package docs_test

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/caddy-itsme/caddy-itsme/attribute"
	"github.com/caddy-itsme/caddy-itsme/caddymodule"
	"github.com/caddy-itsme/caddy-itsme/gateway"
	"github.com/caddy-itsme/caddy-itsme/internal/caddytest"
	"github.com/caddy-itsme/caddy-itsme/internal/repotest"
	"github.com/caddy-itsme/caddy-itsme/signicat"
	"github.com/caddy-itsme/caddy-itsme/store"
	"github.com/caddy-itsme/caddy-itsme/store/redis"
	"github.com/caddy-itsme/caddy-itsme/token"
)

// blocks has the tables of options: their heading, the prefix of their names on other pages, and a Caddyfile with an
// error in that block.
var blocks = []struct{ heading, prefix, caddyfile string }{
	{"`gateways`", "", "{\nitsme {\nnosuch\n}\n}"},
	{"`signicat`", "signicat ", "{\nitsme {\nsignicat {\nnosuch\n}\n}\n}"},
	{"`token`", "token ", "{\nitsme {\ntoken {\nnosuch\n}\n}\n}"},
	{"Store redis", "store redis ", "{\nitsme {\nstore redis {\nnosuch\n}\n}\n}"},
	{"`limit`", "limit ", "{\nitsme {\nlimit {\nnosuch\n}\n}\n}"},
	{"`page`", "page ", "{\nitsme {\npage {\nnosuch\n}\n}\n}"},
	{"Directive itsme", "", "http:// {\nitsme {\nnosuch\n}\n}"},
	{"`require`", "require ", "http:// {\nitsme {\nrequire nosuch\n}\n}"},
}

// knownWords matches the list at the end of the error for an unknown subdirective.
var knownWords = regexp.MustCompile(`unknown subdirective; [a-z ]+: ([a-z_ ]+), at `)

// option is a row of docs/caddyfile.md.
type option struct{ key, standard, meaning string }

var jsonKey = regexp.MustCompile("^`([a-z_]+)`, ")

// options returns the rows of the first table below a heading.
func options(t *testing.T, heading string) (found []option) {
	t.Helper()
	const page = "docs/caddyfile.md"
	_, section, ok := strings.Cut(repotest.ReadFile(t, page), "# "+heading+"\n")
	if !ok {
		t.Fatalf("%s has no heading %s", page, heading)
	}
	for line := range strings.Lines(section) {
		cells := strings.Split(strings.ReplaceAll(line, `\|`, "/"), " | ")
		if len(cells) == 4 && jsonKey.MatchString(cells[1]) {
			found = append(found, option{jsonKey.FindStringSubmatch(cells[1])[1], cells[2], cells[3]})
		} else if len(found) > 0 {
			break
		}
	}
	if len(found) == 0 {
		t.Fatalf("%s has no options below %s", page, heading)
	}
	return found
}

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
			for _, o := range options(t, block.heading) {
				if o.key != "match" && o.key != "other_secret" { // in a Caddyfile they are arguments
					named = append(named, o.key)
				}
			}
			if diff := cmp.Diff(strings.Fields(known[1]), named, cmpopts.SortSlices(strings.Compare)); diff != "" {
				t.Errorf("the table names others (-grammar +page):\n%s", diff)
			}
		})
	}
}

// defaults has the constant of every default that the tables name as a value.
func defaults() map[string]string {
	c := gateway.Config{PublicURL: "https://app.example.be"}.WithDefaults()
	derived := strings.NewReplacer(c.PublicURL, "<public_url>", c.Path, "<path>")
	return map[string]string{
		"path":                        c.Path,
		"redirect_url":                derived.Replace(c.RedirectURL),
		"app_redirect_url":            derived.Replace(strings.Join(c.AppRedirectURLs, " ")),
		"session_lifetime":            brief(c.SessionLifetime),
		"store":                       string(caddymodule.MemoryStore{}.CaddyModule().ID.Name()),
		"signicat api_url":            signicat.DefaultAPIURL,
		"signicat timeout":            brief(signicat.DefaultTimeout),
		"signicat state_encoding":     string(signicat.StateRaw),
		"token issuer":                derived.Replace(c.Token.Issuer),
		"token audience":              derived.Replace(strings.Join(c.Token.Audience, " ")),
		"token rotate":                fmt.Sprint(int(caddymodule.DefaultRotate.Hours()/24), "d"),
		"token lifetime":              brief(c.Token.Lifetime),
		"token algorithm":             string(token.DefaultAlgorithm),
		"token dpop":                  string(c.Token.DPoP),
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
		for _, o := range options(t, block.heading) {
			name := block.prefix + o.key
			if value, ok := code(o.standard); ok {
				named[name] = value
			}
			if bound := bounds[name]; !strings.Contains(o.meaning, bound) {
				t.Errorf("%s lacks %q", name, bound)
			}
		}
	}
	if diff := cmp.Diff(defaults(), named); diff != "" {
		t.Errorf("the tables name others (-constants +page):\n%s", diff)
	}
}

func TestDefaultsOfTheCookie(t *testing.T) {
	t.Parallel()
	c := gateway.Config{PublicURL: "https://app.example.be"}.WithDefaults().Cookie
	cells := options(t, "`cookie`")
	if name, lifetime := cells[0], cells[1]; name.standard != "`"+c.Name+"`" || lifetime.standard != "`"+brief(c.Lifetime)+"`" ||
		!strings.Contains(lifetime.meaning, brief(gateway.MinTokenLifetime)+" to "+brief(gateway.MaxCookieLifetime)) {
		t.Errorf("the page has %q", cells)
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
	for _, row := range readTableOf(t, httpPage, "Fixed bound") {
		for about, value := range want {
			if !strings.Contains(row[0], about) {
				continue
			}
			delete(want, about)
			if named, _ := code(row[1]); named != value {
				t.Errorf("%s: the page says %s, the code %s", row[0], named, value)
			}
		}
	}
	if len(want) > 0 {
		t.Errorf("the page lacks %v", want)
	}
}
