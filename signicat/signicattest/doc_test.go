package signicattest_test

import (
	"os"
	"strings"
	"testing"

	"github.com/caddy-itsme/caddy-itsme/signicat/signicattest"
)

// TestPackageCommentSaysWhatIsNotSimulated keeps the comment and the list that programs print the same.
func TestPackageCommentSaysWhatIsNotSimulated(t *testing.T) {
	t.Parallel()
	source, err := os.ReadFile("doc.go")
	if err != nil {
		t.Fatal(err)
	}
	comment, _, _ := strings.Cut(string(source), "\npackage signicattest")
	for _, line := range signicattest.NotSimulated() {
		if !strings.Contains(comment, "//   - "+line+"\n") {
			t.Errorf("the package comment lacks %q", line)
		}
	}
	if got, want := strings.Count(comment, "//   - "), len(signicattest.NotSimulated()); got != want {
		t.Errorf("the package comment lists %d, NotSimulated %d", got, want)
	}
}
