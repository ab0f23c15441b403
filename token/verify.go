package token

import (
	"fmt"
	"strings"
)

const (
	accessType  = "at+jwt"
	sessionType = "session+jwt"
)

// isAccessType compares as in RFC 9068 section 4 and RFC 7515 section 4.1.9: typ is a media type, which is
// case-insensitive, and may lack its "application/".
func isAccessType(typ string) bool {
	return strings.EqualFold(typ, accessType) || strings.EqualFold(typ, "application/"+accessType)
}

// isSessionType accepts only the typ that IssueSession writes: only the gateway writes and reads session tokens.
func isSessionType(typ string) bool { return typ == sessionType }

const (
	// maxHeader bounds the first part of a token: ours is about 120 bytes.
	maxHeader = 512
	// keyIDSize is the length of a SHA-256 in base64url.
	keyIDSize = 43
)

// VerifyAccess returns the claims of an access token that this gateway issued and that is valid now. It returns a
// sentinel for any other token, and ErrNoKeys while there are no keys. It does no I/O and does not check whether the
// token was revoked. It checks no signature of a token that is malformed or names an unknown key.
func (a *Authority) VerifyAccess(raw string) (*Claims, error) { return a.verify(a.access, raw) }

// VerifySession is VerifyAccess for session tokens.
func (a *Authority) VerifySession(raw string) (*Claims, error) { return a.verify(a.session, raw) }

// Recheck returns nil when a token that this Authority verified before is still valid: its key is in the KeySet, and it
// has not expired. Call it before using kept claims again. It checks neither the signature nor whether the token was
// revoked.
func (a *Authority) Recheck(c *Claims) error {
	keys := a.keys.KeySet()
	if keys == nil {
		return fmt.Errorf("rechecking token: %w", ErrNoKeys)
	}
	if !keys.Has(c.KeyID) {
		return fmt.Errorf("rechecking token: %w", ErrUnknownKey)
	}
	if err := c.checkTime(a.now(), c.IssuedAt); err != nil {
		return fmt.Errorf("rechecking token: %w", err)
	}
	return nil
}

// NamesKey reports whether a text has the form of a token whose header names a key of the KeySet: it may be one of the
// Authority's own, of any kind. It verifies no signature.
func (a *Authority) NamesKey(raw string) bool {
	keys := a.keys.KeySet()
	head, rest, _ := strings.Cut(raw, ".")
	if keys == nil || len(head) > maxHeader {
		return false
	}
	if IsEncrypted(raw) {
		_, ours := keys.byJWEHead[head]
		return ours
	}
	if strings.Count(rest, ".") != 1 {
		return false
	}
	_, err := keys.key(kind{accepts: func(string) bool { return true }}, head)
	return err == nil
}

// Reread returns ACR and Attributes of a token that this Authority issued and the caller stored. It checks neither the
// signature nor whether the token is valid: no client may choose the token. The key of a signed token may be gone. Without
// the key of an encrypted one it returns ErrUnknownKey.
func (a *Authority) Reread(raw string) (*Claims, error) {
	keys := a.keys.KeySet()
	if keys == nil {
		return nil, fmt.Errorf("rereading token: %w", ErrNoKeys)
	}
	if IsEncrypted(raw) {
		k := a.access
		if head, _, _ := strings.Cut(raw, "."); keys.byJWEHead[head].typ == sessionType {
			k = a.session
		}
		_, signed, err := keys.decrypt(k, a.issuer, raw)
		if err != nil {
			return nil, fmt.Errorf("rereading token: %w", err)
		}
		raw = signed
	}
	claims, err := unverifiedClaims(raw)
	if err != nil {
		return nil, fmt.Errorf("rereading token: %w", err)
	}
	return claims, nil
}

