//go:build unix

package redistest

import (
	"bufio"
	"io"
	"strings"
	"sync"
	"time"
)

// serverLog is the log of a server. Reading it never stops, or else the server would block.
type serverLog struct {
	mu      sync.Mutex
	text    strings.Builder
	read    int // how much of the text await has passed
	ended   bool
	written chan struct{} // closed by the next line, and at the end
}

func readLog(from io.Reader) *serverLog {
	l := &serverLog{written: make(chan struct{})}
	go func() {
		lines := bufio.NewScanner(from)
		for lines.Scan() {
			l.add(lines.Text()+"\n", false)
		}
		l.add("", true)
	}()
	return l
}

func (l *serverLog) add(line string, ended bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.text.WriteString(line)
	l.ended = ended
	close(l.written)
	l.written = make(chan struct{})
}

// await waits for a line with the text. It reports false when the server ends without one.
func (l *serverLog) await(text string) bool {
	deadline := time.After(Patience)
	for {
		found, ended, written := l.find(text)
		if found || ended {
			return found
		}
		select {
		case <-written:
		case <-deadline:
			return false
		}
	}
}

func (l *serverLog) find(text string) (found, ended bool, written chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if at := strings.Index(l.text.String()[l.read:], text); at >= 0 {
		l.read += at + len(text)
		return true, l.ended, l.written
	}
	return false, l.ended, l.written
}

// String returns the whole log.
func (l *serverLog) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}
