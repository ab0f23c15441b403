package main

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httputil"
)

// balancer sends every request to the next replica that is not away, or to the only one.
func (f *fleet) balancer() http.Handler {
	return &httputil.ReverseProxy{Transport: resending{f}, Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(f.choose().backend.Load())
		r.Out.Host = r.In.Host
	}}
}

func (f *fleet) choose() *replica {
	if only := f.only.Load(); only > 0 {
		return f.replicas[only-1]
	}
	for range f.replicas {
		if r := f.replicas[f.turn.Add(1)%uint64(len(f.replicas))]; !r.away.Load() {
			return r
		}
	}
	return f.replicas[0]
}

// resending sends a request again, to another replica, when one ended before it answered and the
// fleet asks for that.
type resending struct{ fleet *fleet }

// RoundTrip implements http.RoundTripper.
func (b resending) RoundTrip(r *http.Request) (*http.Response, error) {
	if !b.fleet.resend.Load() {
		return b.fleet.toReplicas.RoundTrip(r)
	}
	var sent []byte
	if r.Body != nil {
		var err error
		if sent, err = io.ReadAll(r.Body); err != nil {
			return nil, err
		}
	}
	for n := 1; ; n++ {
		again := r.Clone(r.Context())
		again.Body = io.NopCloser(bytes.NewReader(sent))
		again.ContentLength = int64(len(sent))
		answer, err := b.whole(again)
		if err == nil || n == 5 || r.Context().Err() != nil {
			return answer, err
		}
		r.URL.Host = b.fleet.choose().backend.Load().Host
	}
}

// whole reads the answer to its end.
func (b resending) whole(r *http.Request) (*http.Response, error) {
	answer, err := b.fleet.toReplicas.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	answer.Body = io.NopCloser(bytes.NewReader(body))
	return answer, err
}
