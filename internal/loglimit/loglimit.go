// Package loglimit bounds the log lines of each message, so that clients cannot fill a log.
package loglimit

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

const (
	// Burst is the number of lines of one message that are written at once.
	Burst = 10
	// Every is the time until the next line is written.
	Every = time.Second
	// LeftOut is the attribute with the number of lines that were left out before this line.
	LeftOut = "left_out"
)

// New returns a logger that writes [Burst] lines of one message at once, and then one in [Every] with the
// number of lines left out. It writes all lines at DEBUG and all lines of the messages in all. Messages must
// be constants: the logger remembers each one.
func New(logger *slog.Logger, all ...string) *slog.Logger {
	return slog.New(handler{logger.Handler(), &lines{all: all, of: make(map[string]*line)}})
}

// handler leaves lines out. Handlers derived from it share its counts.
type handler struct {
	slog.Handler
	lines *lines
}

// Handle implements slog.Handler.
func (h handler) Handle(ctx context.Context, r slog.Record) error {
	left, ok := h.lines.admit(r)
	if !ok {
		return nil
	}
	if left > 0 {
		r = r.Clone()
		r.AddAttrs(slog.Int(LeftOut, left))
	}
	return h.Handler.Handle(ctx, r)
}

// WithAttrs implements slog.Handler.
func (h handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return handler{h.Handler.WithAttrs(attrs), h.lines}
}

// WithGroup implements slog.Handler.
func (h handler) WithGroup(name string) slog.Handler {
	return handler{h.Handler.WithGroup(name), h.lines}
}

// lines counts written and left-out lines by message.
type lines struct {
	all []string

	mu sync.Mutex
	of map[string]*line
}

type line struct {
	budget *rate.Limiter
	left   int
}

// admit reports whether to write a line, and how many lines of its message were left out before it.
func (l *lines) admit(r slog.Record) (left int, ok bool) {
	if r.Level < slog.LevelInfo || slices.Contains(l.all, r.Message) {
		return 0, true
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	of := l.of[r.Message]
	if of == nil {
		of = &line{budget: rate.NewLimiter(rate.Every(Every), Burst)}
		l.of[r.Message] = of
	}
	if !of.budget.AllowN(r.Time, 1) {
		of.left++
		return 0, false
	}
	left, of.left = of.left, 0
	return left, true
}
