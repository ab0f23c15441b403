package gateway

import (
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/caddy-itsme/caddy-itsme/gateway/internal/login"
)

// sessionIDSize is the length of a session_id: base64url of 32 bytes.
const sessionIDSize = 43

// sessionStatus is the answer to a status request. It holds no personal data: any client that knows the
// session_id gets it. Only the browser with the login's cookie gets Elsewhere.
type sessionStatus struct {
	Status    string `json:"status"`
	ExpiresIn int    `json:"expires_in"`
	Elsewhere bool   `json:"elsewhere,omitzero"`
}

// serveStatus answers GET /sessions/{session_id}.
func (a *appAPI) serveStatus(x exchange) error {
	if len(x.rest) != sessionIDSize {
		return login.ErrUnknown
	}
	wait, err := readWait(x.info.OriginalURL.Query())
	if err != nil {
		return err
	}
	found, err := a.logins.Status(x.r.Context(), login.StatusRequest{
		ID: x.rest, Client: x.info.Client, Wait: wait, Cookie: a.cookies.LoginValue(x.r.Header["Cookie"], x.rest),
	})
	if err != nil {
		return err
	}
	answer := sessionStatus{Status: found.Record.Phase.String()}
	if !found.Record.Phase.Ended() {
		answer.Elsewhere = found.Elsewhere
		answer.ExpiresIn = seconds(found.Record.ExpiresAt.Sub(a.config.Now()))
		if found.Early { // otherwise the client could ask again at once, in a loop
			x.w.Header().Set("Retry-After", strconv.Itoa(seconds(PollInterval)))
		}
	}
	writeJSON(x.w, http.StatusOK, "application/json", answer)
	return nil
}

// readWait reads the parameter wait of a long poll, such as 25s, bounded by [MaxWait].
func readWait(query url.Values) (time.Duration, error) {
	if err := refuseRepeated(query, []string{"wait"}); err != nil {
		return 0, err
	}
	raw := query.Get("wait")
	if raw == "" {
		return 0, nil
	}
	wait, err := time.ParseDuration(raw)
	if err != nil || wait < 0 {
		return 0, requestErrorf("wait is not a duration such as 25s")
	}
	return min(wait, MaxWait), nil
}
