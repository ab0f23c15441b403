package doctor

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"time"

	"github.com/caddy-itsme/caddy-itsme/gateway"
	"github.com/caddy-itsme/caddy-itsme/internal/loopback"
)

const (
	// fetchTimeout bounds one request of the doctor, to the last byte of the response.
	fetchTimeout = 10 * time.Second
	// maxFetched bounds the body of a response, in bytes.
	maxFetched = 1 << 20
)

// errTooLong is returned when a response is longer than maxFetched.
var errTooLong = errors.New("the response is too long")

// fetcher makes the doctor's requests. It follows no redirect: every request goes to a URL of the
// configuration.
type fetcher struct{ transport *http.Transport }

// newFetcher returns a fetcher that trusts these authorities. Nil means the authorities of the system.
func newFetcher(roots *x509.CertPool) fetcher {
	return fetcher{&http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		DialContext:            loopback.Dialer(&net.Dialer{Timeout: fetchTimeout}),
		TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: roots},
		TLSHandshakeTimeout:    fetchTimeout,
		ForceAttemptHTTP2:      true,
		MaxResponseHeaderBytes: 64 << 10,
		DisableKeepAlives:      true,
	}}
}

// Transport returns a transport like that of the doctor's requests, for a login.
func Transport() http.RoundTripper { return newFetcher(nil).transport }

// fetched is a response.
type fetched struct {
	status    int
	instance  string // the header Itsme-Instance of a gateway
	mediaType string
	body      []byte
	owner     *x509.Certificate // of the server; nil without TLS
}

// get makes a GET request. A response of any status is no error; only the body of a 200 is read.
func (f fetcher) get(ctx context.Context, url string) (fetched, error) {
	return f.do(ctx, http.MethodGet, url)
}

// head makes a HEAD request.
func (f fetcher) head(ctx context.Context, url string) (fetched, error) {
	return f.do(ctx, http.MethodHead, url)
}

func (f fetcher) do(ctx context.Context, method, url string) (fetched, error) {
	ctx, cancel := context.WithTimeout(ctx, fetchTimeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, method, url, nil)
	if err != nil {
		return fetched{}, err
	}
	request.Header.Set("User-Agent", "caddy-itsme doctor")
	// A RoundTripper follows no redirect; an http.Client would.
	response, err := f.transport.RoundTrip(request)
	if err != nil {
		return fetched{}, err
	}
	defer func() { _ = response.Body.Close() }() // nothing was written
	answer := fetched{status: response.StatusCode, instance: response.Header.Get(gateway.InstanceHeader)}
	answer.mediaType, _, _ = mime.ParseMediaType(response.Header.Get("Content-Type"))
	if response.TLS != nil && len(response.TLS.PeerCertificates) > 0 {
		answer.owner = response.TLS.PeerCertificates[0]
	}
	if answer.status != http.StatusOK {
		return answer, nil // no deadline would end reading the body of a 101
	}
	answer.body, err = io.ReadAll(io.LimitReader(response.Body, maxFetched+1))
	switch {
	case err != nil:
		return fetched{}, fmt.Errorf("reading the response: %w", err)
	case len(answer.body) > maxFetched:
		return fetched{}, errTooLong
	}
	return answer, nil
}
