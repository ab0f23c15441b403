package redis

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/redis/rueidis"

	"github.com/caddy-itsme/caddy-itsme/store"
	"github.com/caddy-itsme/caddy-itsme/store/redis/internal/seal"
)

// Sealed counts what Redis holds that is sealed with one secret.
type Sealed struct {
	// Secret is the ID of the secret, which shows nothing of it.
	Secret string
	// First says that it is the one with which the store seals.
	First bool
	// Known says that the store has it. What is sealed with another one does not open.
	Known bool

	// Canary says that it sealed the canary.
	Canary bool
	// Documents are signing keys, and which keys were dropped or are in use.
	Documents int
	// Revocations are those that are not over, and some that are.
	Revocations int
	// Families are logins that may be refreshed. Each is sealed anew when it is used.
	Families int
	// Enrolled are logins in the lists of their users, which a revocation of a user ends.
	Enrolled int
	// Pending are sessions that end within minutes, and what was remembered for them.
	Pending int
}

// Total is how much there is.
func (s Sealed) Total() int {
	return s.Documents + s.Revocations + s.Families + s.Enrolled + s.Pending
}

// census counts by the ID of a secret.
type census struct {
	*connection
	found map[seal.ID]*Sealed
}

const (
	// scanCount is how many keys one SCAN looks at.
	scanCount = 1000
	// sealedHead is how much of a value is read to find the ID of its secret: a version and a flag come first.
	sealedHead = 20 + 3 + seal.HeadSize
)

// Secrets counts what Redis holds by the secret that sealed it: first that of the store's first secret, then
// that of its other one, then those of secrets that it does not have. It reads the names of all keys of the
// server, and of values no more than their beginnings and what else is sealed. It works with a store that is
// refused because of its secret, too.
func (s *Store) Secrets(ctx context.Context) ([]Sealed, error) {
	if err := s.ready(ctx); err != nil && s.client.Load() == nil {
		return nil, err
	}
	c := census{s.connection, make(map[seal.ID]*Sealed)}
	for _, id := range s.sealer.IDs() {
		c.of(id)
	}
	for _, node := range s.nodes() {
		if err := c.countNode(ctx, node); err != nil {
			return nil, err
		}
	}
	return c.sorted(), nil
}

func (c census) of(id seal.ID) *Sealed {
	if c.found[id] == nil {
		ids := c.sealer.IDs()
		c.found[id] = &Sealed{Secret: id.String(), First: id == ids[0], Known: slices.Contains(ids, id)}
	}
	return c.found[id]
}

func (c census) sorted() (all []Sealed) {
	for _, s := range c.found {
		all = append(all, *s)
	}
	rank := func(s Sealed) int {
		switch {
		case s.First:
			return 0
		case s.Known:
			return 1
		}
		return 2
	}
	slices.SortFunc(all, func(a, b Sealed) int { return cmp.Or(rank(a)-rank(b), cmp.Compare(a.Secret, b.Secret)) })
	return all
}

const counting = "counting what is sealed with which secret"

// countNode counts what a primary holds. A replica has the same as its primary.
func (c census) countNode(ctx context.Context, node rueidis.Client) error {
	role, err := c.query(ctx, node, node.B().Role().Build())
	if err != nil {
		return err
	}
	if fields, _ := role[0].ToArray(); len(fields) > 0 {
		if name, _ := fields[0].ToString(); name != "master" {
			return nil
		}
	}
	for cursor := uint64(0); ; {
		got, err := c.query(ctx, node, node.B().Scan().Cursor(cursor).Match(c.keys.pattern()).Count(scanCount).Build())
		if err != nil {
			return err
		}
		page, err := got[0].AsScanEntry()
		if err != nil {
			return c.unavailable(ctx, counting, errMalformed)
		}
		if err := c.countKeys(ctx, node, page.Elements); err != nil {
			return err
		}
		if cursor = page.Cursor; cursor == 0 {
			return nil
		}
	}
}

