package apitest

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"sync"
)

// verdicts are the violations of exchanges that were compared already, by their form.
type verdicts struct{ byForm sync.Map }

// verdict returns the violations of an exchange. Tests that send one request thousands of times compare its form
// once.
func (c contract) verdict(e Exchange) []string {
	key := form(e)
	if known, ok := c.known.byForm.Load(key); ok {
		return known.([]string)
	}
	found := c.violations(e)
	c.known.byForm.Store(key, found)
	return found
}

// form identifies exchanges that the document judges alike: they differ in nothing but random values of one length.
func form(e Exchange) [sha256.Size]byte {
	var all bytes.Buffer
	fmt.Fprintf(&all, "%s %s\n", e.Request.Method, e.Request.URL)
	_ = e.Request.Header.Write(&all)
	fmt.Fprintf(&all, "\n%s\x00%d\n", e.Sent, e.Status)
	_ = e.Header.Write(&all)
	fmt.Fprintf(&all, "\n%s", e.Body)
	blankRandom(all.Bytes())
	return sha256.Sum256(all.Bytes())
}

// shortestRandom is the length of a state, a nonce, a challenge and a session_id. Every part of a token but its first
// is longer. The document compares such values by their length and characters alone.
const shortestRandom = 43

// blankRandom overwrites every value of base64url that is at least that long.
func blankRandom(text []byte) {
	start := 0
	for i := 0; i <= len(text); i++ {
		if i < len(text) && isBase64URL(text[i]) {
			continue
		}
		if i-start >= shortestRandom {
			copy(text[start:i], bytes.Repeat([]byte("x"), i-start))
		}
		start = i + 1
	}
}

func isBase64URL(b byte) bool {
	return b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z' || b >= '0' && b <= '9' || b == '-' || b == '_'
}
