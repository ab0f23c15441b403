package signicat

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
)

// lost returns the error of a call without a whole answer. It keeps no text of the server except the
// names in a bad certificate: some errors of net/http quote malformed answers.
func lost(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return fmt.Errorf("%w: %w", ErrUnavailable, ctx.Err())
	}
	if network, ok := errors.AsType[*net.OpError](err); ok {
		return fmt.Errorf("%w: %w", ErrUnavailable, network)
	}
	if certificate, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return fmt.Errorf("%w: %w", ErrUnavailable, certificate)
	}
	return fmt.Errorf("%w: %s", ErrUnavailable, ending(err))
}

// endings maps the beginning of errors of net/http without an exported type to our words.
var endings = []struct{ begins, words string }{
	{"http2: client connection lost", "connection silent: no answer to a PING"},
	{"http2: server sent GOAWAY", "connection closed with GOAWAY"},
	{"http2: Transport received GOAWAY", "refused with GOAWAY"},
}

// ending describes in our words how the connection or its stream ended.
func ending(err error) string {
	if reset, ok := errors.AsType[streamReset](err); ok {
		return "stream reset with " + reset.code()
	}
	if errors.Is(err, errSentOnce) {
		return err.Error()
	}
	for _, e := range endings {
		if strings.HasPrefix(err.Error(), e.begins) {
			return e.words
		}
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return "connection closed before the end of the answer"
	}
	return "connection broken"
}

// streamReset is the target that net/http's error for RST_STREAM is copied to: see
// (http2StreamError).As in net/http/h2_error.go.
type streamReset struct {
	StreamID uint32
	Code     uint32
	Cause    error
}

// Error implements error.
func (r streamReset) Error() string { return r.code() }

// resetCodes are those of RFC 9113 section 7.
var resetCodes = [...]string{
	"NO_ERROR", "PROTOCOL_ERROR", "INTERNAL_ERROR", "FLOW_CONTROL_ERROR", "SETTINGS_TIMEOUT", "STREAM_CLOSED", "FRAME_SIZE_ERROR",
	"REFUSED_STREAM", "CANCEL", "COMPRESSION_ERROR", "CONNECT_ERROR", "ENHANCE_YOUR_CALM", "INADEQUATE_SECURITY", "HTTP_1_1_REQUIRED",
}

func (r streamReset) code() string {
	if int(r.Code) < len(resetCodes) {
		return resetCodes[r.Code]
	}
	return "HTTP/2 error code " + strconv.FormatUint(uint64(r.Code), 10)
}
