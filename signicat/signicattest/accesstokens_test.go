package signicattest

import (
	"strconv"
	"testing"
	"time"
)

// TestTokensAreBounded issues more access tokens than are kept, then lets all of them expire.
func TestTokensAreBounded(t *testing.T) {
	t.Parallel()
	tokens, err := newAccessTokens("key")
	if err != nil {
		t.Fatal(err)
	}
	now := time.Unix(0, 0)
	for i := range maxTokens + 3 {
		tokens.add(strconv.Itoa(i), now.Add(time.Minute), now)
	}
	_, first := tokens.ends["2"]
	_, fourth := tokens.ends["3"]
	if len(tokens.ends) != maxTokens || first || !fourth {
		t.Errorf("%d tokens; the third: %t, the fourth: %t", len(tokens.ends), first, fourth)
	}
	now = now.Add(time.Minute)
	tokens.add("new", now.Add(time.Minute), now)
	if len(tokens.ends) != 1 || len(tokens.order) != 1 {
		t.Errorf("%d tokens, %d in order", len(tokens.ends), len(tokens.order))
	}
}
