package redis

import (
	"context"
	"slices"
	"strconv"
	"time"

	"github.com/caddy-itsme/caddy-itsme/pending"
)

// Enroll implements [pending.Store].
func (s *Store) Enroll(ctx context.Context, subject, login string, until time.Time) error {
	at := s.loginPlace(subject, login)
	return s.settle(ctx, "enrolling login", eval(s.scripts.enroll, []string{at.key},
		strconv.Itoa(pending.MaxLogins), at.name, millis(until), s.sealer.seal(at, []byte(login))))
}

// Withdraw implements [pending.Store].
func (s *Store) Withdraw(ctx context.Context, subject, login string) error {
	at := s.loginPlace(subject, login)
	return s.settle(ctx, "withdrawing login", eval(s.scripts.enroll, []string{at.key},
		strconv.Itoa(pending.MaxLogins), at.name))
}

// WithdrawAll implements [pending.Store].
func (s *Store) WithdrawAll(ctx context.Context, subject string) (logins []string, err error) {
	const doing = "withdrawing logins"
	at := s.loginPlace(subject, "")
	got, err := s.call(ctx, doing, eval(s.scripts.withdraw, []string{at.key}))
	if err != nil {
		return nil, err
	}
	fields, err := got.AsStrSlice()
	if err != nil || len(fields)%2 != 0 {
		return nil, s.unavailable(ctx, doing, errMalformed)
	}
	for held := range slices.Chunk(fields, 2) {
		login, err := s.sealer.open(place{key: at.key, name: held[0]}, held[1])
		if err != nil {
			return nil, s.unavailable(ctx, doing, err)
		}
		logins = append(logins, string(login))
	}
	return logins, nil
}

// loginPlace returns where a login of a subject is. Both names are keyed hashes.
func (s *Store) loginPlace(subject, login string) place {
	return place{key: s.keys.logins(s.sealer.name(subjectName, subject)), name: s.sealer.name(loginName, login)}
}
