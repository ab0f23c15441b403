package browsertest_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/caddy-itsme/caddy-itsme/test/internal/browsertest"
)

// TestBadPageIsReported opens a page full of mistakes. The checks report each of them.
func TestBadPageIsReported(t *testing.T) {
	t.Parallel()
	const bad = `<html><head><style>p{animation:x 1s;color:#bbb}a::after{content:"";animation:x 1s}a{outline:none!important}</style></head><body>
<p style="width:2000px">wide</p><img src="/none.png"><a href="/">x</a><script>window.ran = true</script></body></html>`
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'")
		_, _ = fmt.Fprint(w, bad)
	}))
	t.Cleanup(server.Close)
	axe := browsertest.LoadAxe(t)
	tab := browsertest.Start(t, browsertest.Options{}).Open(t, browsertest.Tab{Phone: true})
	tab.Go(server.URL)
	if browsertest.Evaluate[bool](tab, "window.ran === true") {
		t.Error("the script ran: this page violates nothing")
	}
	reported := strings.Join(tab.Problems(), "\n")
	for _, want := range []string{"violates script-src-elem", "/none.png violates img-src"} {
		if !strings.Contains(reported, want) {
			t.Errorf("the browser does not report %q:\n%s", want, reported)
		}
	}
	found := strings.Join(append(tab.Audit(axe), tab.Check()...), "\n")
	for _, want := range []string{"image-alt: ", "html-has-lang: ", "color-contrast: ", "too wide for 320 px", "too wide with text twice as large", "2 elements move", "the focus cannot be seen on a x"} {
		if !strings.Contains(found, want) {
			t.Errorf("no check finds %q:\n%s", want, found)
		}
	}
	tab.Problems() // the test's own
}

// TestCookies checks that a browser with cookies switched off keeps none. A browser that keeps them would
// prove nothing.
func TestCookies(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.SetCookie(w, &http.Cookie{Name: "kept", Value: "yes"})
		w.Header().Set("Content-Type", "text/html")
		_, _ = fmt.Fprintf(w, "<html><body><p>%s</p></body></html>", r.Header.Get("Cookie"))
	}))
	t.Cleanup(server.Close)
	for refused, want := range map[bool]string{false: "kept=yes", true: ""} {
		tab := browsertest.Start(t, browsertest.Options{NoCookies: refused}).Open(t, browsertest.Tab{})
		tab.Go(server.URL)
		tab.Go(server.URL)
		sent := browsertest.Evaluate[string](tab, "document.body.innerText")
		if sent != want {
			t.Errorf("refused %t: it sent %q, want %q", refused, sent, want)
		}
	}
}
