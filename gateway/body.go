package gateway

import (
	"errors"
	"io"
	"net/http"
	"os"
	"time"
)

const (
	// maxBody bounds the body of a request to an endpoint of the gateway, in bytes.
	maxBody = 16 << 10
	// bodyTimeout bounds the time in which a body arrives. Without it, a client that sends a byte now and
	// then could hold a connection forever.
	bodyTimeout = 10 * time.Second
)

// errSlow is returned when a request's body does not arrive in time.
var errSlow = errors.New("body too slow")

// boundBody bounds the body of a request to the gateway, in bytes and in time. Over HTTP/1.1 the time also
// bounds a body that no endpoint reads: the server reads it before it sends the response, to keep the
// connection.
func boundBody(w http.ResponseWriter, r *http.Request) {
	if r.Body == nil || r.Body == http.NoBody || r.ContentLength == 0 {
		return
	}
	body := &timedBody{ReadCloser: r.Body, control: http.NewResponseController(w)}
	deadline := time.Now().Add(bodyTimeout) // the connection uses the real clock
	if body.control.SetReadDeadline(deadline) != nil {
		body.control, body.timer = nil, time.NewTimer(bodyTimeout)
	}
	r.Body = http.MaxBytesReader(w, body, maxBody)
}

// timedBody reads a body under the connection's read deadline. At the end of the body it clears the deadline.
type timedBody struct {
	io.ReadCloser
	control *http.ResponseController // nil when the server has no deadlines
	timer   *time.Timer              // bounds the reads when control is nil
}

func (b *timedBody) Read(p []byte) (n int, err error) {
	if b.control == nil {
		return b.readUntil(p)
	}
	n, err = b.ReadCloser.Read(p)
	switch {
	case errors.Is(err, io.EOF):
		_ = b.control.SetReadDeadline(time.Time{}) // succeeded before
	case errors.Is(err, os.ErrDeadlineExceeded):
		err = errSlow
	}
	return n, err
}

// readUntil reads until the timer fires. It then abandons the read, which ends when the body is closed.
func (b *timedBody) readUntil(p []byte) (int, error) {
	type result struct {
		read []byte
		err  error
	}
	done := make(chan result, 1)
	go func() {
		read := make([]byte, len(p)) // the caller may use p again after the timeout
		n, err := b.ReadCloser.Read(read)
		done <- result{read[:n], err}
	}()
	select {
	case r := <-done:
		return copy(p, r.read), r.err
	case <-b.timer.C:
		b.timer.Reset(0) // so that the next read fails too
		go func() { _ = b.ReadCloser.Close() }()
		return 0, errSlow
	}
}

// readBody reads a body that [boundBody] bounded.
func readBody(r *http.Request) ([]byte, error) {
	body, err := io.ReadAll(r.Body)
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return nil, errTooLarge
	case errors.Is(err, errSlow):
		return nil, errSlow
	case err != nil:
		return nil, requestErrorf("the body ends early")
	}
	return body, nil
}
