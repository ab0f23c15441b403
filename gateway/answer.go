package gateway

import (
	"encoding/json"
	"log/slog"
	"math"
	"net/http"
	"strconv"
	"time"

	"github.com/caddy-itsme/caddy-itsme/gateway/internal/cachecontrol"
	"github.com/caddy-itsme/caddy-itsme/gateway/internal/page"
)

// answers writes what the gateway answers itself: pages, problems and challenges.
type answers struct {
	config Config
	pages  *page.Pages
	log    *slog.Logger
}

// writeJSON answers with a JSON document that no cache keeps.
func writeJSON(w http.ResponseWriter, status int, mediaType string, body any) {
	text, err := json.Marshal(body)
	if err != nil {
		w.WriteHeader(http.StatusInternalServerError)
		return
	}
	noStore(w.Header())
	w.Header().Set("Content-Type", mediaType)
	w.Header().Set("Content-Length", strconv.Itoa(len(text)))
	w.WriteHeader(status)
	_, _ = w.Write(text) // fails when the client hung up
}

// noStore keeps an answer of the gateway's own out of every cache, whatever handlers in front of it
// said to some of them.
func noStore(h http.Header) {
	cachecontrol.DropTargeted(h)
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
}

// redirect sends a browser to the login page, or to a path of this origin. The path was checked when the
// login started.
func redirect(w http.ResponseWriter, to string) {
	noStore(w.Header())
	w.Header().Set("Referrer-Policy", "no-referrer")
	w.Header().Set("Location", to)
	w.WriteHeader(http.StatusSeeOther)
}

// seconds is a duration on the wire: whole seconds, never negative.
func seconds(d time.Duration) int { return max(0, int(math.Floor(d.Seconds()))) }
