package signicat

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptrace"
	"sync/atomic"
)

// trip is one request and its answer.
type trip struct {
	transports *transports       // nil when the transport is the caller's
	own        *http.Transport   // the current one of transports
	carrier    http.RoundTripper // own, or the caller's
	cancel     context.CancelCauseFunc

	sent    atomic.Int32 // the number of times that the request's headers were written
	over    *connection  // nil until the request has one, or with the caller's transport
	answers uint64       // of that connection before the request
}

func (c *Client) newTrip() *trip {
	t := &trip{transports: c.transports, carrier: c.config.Transport}
	if t.transports != nil {
		t.own = t.transports.use()
		t.carrier = t.own
	}
	return t
}

// errSentOnce is returned when net/http would repeat a request.
var errSentOnce = errors.New("refused, and not sent again")

// roundTrip sends the request with the RoundTripper, because an http.Client follows redirects or fails
// on malformed ones. The caller calls end in any case.
func (t *trip) roundTrip(r *http.Request) (*http.Response, error) {
	ctx, cancel := context.WithCancelCause(r.Context())
	t.cancel = cancel
	r = r.WithContext(httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GotConn:      func(got httptrace.GotConnInfo) { t.gotConn(got, r.Method) },
		WroteHeaders: func() { t.sent.Add(1) },
	}))
	response, err := t.carrier.RoundTrip(r)
	if err != nil && errors.Is(context.Cause(ctx), errSentOnce) {
		err = errSentOnce
	}
	return response, err
}

// gotConn is called before the request is written to a connection. Signicat may have performed a request
// that was written before, so that only the caller repeats it. net/http would repeat a request that was
// reset with REFUSED_STREAM or PROTOCOL_ERROR, or refused with GOAWAY, without a bound. A read is
// repeated once: the server may just have been closing the connection.
func (t *trip) gotConn(got httptrace.GotConnInfo, method string) {
	repeats := int32(0)
	if method == http.MethodGet {
		repeats = 1
	}
	if t.sent.Load() > repeats {
		t.cancel(errSentOnce)
	}
	if t.over = connectionOf(got.Conn); t.over != nil {
		t.answers = t.over.answers.Load()
	}
}

// end is called when the answer was read or the call gave up. ctx is that of the request.
func (t *trip) end(ctx context.Context, err error) {
	t.cancel(nil)
	if t.transports == nil {
		return
	}
	timedOut := err != nil && errors.Is(ctx.Err(), context.DeadlineExceeded)
	switch {
	case t.over == nil:
	case !timedOut && answered(err):
		t.over.answers.Add(1)
	case timedOut && t.over.answers.Load() == t.answers:
		t.transports.replace(t.own)
	}
	if t.own != t.transports.use() {
		t.own.CloseIdleConnections()
	}
}

// answered reports whether Signicat sent a status.
func answered(err error) bool {
	failure, ok := errors.AsType[*Error](err)
	return err == nil || ok && failure.StatusCode != 0
}
