package gateway

import (
	"strconv"
	"testing"
	"time"
)

func TestMintedTokensAreBounded(t *testing.T) {
	t.Parallel()
	m, err := newMintCache()
	if err != nil {
		t.Fatal(err)
	}
	for i := range 5 * maxMinted {
		m.tokens.Set(strconv.Itoa(i), minted{raw: "token", until: time.Now().Add(mintedFor)})
	}
	m.tokens.CleanUp()
	if n := m.tokens.EstimatedSize(); n > maxMinted || n < maxMinted/2 {
		t.Errorf("%d tokens are kept, want up to %d", n, maxMinted)
	}
}
