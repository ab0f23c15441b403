package attack_test

import (
	"net/http"
	"slices"
	"strings"
	"sync"
)

// tokenRecorder records the Signicat access tokens that the gateway calls Signicat with.
type tokenRecorder struct {
	http.Handler
	mu   sync.Mutex
	seen []string
}

// ServeHTTP implements http.Handler.
func (r *tokenRecorder) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	if raw, ok := strings.CutPrefix(request.Header.Get("Authorization"), "Bearer "); ok {
		r.mu.Lock()
		r.seen = append(r.seen, raw)
		r.mu.Unlock()
	}
	r.Handler.ServeHTTP(w, request)
}

// all returns the tokens so far. The gateway may still cancel a session in the background.
func (r *tokenRecorder) all() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.seen)
}
