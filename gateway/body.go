package gateway

import (
	"errors"
	"io"
	"net/http"
	"os"
	"time"
)

const (
	// maxBody bounds the body of every own endpoint.
	maxBody = 16 << 10
	// bodyTimeout bounds the time in which it arrives. A client that sends a byte now and then
	// would otherwise hold a connection for as long as it likes.
	bodyTimeout = 10 * time.Second
)

// errSlow is returned when a request's body does not arrive in time.
var errSlow = errors.New("body too slow")

// boundBody bounds the body of a request that the gateway answers itself, in bytes and in time.
// Over HTTP/1.1 the time also bounds what the server reads of a body that no endpoint reads: it
// does so before it sends the answer, to keep the connection.
func boundBody(w http.ResponseWriter, r *http.Request) {
	if r.Body == nil || r.Body == http.NoBody || r.ContentLength == 0 {
		return
	}
	body := &timedBody{ReadCloser: r.Body, control: http.NewResponseController(w)}
	deadline := time.Now().Add(bodyTimeout) // of the connection, and not of the gateway's clock
	if body.control.SetReadDeadline(deadline) != nil {
		body.control, body.timer = nil, time.NewTimer(bodyTimeout)
	}
	r.Body = http.MaxBytesReader(w, body, maxBody)
}

// timedBody is a body whose connection has a read deadline. At the body's end it takes the
// deadline back, so that the deadline outlives no body.
type timedBody struct {
	io.ReadCloser
	control *http.ResponseController // nil: the server has no deadlines
	timer   *time.Timer              // where it has none
}

func (b *timedBody) Read(p []byte) (n int, err error) {
	if b.control == nil {
		return b.readUntil(p)
	}
	n, err = b.ReadCloser.Read(p)
	switch {
	case errors.Is(err, io.EOF):
		_ = b.control.SetReadDeadline(time.Time{}) // it could be set
	case errors.Is(err, os.ErrDeadlineExceeded):
		err = errSlow
	}
	return n, err
}

// readUntil reads until the timer fires. Then it leaves the read behind, which ends when the server
// closes the body.
func (b *timedBody) readUntil(p []byte) (int, error) {
	type result struct {
		read []byte
		err  error
	}
	done := make(chan result, 1)
	go func() {
		read := make([]byte, len(p)) // p is the caller's again once the time is over
		n, err := b.ReadCloser.Read(read)
		done <- result{read[:n], err}
	}()
	select {
	case r := <-done:
		return copy(p, r.read), r.err
	case <-b.timer.C:
		b.timer.Reset(0) // for a next read
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
