package docs_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/caddy-itsme/caddy-itsme/gateway"
	"github.com/caddy-itsme/caddy-itsme/internal/repotest"
	"github.com/caddy-itsme/caddy-itsme/store"
)

const mobilePage = "docs/mobile.md"

// TestMobileErrors compares the page with the gateway's table of failures: it has a row for every error and
// every problem, and no others.
func TestMobileErrors(t *testing.T) {
	t.Parallel()
	source := repotest.ReadFile(t, filepath.Join("gateway", "failure.go"))
	errors, problems := set{}, set{}
	for _, row := range failureRow.FindAllStringSubmatch(source, -1) {
		errors[row[4]] = true
	}
	for _, name := range problemName.FindAllStringSubmatch(source, -1) {
		problems[name[2]] = true
	}
	for column, want := range map[string]set{"Error": errors, "Code": problems} {
		named := set{}
		for _, row := range readTableOf(t, mobilePage, column) {
			for _, quoted := range codeSpan.FindAllStringSubmatch(row[0], -1) {
				named[quoted[1]] = true
			}
		}
		if diff := cmp.Diff(want, named); diff != "" {
			t.Errorf("%s names others in its table of each %s (-gateway +page):\n%s", mobilePage, column, diff)
		}
	}
}

func TestMobileDurations(t *testing.T) {
	t.Parallel()
	want := map[string]string{
		"login under way":    brief(gateway.DefaultSessionLifetime),
		"first arrival":      brief(gateway.CodeLifetime),
		"`/token` waits":     brief(gateway.FinishWait),
		"get the same login": brief(store.Retention),
		"status of a login":  brief(store.Retention),
		"`interval`":         brief(gateway.Interval),
		"`?wait=` holds":     brief(gateway.MaxWait),
		"An access token":    brief(gateway.DefaultTokenLifetime),
	}
	for _, row := range readTableOf(t, mobilePage, "What lasts how long") {
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
		t.Errorf("%s lacks %v", mobilePage, want)
	}
}
