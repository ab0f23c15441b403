package flow_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/caddy-itsme/caddy-itsme/gateway"
	"github.com/caddy-itsme/caddy-itsme/internal/gatewaytest"
	"github.com/caddy-itsme/caddy-itsme/internal/logintest"
	"github.com/caddy-itsme/caddy-itsme/signicat/signicattest"
)

// TestRequestWhoseClientHangsUpIsNoRefusal has clients hang up while they wait: users close pages and lose
// connections. The gateway refused nothing and nothing is unavailable, so no metric counts a refusal and no
// alert follows.
func TestRequestWhoseClientHangsUpIsNoRefusal(t *testing.T) {
	t.Parallel()
	slow := func(operation string) []signicattest.Fault {
		return []signicattest.Fault{{Operation: operation, Delay: 5 * time.Second}}
	}
	for name, row := range map[string]struct {
		faults []signicattest.Fault
		send   func(*app) *http.Request
		want   int // the status in the access log
	}{
		"a long poll": {send: func(a *app) *http.Request {
			return ownRequest(http.MethodGet, "/sessions/"+a.sessionID+"?wait=25s", "")
		}, want: 499},
		"a status that waits for a read": {faults: slow("read_session"), send: func(a *app) *http.Request {
			return ownRequest(http.MethodGet, "/sessions/"+a.sessionID, "")
		}, want: http.StatusOK}, // with the status in the store
		"a start in a browser": {faults: slow("create_session"), send: func(*app) *http.Request {
			return ownRequest(http.MethodPost, "/login", "return_to=/")
		}, want: 499},
		"a start in a browser by its script": {faults: slow("create_session"), send: func(*app) *http.Request {
			r := ownRequest(http.MethodPost, "/login", "return_to=/")
			r.Header.Set("Accept", "application/json")
			return r
		}, want: 499},
		"a finish": {faults: slow("validate_code"), send: func(a *app) *http.Request {
			return ownRequest(http.MethodPost, "/token", "grant_type=authorization_code&code="+a.code+"&state="+a.state+"&code_verifier="+a.verifier)
		}, want: 499},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var s gatewaytest.Recorder
				e := newEnv(t, func(c *gateway.Config, _ *signicattest.Config) {
					s.Attach(c)
					c.Observe.Login = func(l gateway.LoginStep) {
						if l.Stage == gateway.LoginUnstarted {
							s.Record("unstarted " + l.Reason)
						}
					}
				})
				e.login(t) // fetches the Signicat access token
				a := e.approvedApp(t)
				e.script(t, row.faults...)
				s.Take()
				statuses := make(chan int, 1)
				wire := e.serve(t, func(h http.Handler) http.Handler {
					return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
						status := &statusWriter{ResponseWriter: w}
						h.ServeHTTP(status, r)
						statuses <- status.status
					})
				})
				transport := &http.Transport{DialContext: wire.Dial}
				defer transport.CloseIdleConnections()
				ctx, hangUp := context.WithCancel(t.Context())
				go func() {
					synctest.Wait()
					hangUp()
				}()
				if answer, err := transport.RoundTrip(row.send(a).WithContext(ctx)); err == nil {
					t.Errorf("it was answered with %d", answer.StatusCode)
				}
				if status := <-statuses; status != row.want {
					t.Errorf("its status is %d, want %d", status, row.want)
				}
				if diff := cmp.Diff([]string{"request gateway_endpoint"}, s.Take()); diff != "" {
					t.Errorf("(-want +observed):\n%s", diff)
				}
				pass(time.Minute) // for the work that continues without the client
			})
		})
	}
}

// statusWriter records the status of an answer.
type statusWriter struct {
	http.ResponseWriter
	status int
}

func (w *statusWriter) WriteHeader(status int) {
	w.status = status
	w.ResponseWriter.WriteHeader(status)
}

func (w *statusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// ownRequest returns a request to a gateway endpoint, as its own pages and apps send it.
func ownRequest(method, path, form string) *http.Request {
	r, err := http.NewRequest(method, publicURL+logintest.Path+path, strings.NewReader(form))
	if err != nil {
		panic(err) // impossible: of constants
	}
	if form == "" {
		r.Body, r.ContentLength = http.NoBody, 0
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Origin", publicURL)
	return r
}

// TestRequestThatHangsUpBeforeItIsVerified has a client hang up before the store answers whether the token was
// revoked. No request is observed.
func TestRequestThatHangsUpBeforeItIsVerified(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var s gatewaytest.Recorder
		e := newEnv(t, func(c *gateway.Config, _ *signicattest.Config) { s.Attach(c) })
		token := e.login(t)
		s.Take()
		ctx, hangUp := context.WithCancel(t.Context())
		hangUp()
		r := ownRequest(http.MethodGet, "/../api", "").WithContext(ctx)
		r.URL.Path = "/api"
		r.Header.Set("Authorization", "Bearer "+token)
		if got := e.send(r); got.Code != 499 || got.Body.Len() != 0 {
			t.Errorf("answered with %d %s", got.Code, got.Body)
		}
		if diff := cmp.Diff([]string(nil), s.Take()); diff != "" {
			t.Errorf("(-want +observed):\n%s", diff)
		}
	})
}
