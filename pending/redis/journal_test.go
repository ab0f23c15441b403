package redis_test

import (
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"
)

// journal is a log that tests read, and wait for.
type journal struct {
	mu      sync.Mutex
	text    string
	read    int
	written chan struct{} // closed by the next line
}

func newJournal() *journal { return &journal{written: make(chan struct{})} }

// Write implements io.Writer.
func (j *journal) Write(line []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.text += string(line)
	close(j.written)
	j.written = make(chan struct{})
	return len(line), nil
}

func (j *journal) logger() *slog.Logger {
	return slog.New(slog.NewTextHandler(j, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

// await waits for a line with the text, after those that were awaited before.
func (j *journal) await(t testing.TB, text string) {
	t.Helper()
	deadline := time.After(time.Minute)
	for {
		j.mu.Lock()
		at := strings.Index(j.text[j.read:], text)
		if at >= 0 {
			j.read += at + len(text)
		}
		written := j.written
		j.mu.Unlock()
		if at >= 0 {
			return
		}
		select {
		case <-written:
		case <-deadline:
			t.Fatalf("no %q in the log:\n%s", text, j.String())
		}
	}
}

// String returns the whole log.
func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text
}
