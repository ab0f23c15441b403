package signicattest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"fmt"
	"net"
	"net/http"
	"sync"
)

// Server is a simulated Signicat with its itsme. It is safe for concurrent use.
type Server struct {
	// URL is how callers reach the simulator: [Config].BaseURL, or the address that [Start] listens on.
	URL string

	cfg           Config
	random        *random
	key           *ecdsa.PrivateKey
	keyID         string
	identity      identity
	itsmeClientID string
	people        []Persona
	handler       http.Handler

	http   *http.Server // nil without a listener of its own
	serve  sync.WaitGroup
	close  sync.Once
	closed chan struct{}

	mu         sync.Mutex
	switches   Switches
	tokens     tokens
	sessions   sessions
	ledger     ledger
	script     script
	nextCreate Override
	nextResult Override
}

// New makes a simulator that does not listen; serve its [Server.Handler]. It fails with [ErrConfig].
func New(cfg Config) (*Server, error) {
	cfg = cfg.withDefaults()
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("making the key of the access tokens: %w", err)
	}
	var id identity
	if cfg.TLS {
		if id, err = newIdentity(cfg.BaseURL); err != nil {
			return nil, err
		}
	}
	r := newRandom(cfg.Seed)
	s := &Server{
		URL: cfg.BaseURL, cfg: cfg, random: r, key: key, identity: id, closed: make(chan struct{}),
		keyID: "simulator-signing-key-" + r.trace(), itsmeClientID: r.text(letters, 6), people: cfg.personas(),
		switches: cfg.Switches.explicit(), sessions: newSessions(), tokens: newTokens(), ledger: newLedger(),
	}
	s.handler = s.routes()
	return s, nil
}

// Start makes a simulator that listens on a free port of 127.0.0.1. The caller closes it.
func Start(cfg Config) (*Server, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listening on loopback: %w", err)
	}
	s, err := StartOn(l, cfg)
	if err != nil {
		_ = l.Close() // the first error is the one that tells
	}
	return s, err
}

// StartOn is [Start] on a listener of the caller, such as one in memory. [Server.Close] closes the listener too; when
// StartOn fails it stays open.
func StartOn(l net.Listener, cfg Config) (*Server, error) {
	if cfg.BaseURL == "" {
		cfg.BaseURL = cfg.URLAt(l.Addr())
	}
	s, err := New(cfg)
	if err != nil {
		return nil, err
	}
	s.http = s.HTTPServer()
	s.serve.Go(func() { _ = s.http.Serve(s.Listener(l)) }) // ends with ErrServerClosed, or with a listener that others closed
	return s, nil
}

// Handler serves Signicat's API and itsme's pages. [Fault].Cut needs [Server.HTTPServer] around it for a silent or a
// closed connection.
func (s *Server) Handler() http.Handler { return s.handler }

// Close stops listening, ends every delay and closes every connection. It is safe to call more than once.
func (s *Server) Close() {
	s.close.Do(func() {
		close(s.closed)
		if s.http != nil {
			_ = s.http.Close() // closing a listener that is closed already is no news
		}
		s.serve.Wait()
	})
}

// Seed is what repeats this run's ids, states and codes when it is given as [Config].Seed.
func (s *Server) Seed() uint64 { return s.random.seed }

// Switches are the forms in use, defaults written out.
func (s *Server) Switches() Switches {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.switches
}

// SetSwitches changes the forms for everything that comes after. It fails with [ErrSwitch].
func (s *Server) SetSwitches(sw Switches) error {
	if err := sw.Validate(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.switches = sw.explicit()
	return nil
}

// Reset forgets every session, access token, recorded call, scripted fault and override. Switches stay.
func (s *Server) Reset() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sessions, s.tokens, s.ledger, s.script = newSessions(), newTokens(), newLedger(), nil
	s.nextCreate, s.nextResult = Override{}, Override{}
}

// base is the URL that this request's caller reaches the simulator by.
func (s *Server) base(r *http.Request) string {
	if s.URL != "" {
		return s.URL
	}
	if r.TLS != nil {
		return "https://" + r.Host
	}
	return "http://" + r.Host
}
