// Package seal hides the values and names of the store from an attacker who reads Redis. A value is sealed for one
// place with one secret, and says which.
package seal

import (
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"

	"golang.org/x/crypto/chacha20poly1305"
)

// ErrUnreadable is returned when a value was not sealed with one of the secrets, or not for that place.
var ErrUnreadable = errors.New("value in Redis does not open: it was sealed with another secret, by another gateway with the same prefix, " +
	"or was moved; correct secret or prefix")

const (
	// idSize is the length of the ID of a secret, with which every sealed value begins.
	idSize = 4
	// HeadSize is how much of a sealed value has the ID and the nonce: see [Head].
	HeadSize = idSize + chacha20poly1305.NonceSizeX
	// nameSize is the length of a keyed hash in bytes, before base64. Without the key, an
	// attacker cannot look for two texts with the same hash.
	nameSize = 16
	// NameKeySize is the length of the key of names, in bytes.
	NameKeySize = sha256.Size
)

// ID names a secret. It shows nothing of it. Two gateways that share a secret by mistake have two IDs.
type ID [idSize]byte

// String returns eight hexadecimal digits.
func (id ID) String() string { return hex.EncodeToString(id[:]) }

// IDOf returns the ID of the secret that sealed a value. It is false for a text that is none.
func IDOf(sealed string) (id ID, ok bool) {
	if len(sealed) < idSize {
		return ID{}, false
	}
	return ID([]byte(sealed[:idSize])), true
}

// Sealer seals with its first secret, and opens what was sealed with any of them.
type Sealer struct {
	keys  []key
	names atomic.Pointer[[]byte] // the key of names
}

// key is what is derived of a secret.
type key struct {
	id   ID
	aead cipher.AEAD
}

// New derives the keys of one gateway: two that share a secret by mistake still cannot open each other's
// values. The key of names is that of the first secret, until [Sealer.UseNames].
func New(prefix string, secrets ...[]byte) (*Sealer, error) {
	s := new(Sealer)
	for _, secret := range secrets {
		k, err := newKey(prefix, secret)
		if err != nil {
			return nil, err
		}
		s.keys = append(s.keys, k)
	}
	names, err := hkdf.Key(sha256.New, secrets[0], nil, "caddy-itsme redis name v1 "+prefix, NameKeySize)
	if err != nil {
		return nil, fmt.Errorf("deriving name key: %w", err)
	}
	s.UseNames(names)
	return s, nil
}

func newKey(prefix string, secret []byte) (key, error) {
	id, err := hkdf.Key(sha256.New, secret, nil, "caddy-itsme redis secret id v1 "+prefix, idSize)
	if err != nil {
		return key{}, fmt.Errorf("deriving secret ID: %w", err)
	}
	sealKey, err := hkdf.Key(sha256.New, secret, nil, "caddy-itsme redis seal v1 "+prefix, chacha20poly1305.KeySize)
	if err != nil {
		return key{}, fmt.Errorf("deriving seal key: %w", err)
	}
	// Random nonces of 192 bits do not repeat, however many values a secret seals.
	aead, err := chacha20poly1305.NewX(sealKey)
	if err != nil {
		return key{}, fmt.Errorf("making cipher: %w", err)
	}
	return key{ID(id), aead}, nil
}

// IDs returns those of the secrets, in their order.
func (s *Sealer) IDs() (all []ID) {
	for _, k := range s.keys {
		all = append(all, k.id)
	}
	return all
}

// Current reports whether a value is sealed with the first secret.
func (s *Sealer) Current(sealed string) bool {
	id, ok := IDOf(sealed)
	return ok && id == s.keys[0].id
}

// Knows reports whether a value is sealed with one of the secrets.
func (s *Sealer) Knows(sealed string) bool {
	id, ok := IDOf(sealed)
	return ok && slices.Contains(s.IDs(), id)
}

// Unreadable is the error of a value that does not open. It has the IDs of the secrets.
func (s *Sealer) Unreadable(what, sealed string) error {
	id, ok := IDOf(sealed)
	if !ok {
		return fmt.Errorf("%w: %s is damaged", ErrUnreadable, what)
	}
	var own []string
	for _, id := range s.IDs() {
		own = append(own, id.String())
	}
	return fmt.Errorf("%w: %s is of secret %s, and this replica has %s", ErrUnreadable, what, id, strings.Join(own, " and "))
}

// Place is where a value belongs: in no other does it open.
type Place struct {
	Key     string // in Redis
	Name    string // within the key, or empty
	Version uint64 // zero where there is none
}

// bytes is unambiguous: what has no fixed length is preceded by its length.
func (p Place) bytes() []byte {
	b := binary.BigEndian.AppendUint64(nil, p.Version)
	b = binary.BigEndian.AppendUint64(b, uint64(len(p.Key)))
	return append(append(b, p.Key...), p.Name...)
}

// Seal encrypts a value for its place: ID, nonce, box.
func (s *Sealer) Seal(p Place, value []byte) string {
	nonce := make([]byte, chacha20poly1305.NonceSizeX)
	_, _ = rand.Read(nonce) // never fails: it would end the process
	return s.seal(p, nonce, value)
}

func (s *Sealer) seal(p Place, nonce, value []byte) string {
	sealed := make([]byte, 0, HeadSize+len(value)+chacha20poly1305.Overhead)
	sealed = append(append(sealed, s.keys[0].id[:]...), nonce...)
	return string(s.keys[0].aead.Seal(sealed, nonce, value, p.bytes()))
}

// Open decrypts what Seal returned for that place, or returns [ErrUnreadable].
func (s *Sealer) Open(p Place, sealed string) ([]byte, error) {
	id, _ := IDOf(sealed)
	if len(sealed) < HeadSize {
		return nil, ErrUnreadable
	}
	for _, k := range s.keys {
		if k.id != id {
			continue
		}
		nonce, box := []byte(sealed[idSize:HeadSize]), []byte(sealed[HeadSize:])
		if value, err := k.aead.Open(box[:0], nonce, box, p.bytes()); err == nil {
			return value, nil
		}
	}
	return nil, ErrUnreadable
}

// Anew seals a value with the first secret that was sealed with another. Its nonce stays, and with it the
// [Head]: under another key it is as good as a new one.
func (s *Sealer) Anew(p Place, sealed string) (string, error) {
	value, err := s.Open(p, sealed)
	if err != nil {
		return "", err
	}
	return s.seal(p, []byte(sealed[idSize:HeadSize]), value), nil
}

// Head returns what stays of a value when it is sealed anew, and differs between any two others: its nonce.
func Head(sealed string) string {
	if len(sealed) < HeadSize {
		return sealed
	}
	return sealed[idSize:HeadSize]
}

// UseNames sets the key of names.
func (s *Sealer) UseNames(key []byte) { s.names.Store(&key) }

// Names returns the key of names.
func (s *Sealer) Names() []byte { return *s.names.Load() }

// Name returns the keyed hash of a text, 22 characters of base64url. The same text has another one for
// another purpose.
func (s *Sealer) Name(purpose, text string) string {
	mac := hmac.New(sha256.New, s.Names())
	mac.Write([]byte(purpose))
	mac.Write([]byte{0})
	mac.Write([]byte(text))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil)[:nameSize])
}
