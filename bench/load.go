package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"
)

// connections is the number of keep-alive connections to one server.
const connections = 64

// runPatience bounds one run.
const runPatience = 2 * time.Minute

// errAnswer is returned when a server sends another answer than expected.
var errAnswer = errors.New("unexpected answer")

// load sends requests to one server, over connections that stay open.
type load struct{ conns [connections]*connection }

type connection struct {
	net.Conn
	r *bufio.Reader
}

func dial(addr string) (*load, error) {
	l := new(load)
	for i := range l.conns {
		conn, err := net.Dial("tcp", addr)
		if err != nil {
			l.close()
			return nil, err
		}
		l.conns[i] = &connection{conn, bufio.NewReader(conn)}
	}
	return l, nil
}

func (l *load) close() {
	for _, c := range l.conns {
		if c != nil {
			_ = c.Close()
		}
	}
}

// expected describes every answer of a run. A body of one byte is compared.
type expected struct {
	status int
	body   byte
}

// run sends n requests, the given ones in turn. It sends the next one after each answer.
func (l *load) run(requests [][]byte, n int, want expected) error {
	var sent atomic.Int64
	var group errgroup.Group
	for _, c := range l.conns {
		if err := c.SetDeadline(time.Now().Add(runPatience)); err != nil {
			return err
		}
		group.Go(func() error {
			for {
				i := int(sent.Add(1)) - 1
				if i >= n {
					return nil
				}
				if err := c.send(requests[i%len(requests)], want); err != nil {
					return err
				}
			}
		})
	}
	return group.Wait()
}

func (c *connection) send(request []byte, want expected) error {
	if _, err := c.Write(request); err != nil {
		return fmt.Errorf("sending request: %w", err)
	}
	status, length, err := c.head()
	if err != nil {
		return fmt.Errorf("reading answer: %w", err)
	}
	var last byte
	for range length {
		if last, err = c.r.ReadByte(); err != nil {
			return fmt.Errorf("reading answer: %w", err)
		}
	}
	if status != want.status || (length == 1 && last != want.body) {
		return fmt.Errorf("%w: %d %q, want %d %q", errAnswer, status, last, want.status, want.body)
	}
	return nil
}

var (
	version       = []byte("HTTP/1.1 ")
	contentLength = []byte("Content-Length:")
)

// head reads the head of an answer, whose body has a length.
func (c *connection) head() (status, length int, err error) {
	length = -1
	for first := true; ; first = false {
		line, err := c.r.ReadSlice('\n')
		if err != nil {
			return 0, 0, err
		}
		line = bytes.TrimSpace(line)
		switch {
		case first:
			rest, ok := bytes.CutPrefix(line, version)
			if !ok || len(rest) < 3 {
				return 0, 0, errAnswer
			}
			status, err = strconv.Atoi(string(rest[:3]))
		case len(line) == 0 && length < 0:
			return 0, 0, fmt.Errorf("%w: %d without a length", errAnswer, status)
		case len(line) == 0:
			return status, length, nil
		case len(line) > len(contentLength) && bytes.EqualFold(line[:len(contentLength)], contentLength):
			length, err = strconv.Atoi(string(bytes.TrimSpace(line[len(contentLength):])))
		}
		if err != nil {
			return 0, 0, fmt.Errorf("%w: %w", errAnswer, err)
		}
	}
}

// get returns a request, with the bearer token unless it is empty.
func get(addr, bearer string) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "GET /api/things?page=2 HTTP/1.1\r\nHost: %s\r\nUser-Agent: bench\r\nAccept: application/json\r\n", addr)
	if bearer != "" {
		fmt.Fprintf(&b, "Authorization: Bearer %s\r\n", bearer)
	}
	_, _ = io.WriteString(&b, "\r\n")
	return b.Bytes()
}
