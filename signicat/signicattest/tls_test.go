package signicattest_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/caddy-itsme/caddy-itsme/signicat/signicattest"
)

var withTLS = signicattest.Config{TLS: true}

// TestLoginOverHTTP2 is a whole login, of which every call shares one connection.
func TestLoginOverHTTP2(t *testing.T) {
	t.Parallel()
	c := start(t, withTLS)
	if !strings.HasPrefix(c.sim.URL, "https://127.0.0.1:") {
		t.Errorf("the URL is %s", c.sim.URL)
	}
	l := c.login(sessionBody)
	l.validate(l.approve("adult")).want(http.StatusOK)
	if got := l.read().text("status"); got != "SUCCESS" {
		t.Errorf("status %s", got)
	}
	r, err := c.http.Get(c.sim.URL + "/auth/rest/sessions")
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	if r.ProtoMajor != 2 {
		t.Errorf("the protocol is %s", r.Proto)
	}
}

// TestOnlyItsOwnAuthorityVerifiesTheSimulator also shows that the PEM is that authority.
func TestOnlyItsOwnAuthorityVerifiesTheSimulator(t *testing.T) {
	t.Parallel()
	c, other := start(t, withTLS), start(t, withTLS)
	fromPEM := x509.NewCertPool()
	if !fromPEM.AppendCertsFromPEM(c.sim.AuthorityPEM()) {
		t.Fatal("the PEM holds no certificate")
	}
	for name, test := range map[string]struct {
		roots *x509.CertPool
		ok    bool
	}{
		"its own": {c.sim.RootCAs(), true}, "its own from PEM": {fromPEM, true},
		"another simulator's": {other.sim.RootCAs(), false}, "the system's": {nil, false},
	} {
		conn, err := tls.Dial("tcp", strings.TrimPrefix(c.sim.URL, "https://"), &tls.Config{RootCAs: test.roots})
		if (err == nil) != test.ok {
			t.Errorf("%s: %v", name, err)
		}
		if err == nil {
			_ = conn.Close()
		}
	}
	if plain := start(t, signicattest.Config{}); plain.sim.RootCAs() != nil || plain.sim.AuthorityPEM() != nil {
		t.Error("a simulator without TLS has an authority")
	}
}

// TestCertificateIsForTheBaseURL takes a host that only the base URL names.
func TestCertificateIsForTheBaseURL(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c, transport := startInMemoryAs(t, signicattest.Config{TLS: true, BaseURL: "https://api.example.be"})
		c.login(sessionBody)
		transport.CloseIdleConnections()
	})
}

// TestFaultOfAConnection plays each Cut while another call waits on the same connection.
func TestFaultOfAConnection(t *testing.T) {
	t.Parallel()
	for cut, want := range map[string]struct {
		answered     bool // the call itself
		otherSurvive bool // the call beside it
		sameAfter    bool // the next call goes over the same connection
	}{
		signicattest.CutBeforeHeaders: {false, true, true},
		signicattest.CutMidBody:       {false, true, true},
		signicattest.CutConnection:    {false, false, false},
		signicattest.CutSilence:       {false, false, true},
		signicattest.CutGoAway:        {true, true, false},
	} {
		t.Run(cut, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				c, transport := startInMemoryAs(t, withTLS)
				dials := countDials(transport)
				script(t, c, signicattest.Fault{Operation: signicattest.OperationReadSession, Call: 1, Delay: time.Second})
				other := make(chan error)
				go func() { other <- c.within(10*time.Second, "/auth/rest/sessions/x") }()
				synctest.Wait()
				script(t, c, signicattest.Fault{Operation: signicattest.OperationUnknown, Call: 1, Cut: cut})
				if err := c.within(10*time.Second, "/unknown"); (err == nil) != want.answered {
					t.Errorf("the call: %v", err)
				}
				if err := <-other; (err == nil) != want.otherSurvive {
					t.Errorf("the call beside it: %v", err)
				}
				before := dials.Load()
				err := c.within(10*time.Second, "/auth/rest/sessions/x")
				if silent := cut == signicattest.CutSilence; (err == nil) == silent {
					t.Errorf("the next call: %v", err)
				}
				if same := dials.Load() == before; same != want.sameAfter {
					t.Errorf("the next call used the same connection: %t", same)
				}
				transport.CloseIdleConnections()
			})
		})
	}
}

// TestGoAwayLeavesTheAnswer takes a refusal, which has to stay one.
func TestGoAwayLeavesTheAnswer(t *testing.T) {
	t.Parallel()
	for _, after := range []bool{false, true} {
		c := start(t, withTLS)
		script(t, c, signicattest.Fault{Operation: signicattest.OperationReadSession, Cut: signicattest.CutGoAway, After: after})
		for range 2 {
			c.do(http.MethodGet, "/auth/rest/sessions/x", "", nil).want(http.StatusNotFound)
		}
		if got := c.login(sessionBody).read(); got.status != http.StatusOK || got.text("status") != "CREATED" {
			t.Errorf("%d %s", got.status, got.body)
		}
	}
}

// TestSilenceOverHTTP1 needs no HTTP/2: nothing comes, not even the end of the connection.
func TestSilenceOverHTTP1(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c, transport := startInMemory(t)
		script(t, c, signicattest.Fault{Operation: signicattest.OperationCreateSession, Call: 1, Cut: signicattest.CutSilence, After: true})
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		r, err := http.NewRequestWithContext(ctx, http.MethodPost, c.sim.URL+"/auth/rest/sessions", strings.NewReader(sessionBody))
		if err != nil {
			t.Fatal(err)
		}
		r.Header = http.Header{"Authorization": {"Bearer " + c.token}, "Content-Type": {"application/json"}}
		if _, err := c.http.Do(r); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%v", err)
		}
		if n := len(c.sim.Sessions()); n != 1 {
			t.Errorf("%d sessions", n)
		}
		c.login(sessionBody) // on another connection
		transport.CloseIdleConnections()
	})
}

// within makes a GET that ends after d, read to its end.
func (c *client) within(d time.Duration, path string) error {
	ctx, cancel := context.WithTimeout(c.t.Context(), d)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, c.sim.URL+path, nil)
	if err != nil {
		return err
	}
	answer, err := c.http.Do(r)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	_, err = io.Copy(io.Discard, answer.Body)
	return err
}

func countDials(transport *http.Transport) *atomic.Int32 {
	n, dial := new(atomic.Int32), transport.DialContext
	transport.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
		n.Add(1)
		return dial(ctx, network, addr)
	}
	return n
}
