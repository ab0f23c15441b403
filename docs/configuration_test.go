package docs_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/caddy-itsme/caddy-itsme/internal/repotest"
)

// elsewhere has the defaults that docs/configuration.md writes in other words.
var elsewhere = []string{"redirect_url", "app_redirect_url", "cookie", "token issuer", "token audience", "limit sessions_per_client", "limit token_per_client", "limit status_reads"}

// TestConfigurationPageNamesTheDefaults looks up every default of README's tables in the doc comment of
// the field.
func TestConfigurationPageNamesTheDefaults(t *testing.T) {
	t.Parallel()
	page := repotest.ReadFile(t, "docs/configuration.md")
	for name, value := range defaults() {
		key := name[strings.LastIndexByte(name, ' ')+1:]
		says := func(line string) bool {
			return strings.HasPrefix(line, "| `"+key+"` ") && strings.Contains(strings.NewReplacer(`\`, "", `"`, "").Replace(line), value)
		}
		if !slices.Contains(elsewhere, name) && !slices.ContainsFunc(strings.Split(page, "\n"), says) {
			t.Errorf("%s: docs/configuration.md does not have %s; correct the field's doc comment, and run make docs", name, value)
		}
	}
}
