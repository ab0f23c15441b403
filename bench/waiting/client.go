package waiting

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"golang.org/x/sync/errgroup"
)

// Client sends requests over one connection that it keeps, one after the other. It does little, so that it leaves the
// processor to the servers that are measured.
type Client struct {
	conn   net.Conn
	reader *bufio.Reader
	host   string
}

// Dial connects to host:port. The caller closes the client.
func Dial(ctx context.Context, address string) (*Client, error) {
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("connecting: %w", err)
	}
	return &Client{conn: conn, reader: bufio.NewReaderSize(conn, 2048), host: address}, nil
}

// Close closes the connection.
func (c *Client) Close() error { return c.conn.Close() }

// Do sends a request and reads the whole answer. Each line of header ends with \r\n. Do follows no redirect, and fails
// when the answer takes a minute.
func (c *Client) Do(method, path, header, body string) (status int, answer []byte, err error) {
	if err := c.conn.SetDeadline(time.Now().Add(time.Minute)); err != nil {
		return 0, nil, fmt.Errorf("sending: %w", err)
	}
	_, err = fmt.Fprintf(c.conn, "%s %s HTTP/1.1\r\nHost: %s\r\nContent-Length: %d\r\n%s\r\n%s", method, path, c.host, len(body), header, body)
	if err != nil {
		return 0, nil, fmt.Errorf("sending: %w", err)
	}
	response, err := http.ReadResponse(c.reader, nil)
	if err != nil {
		return 0, nil, fmt.Errorf("reading: %w", err)
	}
	defer response.Body.Close()
	answer, err = io.ReadAll(response.Body)
	if err != nil {
		return 0, nil, fmt.Errorf("reading: %w", err)
	}
	return response.StatusCode, answer, nil
}

// Steadily calls do for each of n clients once in every, from now until ctx ends, and records how long each call took.
// The clients are spread over the interval; one that is late catches up. Steadily returns the first error when all
// clients are done. A client ends with its error, and the others continue.
func Steadily(ctx context.Context, n int, every time.Duration, into *Latencies, do func(client int) error) error {
	var clients errgroup.Group
	began := time.Now()
	for i := range n {
		clients.Go(func() error {
			for due := began.Add(every * time.Duration(i) / time.Duration(n)); pause(ctx, time.Until(due)); due = due.Add(every) {
				sent := time.Now()
				if err := do(i); err != nil {
					return err
				}
				into.Add(time.Since(sent))
			}
			return nil
		})
	}
	return clients.Wait()
}

// pause reports whether the time passed before ctx ended.
func pause(ctx context.Context, d time.Duration) bool {
	if ctx.Err() != nil {
		return false // even when the time has passed, too
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
