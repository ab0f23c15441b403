package apitest

import (
	"crypto/sha256"
	"io"
	"regexp"
	"sync"
)

// verdicts are the violations of exchanges that were compared already, by their form.
type verdicts struct{ byForm sync.Map }

// random matches a value of 43 characters of base64url: a state, a nonce, a challenge, a session_id.
var random = regexp.MustCompile(`[A-Za-z0-9_-]{43,}`)

// form identifies exchanges that the document judges alike: they differ in nothing but random values of one
// length.
func form(e Exchange) [sha256.Size]byte {
	h := sha256.New()
	write := func(text string) {
		text = random.ReplaceAllStringFunc(text, func(value string) string {
			if len(value) == 43 {
				return "\x00"
			}
			return value
		})
		_, _ = io.WriteString(h, text)
		_, _ = h.Write([]byte{1})
	}
	write(e.Request.Method)
	write(e.Request.URL.String())
	_ = e.Request.Header.Write(h)
	write(e.Sent)
	_, _ = h.Write([]byte{byte(e.Status >> 8), byte(e.Status)})
	_ = e.Header.Write(h)
	write(e.Body)
	return [sha256.Size]byte(h.Sum(nil))
}

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
