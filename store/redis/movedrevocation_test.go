package redis_test

import (
	"errors"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/caddy-itsme/caddy-itsme/internal/redistest"
	"github.com/caddy-itsme/caddy-itsme/store"
	"github.com/caddy-itsme/caddy-itsme/store/redis"
)

// TestMovedRevocationIsRefused: an attacker who can write to Redis puts a revocation into another list, which
// expires earlier or has another order, into another epoch, or into that of another gateway. A login of
// before it would then be spared, or it would be forgotten too early. It opens nowhere, and a replica that
// cannot read a revocation refuses everything.
func TestMovedRevocationIsRefused(t *testing.T) {
	t.Parallel()
	until := time.Now().Add(10 * time.Hour)
	hour := func(t time.Time) string {
		return "{itsme:default:revoked:h" + strconv.FormatInt(t.UnixNano()/int64(time.Hour), 10) + "}:list"
	}
	for name, move := range map[string]func(t *testing.T, s *redistest.Server, login, subject string){
		"to another hour": func(t *testing.T, s *redistest.Server, login, _ string) {
			s.Do(t, "RPUSH", hour(until.Add(-2*time.Hour)), login)
		},
		"from subjects to logins": func(t *testing.T, s *redistest.Server, _, subject string) {
			s.Do(t, "RPUSH", hour(until), strings.SplitN(subject, " ", 3)[2])
		},
		"from logins to subjects": func(t *testing.T, s *redistest.Server, login, _ string) {
			s.Do(t, "RPUSH", subjectList(t, s), "AAAAAAAA 1 "+login)
		},
		"to another epoch": func(t *testing.T, s *redistest.Server, _, subject string) {
			s.Do(t, "RPUSH", subjectList(t, s), "AAAAAAAA"+subject[store.EpochSize:])
		},
		"with a bit changed": func(t *testing.T, s *redistest.Server, login, _ string) {
			s.Do(t, "RPUSH", hour(until), login[:len(login)-1]+string(login[len(login)-1]^1))
		},
		"cut": func(t *testing.T, s *redistest.Server, login, _ string) {
			s.Do(t, "RPUSH", hour(until), login[:len(login)-1])
		},
		"without an epoch": func(t *testing.T, s *redistest.Server, _, subject string) {
			s.Do(t, "RPUSH", subjectList(t, s), strings.SplitN(subject, " ", 3)[2])
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := redistest.Start(t)
			st := open(t, config(s.Address))
			for _, scope := range []store.Scope{store.ScopeLogin, store.ScopeSubject} {
				if err := st.Revoke(t.Context(), store.Revocation{Scope: scope, ID: "a", Until: until}); err != nil {
					t.Fatal(err)
				}
			}
			move(t, s, s.Text(t, "LINDEX", hour(until), "0"), s.Text(t, "LINDEX", subjectList(t, s), "0"))
			wantUnreadable(t, "a new replica", func() error {
				_, err := open(t, config(s.Address)).Revoked(t.Context(), store.Credential{Login: "b"})
				return err
			})
			redistest.Until(t, "the replica that wrote it refuses, too", func() bool {
				_, err := st.Revoked(t.Context(), store.Credential{Login: "b"})
				return errors.Is(err, redis.ErrUnreadable)
			})
		})
	}
}

// TestRevocationsOfAnotherGatewayAreRefused: they have the same secret, and another prefix.
func TestRevocationsOfAnotherGatewayAreRefused(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t)
	revoke(t, open(t, config(s.Address)), "a")
	for _, key := range listsOf(t, s) {
		s.Do(t, "COPY", key, strings.Replace(key, "itsme:default", "itsme:other", 1))
	}
	c := config(s.Address)
	c.Prefix = "itsme:other"
	wantUnreadable(t, "the other gateway", func() error {
		_, err := open(t, c).Revoked(t.Context(), store.Credential{Login: "a"})
		return err
	})
}

// subjectList returns the key of the list of subjects, of which there is one.
func subjectList(t *testing.T, s *redistest.Server) string {
	t.Helper()
	for _, key := range listsOf(t, s) {
		if strings.Contains(key, ":subjects}:") {
			return key
		}
	}
	t.Fatal("there is no list of subjects")
	return ""
}
