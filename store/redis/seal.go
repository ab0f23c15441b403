package redis

import (
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"

	"golang.org/x/crypto/chacha20poly1305"
)

// ErrUnreadable is returned, along with [store.ErrUnavailable], when what is in
// Redis was not written there by a replica with this secret, or not in this place.
var ErrUnreadable = errors.New("value in Redis does not open: is the secret the same on every replica?")

// nameSize is the length of a keyed hash in bytes, before base64. Without the key, an
// attacker cannot look for two texts with the same hash.
const nameSize = 16

// sealer hides values and names from who reads Redis.
type sealer struct {
	aead    cipher.AEAD
	nameKey []byte
}

// newSealer derives the keys of one gateway: two that share a secret by mistake still
// cannot open each other's values.
func newSealer(secret []byte, prefix string) (*sealer, error) {
	sealKey, err := hkdf.Key(sha256.New, secret, nil, "caddy-itsme redis seal v1 "+prefix, chacha20poly1305.KeySize)
	if err != nil {
		return nil, fmt.Errorf("deriving seal key: %w", err)
	}
	nameKey, err := hkdf.Key(sha256.New, secret, nil, "caddy-itsme redis name v1 "+prefix, sha256.Size)
	if err != nil {
		return nil, fmt.Errorf("deriving name key: %w", err)
	}
	// Random nonces of 192 bits do not repeat, however many values a secret seals.
	aead, err := chacha20poly1305.NewX(sealKey)
	if err != nil {
		return nil, fmt.Errorf("making cipher: %w", err)
	}
	return &sealer{aead: aead, nameKey: nameKey}, nil
}

// place is where a value belongs: in no other does it open.
type place struct {
	key     string // in Redis
	name    string // within the key, or empty
	version uint64 // zero where there is none
}

// bytes is unambiguous: what has no fixed length is preceded by its length.
func (p place) bytes() []byte {
	b := binary.BigEndian.AppendUint64(nil, p.version)
	b = binary.BigEndian.AppendUint64(b, uint64(len(p.key)))
	return append(append(b, p.key...), p.name...)
}

// seal encrypts a value for its place.
func (s *sealer) seal(p place, value []byte) string {
	nonce := make([]byte, chacha20poly1305.NonceSizeX, chacha20poly1305.NonceSizeX+len(value)+chacha20poly1305.Overhead)
	_, _ = rand.Read(nonce) // never fails: it would end the process
	return string(s.aead.Seal(nonce, nonce, value, p.bytes()))
}

// open decrypts what seal returned for that place, or returns [ErrUnreadable].
func (s *sealer) open(p place, sealed string) ([]byte, error) {
	if len(sealed) < chacha20poly1305.NonceSizeX {
		return nil, ErrUnreadable
	}
	nonce, box := []byte(sealed[:chacha20poly1305.NonceSizeX]), []byte(sealed[chacha20poly1305.NonceSizeX:])
	value, err := s.aead.Open(box[:0], nonce, box, p.bytes())
	if err != nil {
		return nil, ErrUnreadable
	}
	return value, nil
}

// What a name is of, so that the same text under two purposes has two names.
const (
	clientName     = "client"
	valueName      = "value"
	counterName    = "counter"
	ownerName      = "owner"
	familyName     = "family"
	revocationName = "revocation"
	storeName      = "store"
	subjectName    = "subject"
	loginName      = "login"
)

// name returns the keyed hash of a text, 22 characters of base64url.
func (s *sealer) name(purpose, text string) string {
	mac := hmac.New(sha256.New, s.nameKey)
	mac.Write([]byte(purpose))
	mac.Write([]byte{0})
	mac.Write([]byte(text))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil)[:nameSize])
}
