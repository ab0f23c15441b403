package doctor

import (
	"maps"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/caddy-itsme/caddy-itsme/gateway"
	"github.com/caddy-itsme/caddy-itsme/signicat"
)

// now is when the tests happen.
var now = time.Date(2026, 3, 19, 8, 36, 6, 0, time.UTC)

func TestClockIsComparedWithSignicats(t *testing.T) {
	t.Parallel()
	ahead := func(by time.Duration) http.Header {
		return http.Header{"Date": {now.Add(by).Format(http.TimeFormat)}}
	}
	for _, row := range []struct {
		name    string
		answer  http.Header
		want    Name
		message string
	}{
		{"the same time", ahead(0), clockRight, ""},
		{"a little behind", ahead(29 * time.Second), clockRight, ""},
		{"half a minute behind", ahead(35 * time.Second), clockOff, "this machine's clock is 36s behind Signicat's; clocks of two machines may differ by 1m0s"},
		{"half a minute ahead", ahead(-35 * time.Second), clockOff, "this machine's clock is 35s ahead of Signicat's; clocks of two machines may differ by 1m0s"},
		{"a minute ahead", ahead(-65 * time.Second), clockWrong, "this machine's clock is 1m5s ahead of Signicat's"},
		{"no Date", http.Header{"Date": nil}, clockUnknown, ""},
		{"a Date that is none", http.Header{"Date": {"yesterday"}}, clockUnknown, ""},
		{"an answer of a cache", http.Header{"Date": ahead(-time.Hour)["Date"], "Age": {"3600"}}, clockUnknown, ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				maps.Copy(w.Header(), row.answer)
				w.Header().Set("Content-Type", "application/json")
				w.WriteHeader(http.StatusUnauthorized)
				_, _ = w.Write([]byte(`{"error":"invalid_client"}`))
			}))
			t.Cleanup(server.Close)
			d := &doctor{fetch: newFetcher(nil), now: func() time.Time { return now }}
			g := &Gateway{Config: gateway.Config{Signicat: signicat.Config{ClientID: "id", ClientSecret: "secret", APIURL: server.URL}}}
			all := d.checkSignicat(t.Context(), g)
			if got := all[len(all)-1]; got.Name != row.want || row.message != "" && got.Message != row.message {
				t.Errorf("got %+v, want %s: %s", got, row.want, row.message)
			}
		})
	}
}
