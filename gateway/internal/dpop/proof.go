package dpop

import (
	"crypto/ecdsa"
	"crypto/sha256"
	"encoding/base64"
	"math/big"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/caddy-itsme/caddy-itsme/internal/strictjson"
)

const (
	// proofType is the typ of every proof (RFC 9449 section 4.2).
	proofType = "dpop+jwt"
	// signatureSize is the length of an ES256 signature: R and S of 32 bytes each (RFC 7518 section 3.4).
	signatureSize = 64
	// maxTime bounds iat, in seconds since 1970: the year 36812.
	maxTime = 1 << 40
)

// One returns the proof of a request from the lines of its header DPoP. There is exactly one, of at most MaxProof bytes
// (RFC 9449 section 4.3). A proof has no comma, so two that a proxy joined are none.
func One(lines []string) (string, error) {
	switch {
	case len(lines) != 1:
		return "", invalid("there must be one header DPoP")
	case len(lines[0]) > MaxProof:
		return "", invalid("it is too large")
	}
	return lines[0], nil
}

// proof is a proof whose parts were read and whose signature was not verified.
type proof struct {
	signed    string // what the signature is of
	signature []byte
	key       key

	method, url, tokenHash, nonce, id string
	issuedAt                          time.Time
}

// parse reads a proof. It decodes each part once and no more than MaxProof bytes.
func parse(raw string) (*proof, error) {
	if len(raw) > MaxProof {
		return nil, invalid("it is too large")
	}
	head, rest, _ := strings.Cut(raw, ".")
	body, tail, ok := strings.Cut(rest, ".")
	if !ok || strings.Contains(tail, ".") || len(tail) != base64.RawURLEncoding.EncodedLen(signatureSize) {
		return nil, invalid("it is not a JWT with an ES256 signature")
	}
	p := &proof{signed: raw[:len(raw)-len(tail)-1]}
	if err := p.readHeader(head); err != nil {
		return nil, err
	}
	if err := p.readPayload(body); err != nil {
		return nil, err
	}
	var err error
	if p.signature, err = strictjson.Base64(tail); err != nil {
		return nil, invalid("its signature is not base64url")
	}
	return p, nil
}

func object(part string) (map[string]any, error) {
	data, err := strictjson.Base64(part)
	if err != nil {
		return nil, err
	}
	return strictjson.Object(data)
}

// readHeader reads the header. The algorithm and the form of the key are fixed: a proof does not choose how it is
// verified. It refuses crit, because this package knows no extension.
func (p *proof) readHeader(part string) error {
	members, err := object(part)
	if err != nil {
		return invalid("its header is not one JSON object without duplicate members")
	}
	if members["typ"] != proofType {
		return invalid("its typ is not " + proofType)
	}
	if members["alg"] != Algorithm {
		return invalid("its alg is not " + Algorithm)
	}
	if _, critical := members["crit"]; critical {
		return invalid("it has crit")
	}
	p.key, err = readKey(members["jwk"])
	return err
}

func (p *proof) readPayload(part string) error {
	members, err := object(part)
	if err != nil {
		return invalid("its payload is not one JSON object without duplicate members")
	}
	text := func(name string, required bool) (value string) {
		member, has := members[name]
		value, isText := member.(string)
		if err == nil && (has && value == "" || !isText && (has || required)) {
			err = invalid("its " + name + " is not a text")
		}
		return value
	}
	p.method, p.url, p.id = text("htm", true), text("htu", true), text("jti", true)
	p.tokenHash, p.nonce = text("ath", false), text("nonce", false)
	if err != nil {
		return err
	}
	if utf8.RuneCountInString(p.id) > MaxID {
		return invalid("its jti does not have 1 to 256 characters")
	}
	number, _ := members["iat"].(strictjson.Number)
	seconds, err := strconv.ParseInt(string(number), 10, 64)
	if err != nil || seconds <= 0 || seconds >= maxTime {
		return invalid("its iat is not a time in whole seconds")
	}
	p.issuedAt = time.Unix(seconds, 0)
	return nil
}

// verify reports whether the key of the proof signed it.
func (p *proof) verify() bool {
	public, ok := p.key.public()
	if !ok {
		return false
	}
	digest := sha256.Sum256([]byte(p.signed))
	r, s := new(big.Int).SetBytes(p.signature[:signatureSize/2]), new(big.Int).SetBytes(p.signature[signatureSize/2:])
	return ecdsa.Verify(public, digest[:], r, s)
}

// hashOf returns the ath of an access token (RFC 9449 section 4.2).
func hashOf(token string) string {
	sum := sha256.Sum256([]byte(token))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}