// query runs commands at one node. Keys that are somewhere else meanwhile have nothing to count.
func (c census) query(ctx context.Context, node rueidis.Client, commands ...rueidis.Completed) ([]rueidis.RedisMessage, error) {
	if c.closed.Load() {
		return nil, fmt.Errorf("%w: closed", store.ErrUnavailable)
	}
	if len(commands) == 0 {
		return nil, nil
	}
	limited, cancel := context.WithTimeout(ctx, c.config.Timeout)
	defer cancel()
	answers := make([]rueidis.RedisMessage, len(commands))
	for i, result := range node.DoMulti(limited, commands...) {
		answer, err := result.ToMessage()
		if err != nil && !rueidis.IsRedisNil(err) && !redirected(err) {
			return nil, c.unavailable(ctx, counting, err)
		}
		answers[i] = answer
	}
	return answers, nil
}

// part is one kind of keys.
type part struct {
	name  string // with which the key goes on after its hash tag
	words int    // that come before what is sealed, each with a space
	count func(*Sealed)
}

var (
	listPart    = part{"list", 0, func(s *Sealed) { s.Revocations++ }}
	subjectPart = part{"list", 2, listPart.count}
	loginsPart  = part{"logins:", 1, func(s *Sealed) { s.Enrolled++ }}

	sharedParts = []part{
		{"canary", 0, func(s *Sealed) { s.Canary = true }},
		{"keyring:", 1, func(s *Sealed) { s.Documents++ }},
	}
	shardParts = []part{
		{"family:", 1, func(s *Sealed) { s.Families++ }},
		loginsPart,
		{"record:", 2, func(s *Sealed) { s.Pending++ }},
		{"value:", 0, func(s *Sealed) { s.Pending++ }},
	}
)

// partOf finds the part of a key. Counters, indexes and names have nothing sealed, and the keys of another gateway,
// whose prefix may begin with this one's, are none.
func (k keys) partOf(key string) (p part, ok bool) {
	tag, rest, _ := strings.Cut(key, "}:")
	within, ours := strings.CutPrefix(tag, "{"+k.gateway)
	if !ours {
		return part{}, false
	}
	if class, revoked := strings.CutPrefix(within, ":revoked:"); revoked && !strings.Contains(class, ":") {
		if class == classes[subjects].name {
			return subjectPart, strings.HasSuffix(rest, ":"+subjectPart.name)
		}
		return listPart, rest == listPart.name
	}
	parts := shardParts
	switch len(within) {
	case 0:
		parts = sharedParts
	case len(":00"):
	default:
		return part{}, false
	}
	for _, p := range parts {
		if strings.HasPrefix(rest, p.name) {
			return p, true
		}
	}
	return part{}, false
}

// countKeys counts what keys hold.
func (c census) countKeys(ctx context.Context, node rueidis.Client, keys []string) error {
	var parts []part
	var commands []rueidis.Completed
	for _, key := range keys {
		p, ok := c.keys.partOf(key)
		switch {
		case !ok:
			continue
		case p.name == listPart.name:
			if err := c.countList(ctx, node, key, p); err != nil {
				return err
			}
			continue
		case p.name == loginsPart.name:
			commands = append(commands, node.B().Hvals().Key(key).Build())
		default:
			commands = append(commands, node.B().Getrange().Key(key).Start(0).End(sealedHead-1).Build())
		}
		parts = append(parts, p)
	}
	answers, err := c.query(ctx, node, commands...)
	if err != nil {
		return err
	}
	for i, p := range parts {
		if p.name == loginsPart.name {
			c.add(p, texts(answers[i])...)
		} else if text, err := answers[i].ToString(); err == nil {
			c.add(p, text)
		}
	}
	return nil
}

// countList counts the entries of a list. They have no beginning that could be read alone.
func (c census) countList(ctx context.Context, node rueidis.Client, key string, p part) error {
	for start := int64(0); ; start += scanCount {
		got, err := c.query(ctx, node, node.B().Lrange().Key(key).Start(start).Stop(start+scanCount-1).Build())
		if err != nil {
			return err
		}
		entries := texts(got[0])
		if c.add(p, entries...); len(entries) < scanCount {
			return nil
		}
	}
}

// texts returns the elements of an answer. A key of another type, or that is gone, has none.
func texts(answer rueidis.RedisMessage) []string {
	all, _ := answer.AsStrSlice()
	return all
}

// add counts sealed texts.
func (c census) add(p part, all ...string) {
	for _, text := range all {
		for range p.words {
			_, text, _ = strings.Cut(text, " ")
		}
		if id, ok := seal.IDOf(text); ok {
			p.count(c.of(id))
		}
	}
}
