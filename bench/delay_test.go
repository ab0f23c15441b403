package main

import (
	"bytes"
	"io"
	"net"
	"testing"
	"time"
)

// TestDelayIsOfTheLineAndNotOfEachMessage: two messages that are sent together take one delay, in order.
func TestDelayIsOfTheLineAndNotOfEachMessage(t *testing.T) {
	t.Parallel()
	server, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	go func() {
		conn, err := server.Accept()
		if err == nil {
			_, _ = io.Copy(conn, conn)
		}
	}()
	proxy, err := newDelayProxy(server.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer proxy.Close()
	const delay = 200 * time.Millisecond
	proxy.set(delay)
	conn, err := net.Dial("tcp", proxy.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	want, began := bytes.Repeat([]byte("0123456789abcdef"), 64<<10), time.Now()
	go func() {
		for part := range len(want) / (16 << 10) {
			_, _ = conn.Write(want[part*16<<10 : (part+1)*16<<10])
		}
	}()
	got := make([]byte, len(want))
	if _, err := io.ReadFull(conn, got[:1]); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(began); took < delay {
		t.Errorf("the answer came after %v, want %v at least", took, delay)
	}
	if _, err := io.ReadFull(conn, got[1:]); err != nil || !bytes.Equal(got, want) {
		t.Errorf("%d bytes came back otherwise, %v", len(got), err)
	}
}
