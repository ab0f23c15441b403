// Package exampletest has what the tests of several examples need: they read a file of the example, change it for the
// test, and run a program on it.
package exampletest

import (
	"bytes"
	"net"
	"os"
	"strings"
	"sync"
	"testing"
)

// Read returns the text of a file.
func Read(t testing.TB, name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// Replaced replaces texts, given in pairs. Each must occur: a test of a file that has changed must not go on with the
// addresses of the example.
func Replaced(t testing.TB, text string, pairs ...string) string {
	t.Helper()
	for i := 0; i < len(pairs); i += 2 {
		if !strings.Contains(text, pairs[i]) {
			t.Fatalf("%q is not in %s", pairs[i], text)
		}
	}
	return strings.NewReplacer(pairs...).Replace(text)
}

// FreeAddress returns a loopback address on which nothing listens. Another program may take it before the caller does.
func FreeAddress(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().String()
}

// Output is what a program prints, to be read while it runs. The zero value is empty.
type Output struct {
	mu   sync.Mutex
	text bytes.Buffer
}

// Write implements [io.Writer].
func (o *Output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(p)
}

// String returns what was printed so far.
func (o *Output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}
