package doctor

import (
	"context"
	"fmt"
	"strings"

	"github.com/caddy-itsme/caddy-itsme/store/redis"
)

// checkSecrets finds what is sealed with another secret than the first one of the configuration. It names the
// secrets by their IDs, which the errors of the gateways have, too.
func (d *doctor) checkSecrets(ctx context.Context, g *Gateway) (all []Finding) {
	sealed, err := g.Redis.Secrets(ctx)
	if err != nil {
		return one(redisSecretUncounted, "%v", err)
	}
	var own []string
	for _, s := range sealed {
		switch {
		case s.Known:
			own = append(own, s.Secret)
			if !s.First && (s.Canary || s.Total() > 0) {
				all = append(all, find(redisSecretOld, "the first secret is %s; the other one, %s, has sealed %s", own[0], s.Secret, amount(s)))
			}
		default:
			all = append(all, find(redisSecretUnknown, "secret %s, which this configuration does not have, has sealed %s; it has %s",
				s.Secret, amount(s), strings.Join(own, " and ")))
		}
	}
	if len(all) == 0 {
		return one(redisSecretOne, "all that is sealed opens with secret %s", own[0])
	}
	return all
}

// amount says what a secret has sealed.
func amount(s redis.Sealed) string {
	var parts []string
	if s.Canary {
		parts = append(parts, "the canary")
	}
	for _, part := range []struct {
		n    int
		what string
	}{
		{s.Documents, "documents of signing keys"},
		{s.Revocations, "revocations"},
		{s.Families, "logins that can be refreshed"},
		{s.Enrolled, "entries in the lists of users' logins"},
		{s.Pending, "pending sessions and their values"},
	} {
		if part.n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", part.n, part.what))
		}
	}
	return strings.Join(parts, ", ")
}
