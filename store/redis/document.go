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
// called again. An error of change, or nil, does nothing. The same bytes leave the document as it is: an
// earlier call made the change, perhaps in another process. It returns [store.ErrUnconfirmed] when a standby
// has not confirmed the document in time.
func (d Documents) Update(ctx context.Context, name string, change func(held []byte) ([]byte, error)) error {
	for range updateAttempts {
		held, err := d.read(ctx, name)
		if err != nil {
			return err
		}
		next, err := change(held.document)
		if err != nil || next == nil {
			return err
		}
		if bytes.Equal(next, held.document) {
			err = d.settle(ctx, name, held.version, "")
		} else {
			err = d.replace(ctx, name, held.version, next)
		}
		if !errors.Is(err, store.ErrConflict) {
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
	got, err := c.call(ctx, doing, plain("GET", func(b rueidis.Builder) rueidis.Completed { return b.Get().Key(c.keys.document(name)).Build() }))
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
	next := version + 1
	return d.settle(ctx, name, version, strconv.FormatUint(next, 10)+" "+d.conn.sealer.Seal(d.place(name, next), document))
}

// settle puts a document in the place of the one of that version, or leaves it as it is where next is empty. It
// waits for standbys.
func (d Documents) settle(ctx context.Context, name string, version uint64, next string) error {
	c := d.conn
	return c.settleConfirmed(ctx, "writing "+d.Where(name), eval(c.scripts.document, []string{c.keys.document(name)},
		strconv.FormatUint(version, 10), next, strconv.FormatInt(documentLife.Milliseconds(), 10)))
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