// unverifiedClaims returns ACR and Attributes of a signed token.
func unverifiedClaims(signed string) (*Claims, error) {
	_, rest, _ := strings.Cut(signed, ".")
	body, _, _ := strings.Cut(rest, ".")
	payload, err := decode(body)
	if err != nil {
		return nil, err
	}
	members, err := parseObject(payload)
	if err != nil {
		return nil, err
	}
	r := reader{members: members}
	claims := &Claims{ACR: r.text("acr"), Attributes: r.attributes()}
	return claims, r.err
}

func (a *Authority) verify(k kind, raw string) (*Claims, error) {
	keys := a.keys.KeySet()
	if keys == nil {
		return nil, fmt.Errorf("verifying token: %w", ErrNoKeys)
	}
	key, payload, err := a.payload(keys, k, raw)
	if err != nil {
		return nil, fmt.Errorf("verifying token: %w", err)
	}
	claims, err := a.read(k, payload)
	if err != nil {
		return nil, fmt.Errorf("verifying token: %w", err)
	}
	claims.KeyID = key.id
	return claims, nil
}

// payload returns the payload of a signed or encrypted token, and the key of both. In an encrypted token the key that
// encrypted also signed: when it leaves the set, the token ends.
func (a *Authority) payload(keys *KeySet, k kind, raw string) (*Key, []byte, error) {
	switch {
	case len(raw) > k.size():
		return nil, nil, ErrTooLarge
	case !IsEncrypted(raw) && !k.signed:
		return nil, nil, ErrType
	case !IsEncrypted(raw):
		return keys.verifiedPayload(k, raw)
	}
	wrapping, signed, err := keys.decrypt(k, a.issuer, raw)
	if err != nil {
		return nil, nil, err
	}
	key, payload, err := keys.verifiedPayload(k, signed)
	if err == nil && key != wrapping {
		return nil, nil, ErrUnknownKey
	}
	return key, payload, err
}

// verifiedPayload returns the payload of a token of that kind and the key that signed it. Cheap checks come first, so
// that garbage costs little. The payload is not parsed before its signature is verified. The caller has bounded raw.
func (s *KeySet) verifiedPayload(k kind, raw string) (*Key, []byte, error) {
	head, rest, _ := strings.Cut(raw, ".")
	body, tail, ok := strings.Cut(rest, ".")
	if !ok || len(head) > maxHeader || strings.Contains(tail, ".") {
		return nil, nil, ErrMalformed
	}
	key, err := s.key(k, head)
	if err != nil {
		return nil, nil, err
	}
	if len(tail) != encoding.EncodedLen(key.size) {
		return nil, nil, ErrMalformed
	}
	signature, err := decode(tail)
	if err != nil {
		return nil, nil, err
	}
	payload, err := decode(body)
	if err != nil {
		return nil, nil, err
	}
	if !key.verify(raw[:len(raw)-len(tail)-1], signature) {
		return nil, nil, ErrSignature
	}
	return key, payload, nil
}

// key returns the key that a header names. A header has exactly alg, typ and kid: with crit, b64, zip, jku, jwk, x5u or
// x5c a token would choose its own rules or keys. Headers that this package writes are looked up without parsing.
func (s *KeySet) key(k kind, head string) (*Key, error) {
	if known, ok := s.byHead[head]; ok {
		if !k.accepts(known.typ) {
			return nil, ErrType
		}
		return known.key, nil
	}
	data, err := decode(head)
	if err != nil {
		return nil, err
	}
	members, err := parseObject(data)
	if err != nil {
		return nil, err
	}
	algorithm, okAlgorithm := members["alg"].(string)
	typ, okType := members["typ"].(string)
	id, okID := members["kid"].(string)
	if !okAlgorithm || !okType || !okID || len(members) != 3 {
		return nil, ErrMalformed
	}
	if !k.accepts(typ) {
		return nil, ErrType
	}
	if len(id) != keyIDSize {
		return nil, ErrUnknownKey
	}
	key := s.byID[id]
	if key == nil {
		return nil, ErrUnknownKey
	}
	if algorithm != string(key.algorithm) {
		return nil, ErrAlgorithm
	}
	return key, nil
}
