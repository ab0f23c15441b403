package rawhttptest

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"strconv"
	"syscall"
	"testing"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// H2 is an HTTP/2 connection without TLS or upgrade, by prior knowledge (RFC 9113 section 3.3). Its methods
// fail the test on errors.
type H2 struct {
	t      testing.TB
	conn   *Conn
	framer *http2.Framer
	next   uint32
}

// Field is a header or trailer field, or a pseudo-header such as :method.
type Field struct{ Name, Value string }

// H2Request is a request as a list of fields. H2 adds, checks and orders nothing.
type H2Request struct {
	Fields   []Field
	Body     string
	Trailers []Field
}

// DialH2 connects to a server. The connection ends with the test.
func DialH2(t testing.TB, addr string) *H2 {
	t.Helper()
	c := &H2{t: t, conn: Dial(t, addr), next: 1}
	c.conn.Send(http2.ClientPreface)
	c.framer = http2.NewFramer(c.conn.conn, c.conn.in)
	c.framer.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	c.must(c.framer.WriteSettings())
	return c
}

// Do sends a request and reads its answer.
func (c *H2) Do(r H2Request) Answer {
	c.t.Helper()
	id := c.next
	c.next += 2
	c.must(c.framer.WriteHeaders(http2.HeadersFrameParam{
		StreamID:      id,
		BlockFragment: c.encode(r.Fields),
		EndStream:     r.Body == "" && len(r.Trailers) == 0,
		EndHeaders:    true,
	}))
	if r.Body != "" {
		c.must(c.framer.WriteData(id, len(r.Trailers) == 0, []byte(r.Body)))
	}
	if len(r.Trailers) > 0 {
		c.must(c.framer.WriteHeaders(http2.HeadersFrameParam{
			StreamID: id, BlockFragment: c.encode(r.Trailers), EndStream: true, EndHeaders: true,
		}))
	}
	return c.answer(id)
}

func (c *H2) must(err error) {
	c.t.Helper()
	if err != nil {
		c.t.Fatalf("HTTP/2: %v", err)
	}
}

// encode encodes fields with a new table each time, and refers to none of its entries.
func (c *H2) encode(fields []Field) []byte {
	c.t.Helper()
	var block bytes.Buffer
	encoder := hpack.NewEncoder(&block)
	for _, f := range fields {
		c.must(encoder.WriteField(hpack.HeaderField{Name: f.Name, Value: f.Value, Sensitive: true}))
	}
	return block.Bytes()
}

// answer reads frames until the stream has ended.
func (c *H2) answer(id uint32) Answer {
	c.t.Helper()
	a := Answer{Header: http.Header{}}
	for {
		frame, err := c.framer.ReadFrame()
		if err == io.EOF || errors.Is(err, syscall.ECONNRESET) {
			return Answer{}
		}
		c.must(err)
		switch f := frame.(type) {
		case *http2.SettingsFrame:
			if !f.IsAck() {
				_ = c.framer.WriteSettingsAck() // the next read finds a connection that the server ended
			}
		case *http2.GoAwayFrame:
			return Answer{}
		case *http2.RSTStreamFrame:
			if f.StreamID == id {
				return Answer{}
			}
		case *http2.MetaHeadersFrame:
			a.take(f)
		case *http2.DataFrame:
			a.Body += string(f.Data())
		}
		if frame.Header().StreamID == id && frame.Header().Flags.Has(http2.FlagDataEndStream) {
			return a
		}
	}
}

func (a *Answer) take(f *http2.MetaHeadersFrame) {
	for _, field := range f.Fields {
		if field.Name == ":status" {
			a.Status, _ = strconv.Atoi(field.Value) // 0 for a malformed status
			continue
		}
		a.Header.Add(field.Name, field.Value)
	}
}
