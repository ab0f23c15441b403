package doctor

import (
	"net/http"
	"testing"
	"time"

	"github.com/caddy-itsme/caddy-itsme/signicat"
)

// dated answers with a Date, in no time.
type dated http.Header

func (d dated) RoundTrip(r *http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: http.StatusNoContent, Header: http.Header(d), Body: http.NoBody, Request: r}, nil
}

// now is when the tests happen.
var now = time.Date(2026, 3, 19, 8, 36, 6, 0, time.UTC)

func TestClockIsComparedWithSignicats(t *testing.T) {
	t.Parallel()
	ahead := func(by time.Duration) dated {
		return dated{"Date": {now.Add(by).Format(http.TimeFormat)}}
	}
	for _, row := range []struct {
		name    string
		answer  dated
		want    Name
		message string
	}{
		{"the same time", ahead(0), clockRight, ""},
		{"a little behind", ahead(29 * time.Second), clockRight, ""},
		{"half a minute behind", ahead(35 * time.Second), clockOff, "this machine's clock is 36s behind Signicat's; clocks of two machines may differ by 1m0s"},
		{"half a minute ahead", ahead(-35 * time.Second), clockOff, "this machine's clock is 35s ahead of Signicat's; clocks of two machines may differ by 1m0s"},
		{"a minute ahead", ahead(-65 * time.Second), clockWrong, "this machine's clock is 1m5s ahead of Signicat's"},
		{"no Date", dated{}, clockUnknown, ""},
		{"a Date that is none", dated{"Date": {"yesterday"}}, clockUnknown, ""},
		{"an answer of a cache", dated{"Date": ahead(-time.Hour)["Date"], "Age": {"3600"}}, clockUnknown, ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			watch := &clockWatch{transport: row.answer, now: func() time.Time { return now }}
			r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, signicat.DefaultAPIURL, nil)
			if err != nil {
				t.Fatal(err)
			}
			response, err := watch.RoundTrip(r)
			if err != nil {
				t.Fatal(err)
			}
			_ = response.Body.Close()
			if got := watch.finding(); got.Name != row.want || row.message != "" && got.Message != row.message {
				t.Errorf("got %+v, want %s: %s", got, row.want, row.message)
			}
		})
	}
}
