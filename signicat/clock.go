package signicat

import (
	"errors"
	"net/http"
	"time"
)

// observeClock compares this machine's clock with the Date of an answer to a request that was sent at
// asked. It ignores an answer from a cache, whose Date is old (it has an Age), and one of another server
// than Signicat.
func (c *Client) observeClock(asked time.Time, response *http.Response, err error) {
	if response == nil || response.Header.Get("Age") != "" || errors.Is(err, ErrNotSignicat) {
		return
	}
	date, bad := http.ParseTime(response.Header.Get("Date"))
	if bad != nil {
		return
	}
	// Date is cut to a second (RFC 9110 section 6.6.1): take the middle of the call and of the second.
	answered := c.config.Now()
	here := asked.Add(answered.Sub(asked) / 2)
	c.config.ObserveClock(here.Sub(date.Add(time.Second / 2)))
}
