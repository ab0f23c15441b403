package redis

import (
	"cmp"
	"errors"
	"log/slog"
	"slices"
	"strconv"
	"time"

	"github.com/caddy-itsme/caddy-itsme/pending"
)

const (
	// SyncInterval is how long after one look at the list of revocations the next
	// follows. Another replica knows of a revocation after that and a round trip.
	SyncInterval = 200 * time.Millisecond
	// MaxStaleness bounds how old the copy of the revocations may be to answer from.
	// A replica that cannot reach Redis refuses everything from then on.
	MaxStaleness = pending.MaxStaleness
)

const (
	// firstPause and longestPause are how long to wait after an attempt that failed:
	// the first time, and after many.
	firstPause, longestPause = 50 * time.Millisecond, time.Second
	// pageSize is how many revocations are read or written at once.
	pageSize = 200
)

// list is how far the list of revocations was read.
type list struct {
	epoch string // its name; empty when there is none
	last  string // the number of the last one; empty before the first
}

// keepUp connects, and then brings the copy of the revocations up to date, until the
// store is closed.
func (s *Store) keepUp() {
	watch := &watch{store: s}
	pause := firstPause
	for s.alive.Err() == nil {
		began, err := s.catchUp()
		if err != nil {
			s.pulse.fail(err)
			watch.note(err)
			s.wait(pause)
			pause = min(2*pause, longestPause)
			continue
		}
		s.pulse.succeed(began)
		watch.note(nil)
		s.wait(SyncInterval)
		pause = firstPause
	}
}

func (s *Store) wait(d time.Duration) {
	select {
	case <-time.After(d):
	case <-s.alive.Done():
	}
}

// catchUp reads what is new in the list. It returns when it asked for the last page:
// what was revoked by then is in the copy.
func (s *Store) catchUp() (began time.Time, err error) {
	if err := s.connect(); err != nil {
		return began, err
	}
	s.revoked.Sweep(s.config.Now())
	for {
		began = time.Now()
		page, err := s.readPage()
		if err != nil {
			return began, err
		}
		if s.another(page.epoch) {
			if err := s.writeBack(page.epoch); err != nil {
				return began, err
			}
			continue
		}
		if err := s.take(page); err != nil {
			return began, err
		}
		if len(page.entries) < pageSize {
			return began, nil
		}
	}
}

// another tells whether the list in Redis is not the one that was read so far, or is
// gone before it was read again after a revocation of our own.
func (s *Store) another(epoch string) bool {
	return epoch != s.list.epoch || epoch == "" && s.revoked.Len() > 0
}

// writeBack begins with another list. It is a new one when the server lost its data,
// and then lacks what the replicas know.
func (s *Store) writeBack(epoch string) error {
	for known := range slices.Chunk(slices.Collect(s.revoked.All()), pageSize) {
		at, err := s.publish(s.alive, known)
		if err != nil {
			return err
		}
		epoch = at.epoch
	}
	s.list = list{epoch: epoch}
	s.read.Store(&list{epoch: epoch})
	return nil
}

// entry is one revocation as it is in Redis, in the order of revoked.lua's answer.
type entry struct{ name, number, sealed string }

// page is a part of the list.
type page struct {
	epoch   string
	entries []entry
}

func (s *Store) readPage() (page, error) {
	const doing = "reading revocations"
	got, err := s.try(s.alive, doing, eval(s.scripts.revoked, s.keys.revoked,
		cmp.Or(s.list.last, "0"), strconv.Itoa(pageSize)))
	if err != nil {
		return page{}, err
	}
	fields, err := got.AsStrSlice()
	if err != nil || len(fields)%3 != 1 {
		return page{}, s.unavailable(s.alive, doing, errMalformed)
	}
	p := page{epoch: fields[0]}
	for e := range slices.Chunk(fields[1:], 3) {
		p.entries = append(p.entries, entry{name: e[0], number: e[1], sealed: e[2]})
	}
	return p, nil
}

// take adds a page to the copy. One revocation that does not open fails it: whom it
// refuses, nobody knows.
func (s *Store) take(p page) error {
	for _, e := range p.entries {
		at := list{epoch: p.epoch, last: e.number}
		v, err := s.openRevocation(e.name, e.sealed)
		if err == nil {
			err = s.revoked.Add(v, at.mark(), s.config.Now())
		}
		if err != nil {
			return s.unavailable(s.alive, "reading revocations", err)
		}
		s.list = at
	}
	s.read.Store(&list{s.list.epoch, s.list.last})
	return nil
}

// watch tells the operator how the store fares, once for each change.
type watch struct {
	store *Store
	last  error
	asked bool
}

// note notes how an attempt ended.
func (w *watch) note(err error) {
	log, prefix := w.store.config.Logger, slog.String("prefix", w.store.config.Prefix)
	switch {
	case w.store.alive.Err() != nil:
	case err == nil && !w.asked:
		w.asked = true
		log.Info("Redis keeps pending sessions", prefix)
		w.store.tasks.Go(w.store.reportFindings)
	case err == nil && w.last != nil:
		log.Info("Redis is back", prefix)
	case errors.Is(err, ErrUnreadable) && !errors.Is(w.last, ErrUnreadable):
		log.Error("everything is refused: Redis holds what this gateway cannot open", prefix, slog.String("error", err.Error()))
	case err != nil && w.last == nil:
		log.Warn("Redis cannot be reached; what needs it is refused until it is", prefix, slog.String("error", err.Error()))
	}
	w.last = err
}
