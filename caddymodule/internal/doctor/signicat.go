package doctor

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"

	"github.com/caddy-itsme/caddy-itsme/internal/clockwatch"
	"github.com/caddy-itsme/caddy-itsme/signicat"
	"github.com/caddy-itsme/caddy-itsme/token"
)

// maxClockOffset is the offset of this machine's clock above which the doctor warns. The clocks of two
// machines may be [token.Skew] apart, and the other clock may be off in the other direction.
const maxClockOffset = token.Skew / 2

// checkSignicat requests an access token of Signicat, and a session that does not exist. Neither costs
// money.
func (d *doctor) checkSignicat(ctx context.Context, g *Gateway) []Finding {
	var clock clockwatch.Watch
	config := g.Config.Signicat
	config.Transport, config.Now = d.fetch.transport, d.now
	config.ObserveClock = func(ahead time.Duration) { clock.Note(ahead, token.Skew) }
	client, err := signicat.New(config)
	if err != nil { // impossible: the gateway was made from the same
		return one(signicatUnreachable, "%v", err)
	}
	defer func() { _ = client.Close() }() // its error is always nil
	all := checkAccess(ctx, client, config.AccountID)
	return append(all, clockFinding(clock.Ahead()))
}

// checkAccess makes the calls that every login needs, and stops at the first failure.
func checkAccess(ctx context.Context, client *signicat.Client, accountID string) []Finding {
	switch err := client.CheckCredentials(ctx); {
	case errors.Is(err, signicat.ErrNotSignicat):
		return one(signicatElsewhere, "%v", err)
	case errors.Is(err, signicat.ErrUnauthorized), errors.Is(err, signicat.ErrForbidden):
		return one(credentialsRefused, "%v", err)
	case err != nil:
		return one(signicatUnreachable, "%v", err)
	}
	return append(
		one(credentialsAccepted, "Signicat issues access tokens for client_id and client_secret"),
		checkAccount(ctx, client, accountID),
		checkPermission(ctx, client),
	)
}

// checkAccount compares the configured account with the account in Signicat's access token.
//
// Unverified: whether the token of an organisation's API client names an account, and which.
func checkAccount(ctx context.Context, client *signicat.Client, configured string) Finding {
	theirs, err := client.TokenAccountID(ctx)
	switch {
	case err != nil:
		return find(signicatUnreachable, "%v", err)
	case configured != "" && theirs != "" && configured != theirs:
		return find(accountDiffers, "signicat account_id is %q, and the API client belongs to %q", configured, theirs)
	case configured != "" && theirs != "":
		return find(accountFits, "signicat account_id is the API client's account, %q", theirs)
	case configured != "":
		return find(accountFits, "signicat account_id is %q; Signicat's access token names none", configured)
	case theirs != "":
		return find(accountFits, "the account is %q, from Signicat's access token", theirs)
	}
	return find(accountFits, "neither the configuration nor Signicat's access token names an account")
}

// checkPermission reads a session that does not exist. Without the permission the answer is 403, not 404.
//
// Unverified: that Signicat answers 404 to a client with the permission, and 403 to one without.
func checkPermission(ctx context.Context, client *signicat.Client) Finding {
	_, err := client.Session(ctx, uuid.NewString())
	switch {
	case errors.Is(err, signicat.ErrNotFound):
		return find(permissionGranted, "the API client may use the Authentication REST API")
	case errors.Is(err, signicat.ErrForbidden), errors.Is(err, signicat.ErrUnauthorized):
		return find(permissionMissing, "%v", err)
	case err == nil:
		err = signicat.ErrInvalidResponse // there is no such session
	}
	return find(permissionUnknown, "%v", err)
}

// clockFinding returns the finding about this machine's clock, by Signicat's last response.
func clockFinding(ahead time.Duration, known bool) Finding {
	off := ahead.Round(time.Second)
	direction := "ahead of"
	if off < 0 {
		off, direction = -off, "behind"
	}
	switch {
	case !known:
		return find(clockUnknown, "no response of Signicat has the header Date")
	case off > token.Skew:
		return find(clockWrong, "this machine's clock is %v %s Signicat's", off, direction)
	case off > maxClockOffset:
		return find(clockOff, "this machine's clock is %v %s Signicat's; clocks of two machines may differ by %v", off, direction, token.Skew)
	}
	return find(clockRight, "this machine's clock is %v %s Signicat's; clocks of two machines may differ by %v", off, direction, token.Skew)
}
