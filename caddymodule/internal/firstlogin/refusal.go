package firstlogin

import (
	"cmp"
	"context"
	"crypto/rand"
	"net/http"
	"net/url"
	"strings"

	"github.com/google/uuid"

	"github.com/caddy-itsme/caddy-itsme/signicat"
)

// refusals makes the calls that Signicat refuses, to see how. None of them costs a session.
func (l *login) refusals(ctx context.Context, code string) {
	unknown := uuid.NewString()
	if code != "" {
		client := l.client
		if l.validated == stepOtherEncoding {
			client = l.other
		}
		_ = l.validate(during(ctx, stepSameCode), client, code, l.session.IDPData.TransactionID)
		_, _ = l.client.CancelSession(during(ctx, stepCancelEnded), l.session.ID)
	}
	_ = l.validate(during(ctx, stepUnknownTransaction), l.client, rand.Text(), unknown)
	_, _ = l.client.CancelSession(during(ctx, stepCancelUnknown), unknown)
	_, _ = l.client.Session(during(ctx, stepReadUnknown), unknown)
	l.accessToken(during(ctx, stepNoScope), url.Values{"client_secret": {l.config.Signicat.ClientSecret}})
	l.accessToken(during(ctx, stepWrongSecret), url.Values{"client_secret": {rand.Text()}, "scope": {"signicat-api"}})
	l.send(during(ctx, stepWrongToken), http.MethodGet, "/auth/rest/sessions/"+unknown, nil, "Authorization", "Bearer "+rand.Text())
}

// accessToken requests an access token in a form that the client never sends.
func (l *login) accessToken(ctx context.Context, form url.Values) {
	form.Set("grant_type", "client_credentials")
	form.Set("client_id", l.config.Signicat.ClientID)
	l.send(ctx, http.MethodPost, "/auth/open/connect/token", form, "Content-Type", "application/x-www-form-urlencoded")
}

// send makes a call whose answer is recorded. It follows no redirect.
func (l *login) send(ctx context.Context, method, path string, form url.Values, name, value string) {
	ctx, cancel := context.WithTimeout(ctx, signicat.DefaultTimeout)
	defer cancel()
	base := cmp.Or(l.config.Signicat.APIURL, signicat.DefaultAPIURL)
	r, err := http.NewRequestWithContext(ctx, method, strings.TrimSuffix(base, "/")+path, strings.NewReader(form.Encode()))
	if err != nil {
		return
	}
	r.Header.Set(name, value)
	if response, err := l.calls.RoundTrip(r); err == nil {
		_ = response.Body.Close() // the recorder has read it
	}
}

// askAgain asks whether itsme lets the user answer the same link again, which Signicat does not see.
func (l *login) askAgain(ctx context.Context) {
	l.say("\nOpen the same link once more. Does itsme offer the login again? Type yes or no, or nothing to leave it out.")
	select {
	case line := <-l.lines:
		if answer := strings.ToLower(line); answer == "yes" || answer == "no" {
			l.again = answer
		}
	case <-ctx.Done():
	}
}

// expire waits for the end of the unopened session, and reads it.
func (l *login) expire(ctx context.Context, unopened *signicat.Session) {
	if unopened == nil || unopened.ExpiresAt.IsZero() {
		return
	}
	if wait := unopened.ExpiresAt.Add(expiryMargin).Sub(l.config.Now()); wait > 0 {
		l.say("\nThe last question needs %.0f seconds more: how a session looks after its lifetime. Ctrl-C leaves it out.", wait.Seconds())
		if l.config.Wait(ctx, wait) != nil {
			return
		}
	}
	_, _ = l.client.Session(during(ctx, stepExpired), unopened.ID)
}
