package signicattest

import (
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
)

// Server is a simulated Signicat with its itsme. It is safe for concurrent use.
type Server struct {
	// URL is the base URL of the simulator: [Config].BaseURL, or the address that [Start] listens on.
	URL string

	*account
	*sessions
	*calls
	*accessTokens

	certificate *tls.Certificate // nil without TLS
	handler     http.Handler

	http   *http.Server // nil without a listener of its own
	serve  sync.WaitGroup
	close  sync.Once
	closed chan struct{}
}

// account holds what stays the same during a run, and the switches in force.
type account struct {
	cfg           Config
	random        *random
	itsmeClientID string
	personas      []Persona
	switches      atomic.Pointer[Switches]
}

// New returns a simulator that does not listen; serve its [Server.Handler]. It fails with [ErrConfig].
func New(cfg Config) (*Server, error) {
	cfg = cfg.withDefaults()
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	var certificate *tls.Certificate
	if cfg.TLS {
		var err error
		if certificate, err = newCertificate(cfg.BaseURL); err != nil {
			return nil, err
		}
	}
	r := newRandom(cfg.Seed)
	tokens, err := newAccessTokens("simulator-signing-key-" + r.trace())
	if err != nil {
		return nil, err
	}
	a := &account{cfg: cfg, random: r, itsmeClientID: r.text(letters, 6), personas: cfg.personas()}
	a.switches.Store(new(cfg.Switches.explicit()))
	s := &Server{
		URL: cfg.BaseURL, account: a, sessions: &sessions{account: a, index: newSessionIndex()}, calls: newCalls(cfg.Now),
		accessTokens: tokens, certificate: certificate, closed: make(chan struct{}),
	}
	s.handler = s.routes()
	return s, nil
}

// routes returns the handler of the API and of the phone's page.
func (s *Server) routes() http.Handler {
	mux := http.NewServeMux()
	a := &api{
		account: s.account, sessions: s.sessions, calls: s.calls, tokens: s.accessTokens, closed: s.closed,
	}
	for _, o := range operations() {
		mux.Handle(o.path, a.serve(o))
	}
	mux.HandleFunc("GET "+authorizationPath, s.servePage)
	mux.HandleFunc("POST "+authorizationPath, s.serveForm)
	mux.HandleFunc(authorizationPath, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Allow", "GET, HEAD, POST")
		showPhone(w, http.StatusMethodNotAllowed, phoneView{Problem: "the method is GET"})
	})
	return mux
}

// Start returns a simulator that listens on a free port of 127.0.0.1. The caller closes it.
func Start(cfg Config) (*Server, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listening on loopback: %w", err)
	}
	s, err := StartOn(l, cfg)
	if err != nil {
		_ = l.Close() // the caller needs the first error
	}
	return s, err
}

// StartOn is [Start] on a listener of the caller, such as one in memory. [Server.Close] closes the listener too. When
// StartOn fails, the listener stays open.
func StartOn(l net.Listener, cfg Config) (*Server, error) {
	if cfg.BaseURL == "" {
		cfg.BaseURL = cfg.URLAt(l.Addr())
	}
	s, err := New(cfg)
	if err != nil {
		return nil, err
	}
	s.http = s.HTTPServer()
	s.serve.Go(func() { _ = s.http.Serve(s.Listener(l)) }) // returns after Close, or when the caller closed the listener
	return s, nil
}

// Handler serves Signicat's API and itsme's pages. [Fault].Cut needs [Server.HTTPServer] to close or silence a
// connection.
func (s *Server) Handler() http.Handler { return s.handler }

// Close stops listening, ends every delay and closes every connection. It is safe to call more than once.
func (s *Server) Close() {
	s.close.Do(func() {
		close(s.closed)
		if s.http != nil {
			_ = s.http.Close() // the listener may be closed already
		}
		s.serve.Wait()
	})
}

// Seed returns the seed of this run. With it as [Config].Seed the next run has the same ids, states and codes.
func (s *Server) Seed() uint64 { return s.random.seed }

// Reset drops every session, access token, recorded call, scripted fault and override. Switches stay.
func (s *Server) Reset() {
	s.sessions.reset()
	s.calls.reset()
	s.RevokeAccessTokens()
}

// base returns the URL by which the caller of r reaches the simulator.
func (a *account) base(r *http.Request) string {
	if a.cfg.BaseURL != "" {
		return a.cfg.BaseURL
	}
	if r.TLS != nil {
		return "https://" + r.Host
	}
	return "http://" + r.Host
}
