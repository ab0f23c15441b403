package signicattest

import (
	crand "crypto/rand"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"sync"
)

// random is the source of everything that varies between runs. It is safe for concurrent use.
type random struct {
	mu   sync.Mutex
	seed uint64
	r    *rand.ChaCha8
}

func newRandom(seed uint64) *random {
	for seed == 0 {
		var b [8]byte
		_, _ = crand.Read(b[:])                       // never fails, by its documentation
		seed = binary.LittleEndian.Uint64(b[:]) >> 11 // 53 bits, which survive JSON in any language
	}
	var key [32]byte
	binary.LittleEndian.PutUint64(key[:], seed)
	return &random{seed: seed, r: rand.NewChaCha8(key)}
}

func (r *random) bytes(n int) []byte {
	r.mu.Lock()
	defer r.mu.Unlock()
	b := make([]byte, n)
	_, _ = r.r.Read(b) // never fails, by its documentation
	return b
}

// below returns a number from 0 to n-1.
func (r *random) below(n int) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return int(r.r.Uint64() % uint64(n))
}

// guid returns a GUID that is never of version 4 (RFC 9562): Signicat's often are not.
func (r *random) guid() string {
	b := r.bytes(16)
	if b[6]>>4 == 4 {
		b[6] ^= 0x20
	}
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// token returns 43 characters of base64url, 32 bytes.
func (r *random) token() string { return base64.RawURLEncoding.EncodeToString(r.bytes(32)) }

// trace returns 32 hexadecimal digits.
func (r *random) trace() string { return hex.EncodeToString(r.bytes(16)) }

const (
	lowerAlphanumeric = "abcdefghijklmnopqrstuvwxyz0123456789"
	letters           = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
)

// text returns n characters of an alphabet. The slight bias of the remainder does not matter to a simulator.
func (r *random) text(alphabet string, n int) string {
	b := r.bytes(n)
	for i := range b {
		b[i] = alphabet[int(b[i])%len(alphabet)]
	}
	return string(b)
}
