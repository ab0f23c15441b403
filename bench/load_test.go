package main

import (
	"errors"
	"net"
	"testing"
)

// front answers every connection with the same bytes, once.
func front(t *testing.T, answer string) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				_, _ = conn.Read(make([]byte, 4096))
				_, _ = conn.Write([]byte(answer))
				_ = conn.Close()
			}()
		}
	}()
	return l.Addr().String()
}

func TestLoadSendsEveryRequest(t *testing.T) {
	t.Parallel()
	u, err := newUpstream()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = u.Close() })
	addr := u.Addr().String()
	l, err := dial(addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.close)
	named := []byte("GET / HTTP/1.1\r\nHost: a\r\nX-Itsme-Subject: b\r\n\r\n")
	for name, row := range map[string]struct {
		request []byte
		want    expected
		wantErr error
	}{
		"anonymous":                 {get(addr, "token"), expected{200, anonymous}, nil},
		"identified":                {named, expected{200, identified}, nil},
		"anonymous, not identified": {get(addr, ""), expected{200, identified}, errAnswer},
		"another status":            {named, expected{401, identified}, errAnswer},
	} {
		if err := l.run([][]byte{row.request}, 3*connections, row.want); !errors.Is(err, row.wantErr) {
			t.Errorf("%s: %v, want %v", name, err, row.wantErr)
		}
	}
}

func TestLoadReadsAnswers(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		answer  string
		wantErr error
	}{
		"a length in any case":    {"HTTP/1.1 401 Unauthorized\r\ncontent-length: 3\r\n\r\nabc", nil},
		"no body":                 {"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n", nil},
		"no length":               {"HTTP/1.1 401 Unauthorized\r\n\r\n", errAnswer},
		"a length that is none":   {"HTTP/1.1 401 Unauthorized\r\nContent-Length: x\r\n\r\n", errAnswer},
		"something else":          {"SSH-2.0-x\r\n\r\n", errAnswer},
		"a status that is a word": {"HTTP/1.1 abc\r\nContent-Length: 0\r\n\r\n", errAnswer},
	} {
		l, err := dial(front(t, row.answer))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(l.close)
		if err := l.run([][]byte{get("a", "")}, 1, expected{status: 401}); !errors.Is(err, row.wantErr) {
			t.Errorf("%s: %v, want %v", name, err, row.wantErr)
		}
	}
}
