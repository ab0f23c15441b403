package redis_test

import (
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"
)

// logCapture is a log that tests read, and wait for.
type logCapture struct {
	mu      sync.Mutex
	text    string
	read    int
	written chan struct{} // closed by the next line
}

func newLogCapture() *logCapture { return &logCapture{written: make(chan struct{})} }

// Write implements io.Writer.
func (c *logCapture) Write(line []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.text += string(line)
	close(c.written)
	c.written = make(chan struct{})
	return len(line), nil
}

func (c *logCapture) logger() *slog.Logger {
	return slog.New(slog.NewTextHandler(c, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

// await waits for a line with the text, after the lines that were awaited before.
func (c *logCapture) await(t testing.TB, text string) {
	t.Helper()
	deadline := time.After(time.Minute)
	for {
		c.mu.Lock()
		at := strings.Index(c.text[c.read:], text)
		if at >= 0 {
			c.read += at + len(text)
		}
		written := c.written
		c.mu.Unlock()
		if at >= 0 {
			return
		}
		select {
		case <-written:
		case <-deadline:
			t.Fatalf("no %q in the log:\n%s", text, c.String())
		}
	}
}

// String returns the whole log.
func (c *logCapture) String() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.text
}
