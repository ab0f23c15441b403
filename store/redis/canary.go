package redis

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"strconv"

	"github.com/caddy-itsme/caddy-itsme/store/redis/internal/seal"
)

// maxCanary bounds the canary, in bytes.
const maxCanary = 1 << 10

// canary is a sealed value in Redis by which a replica finds out whether it has the secret and the prefix of
// the others. It belongs to syncUntilClosed.
//
// It holds the key of names, too: they stay when the secret changes, so that replicas with the two secrets in
// either order find the same values and count in the same counters.
type canary struct {
	*connection
	resealer *resealer

	held    string // the one that this replica opened last; empty before
	good    bool   // this replica answers by it
	strange string // the one that does not open, after this replica has opened one
	settled bool   // the secret that seals was this replica's first one, or it made it so
}

// canaryDocument is what is sealed.
type canaryDocument struct {
	Names []byte `json:"names"` // the key of names
}

func (k keys) canary() string { return k.prefix + "canary" }

func (c *canary) place() seal.Place { return seal.Place{Key: c.keys.canary()} }

// check looks at what Redis has for a canary. A replica that never opened one refuses to use a store
// whose canary does not open. One that did goes on: the store lost its data, and a replica with another secret
// came first.
func (c *canary) check(text string) error {
	if text == "" || text == c.held {
		c.noteStrange("")
		return nil
	}
	names, err := c.open(text)
	switch {
	case err == nil:
	case c.good:
		c.noteStrange(text)
		return nil
	default:
		return err
	}
	c.noteStrange("")
	c.sealer.UseNames(names)
	c.held = text
	c.resealer.use(c.sealer.Current(text))
	return nil
}

func (c *canary) open(text string) (names []byte, err error) {
	var document canaryDocument
	if len(text) <= maxCanary {
		var data []byte
		if data, err = c.sealer.Open(c.place(), text); err == nil {
			err = json.Unmarshal(data, &document)
		}
	}
	if err != nil || len(document.Names) != seal.NameKeySize {
		return nil, c.sealer.Unreadable("the canary", text)
	}
	return document.Names, nil
}

// noteStrange logs that another replica put up a canary which does not open, once for each, and its end.
func (c *canary) noteStrange(text string) {
	if text == c.strange {
		return
	}
	if c.strange = text; text == "" {
		c.config.Logger.Info("the canary in Redis is that of this gateway again", slog.String("prefix", c.config.Prefix))
		return
	}
	c.config.Logger.Error("the canary in Redis does not open any more: a replica has another secret, or another gateway has this prefix; this replica goes on",
		slog.String("prefix", c.config.Prefix), slog.String("error", c.sealer.Unreadable("the canary", text).Error()))
}

// tend puts the canary up where there is none: the one that this replica held, or a new one. A replica
// that finds it sealed with its other secret when it starts seals it anew with the first one, once: of two
// replicas with the secrets in different orders, the one that started last decides. A store that takes no
// writes has to do without.
func (c *canary) tend(text string) error {
	own := c.sealer.Current(text)
	c.settled = c.settled || own
	var next string
	switch {
	case !c.tends.Load(), c.strange != "", text != "" && c.settled:
		return nil
	case text == "" && c.held != "":
		next = c.held
	default:
		data, err := json.Marshal(canaryDocument{Names: c.sealer.Names()})
		if err != nil {
			return fmt.Errorf("making canary: %w", err)
		}
		next = c.sealer.Seal(c.place(), data)
	}
	got, err := c.try(c.alive, "putting up the canary", eval(c.scripts.canary, []string{c.keys.canary()},
		text, next, strconv.FormatInt(documentLife.Milliseconds(), 10)))
	if refused(err) {
		return nil
	}
	if err != nil {
		return err
	}
	there, err := got.ToString()
	if err != nil {
		return c.unavailable(c.alive, "putting up the canary", errMalformed)
	}
	c.settled = c.settled || there == next
	return c.unavailable(c.alive, "reading the canary", c.check(there))
}
