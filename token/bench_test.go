package token_test

import (
	"errors"
	"testing"

	"github.com/caddy-itsme/caddy-itsme/internal/keystest"
	"github.com/caddy-itsme/caddy-itsme/token"
)

func BenchmarkVerify(b *testing.B) {
	for _, algorithm := range algorithms {
		b.Run(string(algorithm), func(b *testing.B) {
			authority := newAuthority(b, config(), keystest.Of(b, newKey(b, algorithm)))
			raw := issueAccess(b, authority)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := authority.VerifyAccess(raw); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkIssue(b *testing.B) {
	for _, algorithm := range algorithms {
		b.Run(string(algorithm), func(b *testing.B) {
			authority := newAuthority(b, config(), keystest.Of(b, newKey(b, algorithm)))
			b.ReportAllocs()
			for b.Loop() {
				issueAccess(b, authority)
			}
		})
	}
}

// BenchmarkGarbage8KiB is what a flood of garbage costs a token; a signature check alone takes several times as long.
func BenchmarkGarbage8KiB(b *testing.B) {
	authority, key := fixedAuthority(b)
	for name, row := range garbage(key) {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := authority.VerifyAccess(row.raw); err == nil || errors.Is(err, token.ErrSignature) {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkVerifySession is the first request with a cookie: later ones find its claims by its hash.
func BenchmarkVerifySession(b *testing.B) {
	for _, algorithm := range algorithms {
		b.Run(string(algorithm), func(b *testing.B) {
			authority := newAuthority(b, config(), keystest.Of(b, newKey(b, algorithm)))
			raw, _, err := authority.IssueSession(person())
			if err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			for b.Loop() {
				if _, err := authority.VerifySession(raw); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
