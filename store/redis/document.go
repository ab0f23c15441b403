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
	"github.com/caddy-itsme/caddy-itsme/store/redis/internal/seal"
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

// DocumentNames are those that a gateway has. A replica that cannot open one of them is not ready.
func DocumentNames() []string { return []string{"keys", "dropped", "known"} }

// Where names a document to an operator.
func (d Documents) Where(name string) string {
	return "the " + name + " of the signing keys in Redis, under " + d.conn.keys.document(name)
}

// Read returns a document, and nil where there is none. It returns [store.ErrUnavailable] while Redis
// is unavailable, and with it [ErrUnreadable] where the document does not open.
func (d Documents) Read(ctx context.Context, name string) ([]byte, error) {
	held, err := d.read(ctx, name)
	return held.document, err
}

// Update replaces a document by what change makes of it. Where another replica was faster, change is
// called again. An error of change, nil, or the same bytes leave the document as it is. It returns
// [store.ErrUnconfirmed] when the document was replaced and a standby has not confirmed it in time; the
// same change asked for again is written again.
func (d Documents) Update(ctx context.Context, name string, change func(held []byte) ([]byte, error)) error {
	for range updateAttempts {
		held, err := d.read(ctx, name)
		if err != nil {
			return err
		}
		next, err := change(held.document)
		_, unconfirmed := d.conn.unconfirmed.Load(name)
		if err != nil || next == nil || bytes.Equal(next, held.document) && !unconfirmed {
			return err
		}
		if err = d.replace(ctx, name, held.version, next); !errors.Is(err, store.ErrConflict) {
			return err
		}
	}
	return fmt.Errorf("changing %s: %w: other replicas change it all the time", d.Where(name), store.ErrUnavailable)
}

// heldDocument is a document as Redis has it: "version sealed".
type heldDocument struct {
	document []byte // nil where there is none
	version  uint64
	current  bool // there is nothing to seal anew
}

func (d Documents) read(ctx context.Context, name string) (heldDocument, error) {
	c, doing := d.conn, "reading "+d.Where(name)
	got, err := c.call(ctx, doing, command{name: "GET", run: func(ctx context.Context, client rueidis.Client) rueidis.RedisResult {
		return client.Do(ctx, client.B().Get().Key(c.keys.document(name)).Build())
	}})
	if err != nil || got.IsNil() {
		return heldDocument{current: true}, err
	}
	text, err := got.ToString()
	if err != nil {
		return heldDocument{}, c.unavailable(ctx, doing, err)
	}
	number, sealed, _ := strings.Cut(text, " ")
	version, err := strconv.ParseUint(number, 10, 64)
	if err != nil || len(sealed) > maxDocument {
		return heldDocument{}, c.unavailable(ctx, doing, ErrUnreadable)
	}
	document, err := c.sealer.Open(d.place(name, version), sealed)
	return heldDocument{document, version, c.sealer.Current(sealed)}, c.unavailable(ctx, doing, err)
}

func (d Documents) replace(ctx context.Context, name string, version uint64, document []byte) error {
	c, next := d.conn, version+1
	held := strconv.FormatUint(next, 10) + " " + c.sealer.Seal(d.place(name, next), document)
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

func (d Documents) place(name string, version uint64) seal.Place {
	return seal.Place{Key: d.conn.keys.document(name), Version: version}
}

// headSize is how much of a document is read to know its secret: the version, and the sealed value's head.
const headSize = 20 + 1 + seal.HeadSize

// heads are the commands that read the beginnings of the documents.
func (d Documents) heads(b rueidis.Builder) (commands []rueidis.Completed) {
	for _, name := range DocumentNames() {
		commands = append(commands, b.Getrange().Key(d.conn.keys.document(name)).Start(0).End(headSize-1).Build())
	}
	return commands
}

// check reads what heads answered. A replica that cannot open the signing keys, or which
// were dropped, must not answer.
func (d Documents) check(answers []rueidis.RedisMessage) error {
	for i, name := range DocumentNames() {
		head, err := answers[i].ToString()
		if err != nil {
			return errMalformed
		}
		if _, sealed, found := strings.Cut(head, " "); found && !d.conn.sealer.Knows(sealed) {
			return d.conn.sealer.Unreadable(d.Where(name), sealed)
		}
	}
	return nil
}
