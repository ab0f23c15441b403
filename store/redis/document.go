package redis

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/redis/rueidis"

	"github.com/caddy-itsme/caddy-itsme/store"
)

const (
	// documentLife is how long a document stays after its last change. Keys change once a year at
	// least, and the last token of one lives for a month: what is left then is of no use.
	documentLife = 400 * 24 * time.Hour
	// maxDocument bounds a document, in bytes.
	maxDocument = 256 << 10
	// updateAttempts bounds how often a change is tried again because another replica was faster.
	updateAttempts = 20
)

// Documents keep small documents that all replicas share, sealed: the gateway's signing keys, and
// what there is to know of them. It is the storage of package keyring in Redis.
type Documents struct{ conn *connection }

// Where names a document to an operator.
func (d Documents) Where(name string) string {
	return "the " + name + " of the signing keys in Redis, under " + d.conn.keys.document(name)
}

// Read returns a document, and nil where there is none. It returns [store.ErrUnavailable] while Redis
// is unavailable, and with it [ErrUnreadable] where the document does not open.
func (d Documents) Read(ctx context.Context, name string) ([]byte, error) {
	document, _, err := d.read(ctx, name)
	return document, err
}

// Update replaces a document by what change makes of it. Where another replica was faster, change is
// called again. An error of change, nil, or the same bytes leave the document as it is. It returns
// [store.ErrUnconfirmed] when the document was replaced and a standby has not confirmed it in time; the
// same change asked for again is written again.
func (d Documents) Update(ctx context.Context, name string, change func(held []byte) ([]byte, error)) error {
	for range updateAttempts {
		held, version, err := d.read(ctx, name)
		if err != nil {
			return err
		}
		next, err := change(held)
		_, unconfirmed := d.conn.unconfirmed.Load(name)
		if err != nil || next == nil || bytes.Equal(next, held) && !unconfirmed {
			return err
		}
		if err = d.replace(ctx, name, version, next); !errors.Is(err, store.ErrConflict) {
			return err
		}
	}
	return fmt.Errorf("changing %s: %w: other replicas change it all the time", d.Where(name), store.ErrUnavailable)
}

func (d Documents) read(ctx context.Context, name string) (document []byte, version uint64, err error) {
	c, doing := d.conn, "reading "+d.Where(name)
	got, err := c.call(ctx, doing, command{name: "GET", run: func(ctx context.Context, client rueidis.Client) rueidis.RedisResult {
		return client.Do(ctx, client.B().Get().Key(c.keys.document(name)).Build())
	}})
	if err != nil || got.IsNil() {
		return nil, 0, err
	}
	held, err := got.ToString()
	if err != nil {
		return nil, 0, c.unavailable(ctx, doing, err)
	}
	number, sealed, _ := strings.Cut(held, " ")
	if version, err = strconv.ParseUint(number, 10, 64); err != nil || len(sealed) > maxDocument {
		return nil, 0, c.unavailable(ctx, doing, ErrUnreadable)
	}
	document, err = c.sealer.open(d.place(name, version), sealed)
	return document, version, c.unavailable(ctx, doing, err)
}

func (d Documents) replace(ctx context.Context, name string, version uint64, document []byte) error {
	c, next := d.conn, version+1
	held := strconv.FormatUint(next, 10) + " " + c.sealer.seal(d.place(name, next), document)
	err := c.settleConfirmed(ctx, "writing "+d.Where(name), eval(c.scripts.document, []string{c.keys.document(name)},
		strconv.FormatUint(version, 10), held, strconv.FormatInt(documentLife.Milliseconds(), 10)))
	switch {
	case isUnconfirmed(err):
		c.unconfirmed.Store(name, true)
	case err == nil:
		c.unconfirmed.Delete(name)
	}
	return err
}

func (d Documents) place(name string, version uint64) place {
	return place{key: d.conn.keys.document(name), version: version}
}
