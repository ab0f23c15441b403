package signicat

import (
	"errors"
	"net/http"
	"time"
)

// observeClock compares this machine's clock with the Date of an answer to a request that was sent at
// asked. An answer from a cache has an Age: its Date is old. A server in Signicat's place has a clock of
// its own.
func (c *Client) observeClock(asked time.Time, response *http.Response, err error) {
	if response == nil || response.Header.Get("Age") != "" || errors.Is(err, ErrNotSignicat) {
		return
	}
	date, bad := http.ParseTime(response.Header.Get("Date"))
	if bad != nil {
		return
	}
	// Date is cut to a second (RFC 9110 section 6.6.1). Half of the way is as good a guess as any.
	answered := c.config.Now()
	here := asked.Add(answered.Sub(asked) / 2)
	c.config.ObserveClock(here.Sub(date.Add(time.Second / 2)))
}
