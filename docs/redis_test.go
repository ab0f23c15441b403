package docs_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/caddy-itsme/caddy-itsme/store/redis"
)

// TestEveryRefusalOfRedisIsExplained compares the table with the causes that the store knows.
func TestEveryRefusalOfRedisIsExplained(t *testing.T) {
	t.Parallel()
	known, explained := map[string]string{}, map[string]string{}
	for _, cause := range redis.Causes() {
		remedy := cause.Remedy()
		known[string(cause)] = strings.ReplaceAll(strings.ToUpper(remedy[:1])+remedy[1:]+".", "<", `\<`)
	}
	for _, row := range readTableOf(t, "docs/redis.md", "Cause") {
		cause, _ := code(row[0])
		explained[cause] = row[4]
	}
	if diff := cmp.Diff(known, explained); diff != "" {
		t.Errorf("docs/redis.md explains other causes (-store +page):\n%s", diff)
	}
}
