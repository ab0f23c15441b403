package redis

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/redis/rueidis"

	"github.com/caddy-itsme/caddy-itsme/store"
	"github.com/caddy-itsme/caddy-itsme/store/redis/internal/seal"
)

// families is the [store.Families] of a [Store].
type families struct{ *connection }

// CreateFamily implements [store.Families]. Like UpdateFamily it gives standbys the time to have the change,
// and goes on without them: a refresh token that a failover loses ends an honest app's login, and so would a
// refusal.
func (s families) CreateFamily(ctx context.Context, f *store.Family) error {
	if err := s.ready(ctx); err != nil {
		return err
	}
	held, key, err := s.sealFamily(f, 1)
	if err != nil {
		return err
	}
	lifetime := f.ExpiresAt.Sub(s.config.Now())
	if lifetime < time.Millisecond {
		return store.ErrInvalid
	}
	got, err := s.confirmed(ctx, "creating family", plain("SET", func(b rueidis.Builder) rueidis.Completed {
		return b.Set().Key(key).Value(held).Nx().PxMilliseconds(lifetime.Milliseconds()).Build()
	}))
	switch {
	case err != nil && !isUnconfirmed(err):
		return err
	case got.IsNil():
		return store.ErrExists
	}
	f.Version = 1
	return nil
}

// LoadFamily implements [store.Families].
func (s families) LoadFamily(ctx context.Context, id string) (*store.Family, error) {
	const doing = "loading family"
	if err := s.ready(ctx); err != nil {
		return nil, err
	}
	held, readAt, err := s.fetch(ctx, doing, eval(s.scripts.load, []string{s.familyPlace(id, 0).Key}))
	if err != nil {
		return nil, err
	}
	f, err := s.openFamily(id, held)
	if err != nil {
		return nil, s.unavailable(ctx, doing, err)
	}
	f.ReadAt = readAt
	return f, nil
}

// UpdateFamily implements [store.Families].
func (s families) UpdateFamily(ctx context.Context, f *store.Family) error {
	if err := s.ready(ctx); err != nil {
		return err
	}
	next := f.Version + 1
	held, key, err := s.sealFamily(f, next)
	if err != nil {
		return err
	}
	if err := s.settleConfirmed(ctx, "updating family", eval(s.scripts.replace, []string{key}, strconv.FormatUint(f.Version, 10), held)); err != nil && !isUnconfirmed(err) {
		return err
	}
	f.Version = next
	s.enrollAnew(ctx, f)
	return nil
}

// enrollAnew seals what is enrolled of a login anew, as its family was, while there are two secrets. Where it
// fails, the next update does.
func (s families) enrollAnew(ctx context.Context, f *store.Family) {
	if s.tend != nil && f.Subject != "" {
		_ = s.Enroll(ctx, f.Subject, f.ID, f.ExpiresAt)
	}
}

// DeleteFamily implements [store.Families].
func (s families) DeleteFamily(ctx context.Context, id string) error {
	if err := s.ready(ctx); err != nil {
		return err
	}
	// A failover must not bring a login back that has ended.
	return s.settleConfirmed(ctx, "deleting family", eval(s.scripts.delete, []string{s.familyPlace(id, 0).Key}))
}

// sealFamily returns what Redis holds of a family: "version sealed".
func (s families) sealFamily(f *store.Family, version uint64) (held, key string, err error) {
	data, err := store.EncodeFamily(f)
	if err != nil {
		return "", "", err
	}
	at := s.familyPlace(f.ID, version)
	return strconv.FormatUint(version, 10) + " " + s.sealer.Seal(at, data), at.Key, nil
}

func (s families) openFamily(id, held string) (*store.Family, error) {
	number, sealed, ok := strings.Cut(held, " ")
	version, err := strconv.ParseUint(number, 10, 64)
	if !ok || err != nil {
		return nil, ErrUnreadable
	}
	data, err := s.sealer.Open(s.familyPlace(id, version), sealed)
	if err != nil {
		return nil, err
	}
	f, err := store.DecodeFamily(data)
	if err != nil {
		return nil, err
	}
	f.ID, f.Version = id, version
	return f, nil
}

func (s families) familyPlace(id string, version uint64) seal.Place {
	return seal.Place{Key: s.keys.family(s.sealer.Name(familyName, id)), Version: version}
}

// Enroll implements [store.Families].
func (s families) Enroll(ctx context.Context, subject, login string, until time.Time) error {
	if err := s.ready(ctx); err != nil {
		return err
	}
	at := s.loginPlace(subject, login)
	return s.settle(ctx, "enrolling login", eval(s.scripts.enroll, []string{at.Key},
		strconv.Itoa(store.MaxLogins), at.Name, millis(until), s.sealer.Seal(at, []byte(login))))
}

// Withdraw implements [store.Families].
func (s families) Withdraw(ctx context.Context, subject, login string) error {
	if err := s.ready(ctx); err != nil {
		return err
	}
	at := s.loginPlace(subject, login)
	return s.settle(ctx, "withdrawing login", eval(s.scripts.enroll, []string{at.Key},
		strconv.Itoa(store.MaxLogins), at.Name))
}

// WithdrawAll implements [store.Families].
func (s families) WithdrawAll(ctx context.Context, subject string) (logins []string, err error) {
	const doing = "withdrawing logins"
	if err := s.ready(ctx); err != nil {
		return nil, err
	}
	at := s.loginPlace(subject, "")
	got, err := s.call(ctx, doing, eval(s.scripts.withdraw, []string{at.Key}))
	if err != nil {
		return nil, err
	}
	fields, err := got.AsStrSlice()
	if err != nil || len(fields)%2 != 0 {
		return nil, s.unavailable(ctx, doing, errMalformed)
	}
	for held := range slices.Chunk(fields, 2) {
		login, err := s.sealer.Open(seal.Place{Key: at.Key, Name: held[0]}, held[1])
		if err != nil {
			return nil, s.unavailable(ctx, doing, err)
		}
		logins = append(logins, string(login))
	}
	return logins, nil
}

// loginPlace returns where a login of a subject is. Both names are keyed hashes.
func (s families) loginPlace(subject, login string) seal.Place {
	return seal.Place{Key: s.keys.logins(s.sealer.Name(subjectName, subject)), Name: s.sealer.Name(loginName, login)}
}
