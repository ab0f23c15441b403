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
	// fetchTimeout bounds one request of the doctor's own, to the last byte of its answer.
	fetchTimeout = 10 * time.Second
	// maxFetched is how many bytes of an answer are read.
	maxFetched = 1 << 20
)

// errFetchedTooMuch is returned when an answer is longer than maxFetched.
var errFetchedTooMuch = errors.New("the answer is too long")

// fetcher makes the doctor's requests. It follows no redirect, so that all go to URLs of the configuration.
type fetcher struct{ transport *http.Transport }

// newFetcher returns a fetcher that trusts these authorities, those of the system if nil.
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

// fetched is an answer.
type fetched struct {
	status    int
	instance  string // of a gateway that answers whether it is ready
	mediaType string
	body      []byte
	owner     *x509.Certificate // of the server; nil without TLS
}

// get asks for a URL. An answer of any status is no error; only the body of a 200 is read.
func (f fetcher) get(ctx context.Context, url string) (fetched, error) {
	return f.ask(ctx, http.MethodGet, url)
}

// head is get without a body.
func (f fetcher) head(ctx context.Context, url string) (fetched, error) {
	return f.ask(ctx, http.MethodHead, url)
}

func (f fetcher) ask(ctx context.Context, method, url string) (fetched, error) {
	ctx, cancel := context.WithTimeout(ctx, fetchTimeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, method, url, nil)
	if err != nil {
		return fetched{}, err
	}
	request.Header.Set("User-Agent", "caddy-itsme doctor")
	// The RoundTripper itself, since an http.Client follows redirects.
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
		return answer, nil // after a 101 no deadline would end the reading
	}
	answer.body, err = io.ReadAll(io.LimitReader(response.Body, maxFetched+1))
	switch {
	case err != nil:
		return fetched{}, fmt.Errorf("reading the answer: %w", err)
	case len(answer.body) > maxFetched:
		return fetched{}, errFetchedTooMuch
	}
	return answer, nil
}
