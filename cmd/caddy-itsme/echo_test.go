package main

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// echoed returns the upstream's response to a request with that header.
func echoed(header http.Header) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodPut, "http://upstream.example/a/path?n=1", nil)
	r.Header = header
	w := httptest.NewRecorder()
	echo(w, r)
	return w
}

func TestEchoAsJSON(t *testing.T) {
	t.Parallel()
	w := echoed(http.Header{"X-Two": {"<one>", "two & more"}})
	var got request
	if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	want := request{Method: "PUT", Path: "/a/path", Headers: map[string]string{"Host": "upstream.example", "X-Two": "<one>, two & more"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("differs (-want +got):\n%s", diff)
	}
	if got := w.Header().Get("Content-Type"); got != "application/json" {
		t.Errorf("Content-Type is %q", got)
	}
}

func TestEchoAsPage(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		header        http.Header
		want, without []string
	}{
		"a person": {
			header:  http.Header{"X-Itsme-Name": {"Lien Peeters"}, "X-Itsme-Subject": {"abc="}},
			want:    []string{"<title>Hello, Lien Peeters</title>", "<dt>X-Itsme-Subject</dt><dd>abc=</dd>", "Log out"},
			without: []string{"not logged in"},
		},
		"a name beyond ASCII": {
			header: http.Header{"X-Itsme-Name": {"Zo%C3%AB 100%25"}},
			want:   []string{"<h1>Hello, Zoë 100%</h1>", "<dd>Zo%C3%AB 100%25</dd>"},
		},
		"a person without a name": {
			header: http.Header{"X-Itsme-Subject": {"abc="}},
			want:   []string{"<h1>Hello, abc=</h1>"},
		},
		"no user": {
			header:  http.Header{},
			want:    []string{"<h1>You are not logged in</h1>", "<dd>PUT /a/path</dd>"},
			without: []string{"Hello", "Log out"},
		},
		"markup": {
			header:  http.Header{"X-Itsme-Name": {"%3Cscript%3E"}, "X-Other": {"<script>"}},
			want:    []string{"<h1>Hello, &lt;script&gt;</h1>", "<dt>X-Other</dt><dd>&lt;script&gt;</dd>"},
			without: []string{"<script>"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			row.header.Set("Accept", "text/html,*/*;q=0.8")
			page := echoed(row.header).Body.String()
			for _, want := range row.want {
				if !strings.Contains(page, want) {
					t.Errorf("no %q in\n%s", want, page)
				}
			}
			for _, without := range row.without {
				if strings.Contains(page, without) {
					t.Errorf("there is %q in\n%s", without, page)
				}
			}
		})
	}
}
