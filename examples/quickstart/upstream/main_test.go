package main

import (
	"net/http"
	"net/http/httptest"
	"testing"
)

func TestHello(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		header http.Header
		status int
		want   string
	}{
		"a person":            {http.Header{"X-Itsme-Subject": {"abc="}, "X-Itsme-Name": {"Zo%C3%AB"}, "X-Itsme-Acr": {"high"}}, 200, "Hello, Zoë.\nYou are abc=, identified with LoA high.\n"},
		"past the gateway":    {http.Header{}, 403, "This request did not come through the gateway.\n"},
		"a name that is none": {http.Header{"X-Itsme-Subject": {"abc="}, "X-Itsme-Name": {"100%"}}, 400, "X-Itsme-Name is malformed.\n"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := httptest.NewRequest(http.MethodGet, "/", nil)
			r.Header = row.header
			w := httptest.NewRecorder()
			hello(w, r)
			if got := w.Body.String(); w.Code != row.status || got != row.want {
				t.Errorf("got %d %q, want %d %q", w.Code, got, row.status, row.want)
			}
		})
	}
}
