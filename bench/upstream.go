package main

import (
	"bufio"
	"bytes"
	"net"
)

// The answers of the upstream, for a request with and without an identity header.
const (
	anonymous  = '0'
	identified = '1'
)

// upstream is a minimal server. It costs little, so that the server in front of it is measured.
type upstream struct{ net.Listener }

func newUpstream() (*upstream, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	u := &upstream{l}
	go u.serve()
	return u, nil
}

func (u *upstream) serve() {
	for {
		conn, err := u.Accept()
		if err != nil {
			return // closed
		}
		go answer(conn)
	}
}

var identity = []byte("X-Itsme-Subject: ")

// answer reads heads of requests without a body, and answers each.
func answer(conn net.Conn) {
	defer func() { _ = conn.Close() }()
	r := bufio.NewReaderSize(conn, 16<<10)
	response := []byte("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n0")
	body := &response[len(response)-1]
	*body = anonymous
	for {
		line, err := r.ReadSlice('\n')
		switch {
		case err != nil:
			return
		case len(line) > len(identity) && bytes.EqualFold(line[:len(identity)], identity):
			*body = identified
		case len(line) == len("\r\n"):
			if _, err := conn.Write(response); err != nil {
				return
			}
			*body = anonymous
		}
	}
}
