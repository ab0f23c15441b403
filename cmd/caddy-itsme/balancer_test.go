package main

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httputil"
)

// balancer sends every request to the next available replica, or to the only one in use.
func (e *env) balancer() http.Handler {
	return &httputil.ReverseProxy{Transport: resending{e}, Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(e.choose().backend.Load())
		r.Out.Host = r.In.Host
	}}
}

func (e *env) choose() *replica {
	if only := e.only.Load(); only > 0 {
		return e.replicas[only-1]
	}
	for range e.replicas {
		if r := e.replicas[e.turn.Add(1)%uint64(len(e.replicas))]; !r.away.Load() {
			return r
		}
	}
	return e.replicas[0]
}

// resending sends a request again, to another replica, if a replica ended before it answered and the env
// has resend set.
type resending struct{ env *env }

// RoundTrip implements http.RoundTripper.
func (b resending) RoundTrip(r *http.Request) (*http.Response, error) {
	if !b.env.resend.Load() {
		return b.env.toReplicas.RoundTrip(r)
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
		r.URL.Host = b.env.choose().backend.Load().Host
	}
}

// whole reads a response to its end.
func (b resending) whole(r *http.Request) (*http.Response, error) {
	answer, err := b.env.toReplicas.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	answer.Body = io.NopCloser(bytes.NewReader(body))
	return answer, err
}
