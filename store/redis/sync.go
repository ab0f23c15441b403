package redis

import (
	"cmp"
	"errors"
	"log/slog"
	"slices"
	"strconv"
	"time"
)

// syncInterval is how long after one look at the list of revocations the next
// follows. Another replica knows of a revocation after that and a round trip.
const syncInterval = 200 * time.Millisecond

const (
	// firstPause and longestPause are how long to wait after an attempt that failed:
	// the first time, and after many.
	firstPause, longestPause = 50 * time.Millisecond, time.Second
	// pageSize is how many revocations are read or written at once.
	pageSize = 200
)

// position is how far the list of revocations was read.
type position struct {
	epoch string // the list's name; empty when there is none
	last  string // the number of the last one; empty before the first
}

// syncUntilClosed connects, and then brings the copy of the revocations up to date, until the
// store is closed.
func (r *revocations) syncUntilClosed() {
	watch := &watch{revocations: r}
	pause := firstPause
	for r.alive.Err() == nil {
		began, err := r.sync()
		if err != nil {
			r.freshness.fail(err)
			watch.note(err)
			r.wait(pause)
			pause = min(2*pause, longestPause)
			continue
		}
		r.freshness.succeed(began)
		watch.note(nil)
		r.wait(syncInterval)
		pause = firstPause
	}
}

func (r *revocations) wait(d time.Duration) {
	select {
	case <-time.After(d):
	case <-r.alive.Done():
	}
}

// sync reads what is new in the list. It returns when it asked for the last page:
// what was revoked by then is in the copy.
func (r *revocations) sync() (began time.Time, err error) {
	if err := r.connect(); err != nil {
		return began, err
	}
	r.known.Sweep(r.config.Now())
	for {
		began = time.Now()
		page, err := r.readPage()
		if err != nil {
			return began, err
		}
		if r.another(page.epoch) {
			if err := r.writeBack(page.epoch); err != nil {
				return began, err
			}
			continue
		}
		if err := r.take(page); err != nil {
			return began, err
		}
		if len(page.entries) < pageSize {
			return began, nil
		}
	}
}

// another reports whether the list in Redis is not the one that was read so far, or is
// gone before it was read again after a revocation of our own.
func (r *revocations) another(epoch string) bool {
	return epoch != r.list.epoch || epoch == "" && r.known.Len() > 0
}

// writeBack begins with another list. It is a new one when the server lost its data,
// and then lacks what the replicas know.
func (r *revocations) writeBack(epoch string) error {
	for known := range slices.Chunk(slices.Collect(r.known.All()), pageSize) {
		at, err := r.publish(r.alive, known)
		if err != nil {
			return err
		}
		epoch = at.epoch
	}
	r.list = position{epoch: epoch}
	r.read.Store(&position{epoch: epoch})
	return nil
}

// entry is one revocation as it is in Redis, in the order of revoked.lua's answer.
type entry struct{ name, number, sealed string }

// page is a part of the list.
type page struct {
	epoch   string
	entries []entry
}

func (r *revocations) readPage() (page, error) {
	const doing = "reading revocations"
	got, err := r.tryPrimary(r.alive, doing, eval(r.scripts.revoked, r.keys.revoked,
		cmp.Or(r.list.last, "0"), strconv.Itoa(pageSize)))
	if err != nil {
		return page{}, err
	}
	fields, err := got.AsStrSlice()
	if err != nil || len(fields)%3 != 1 {
		return page{}, r.unavailable(r.alive, doing, errMalformed)
	}
	p := page{epoch: fields[0]}
	for e := range slices.Chunk(fields[1:], 3) {
		p.entries = append(p.entries, entry{name: e[0], number: e[1], sealed: e[2]})
	}
	return p, nil
}

// take adds a page to the copy. One revocation that does not open fails it: which token it
// refuses is unknown.
func (r *revocations) take(p page) error {
	for _, e := range p.entries {
		at := position{epoch: p.epoch, last: e.number}
		v, err := r.openRevocation(e.name, e.sealed)
		if err == nil {
			err = r.known.Add(v, at.mark(), r.config.Now())
		}
		if err != nil {
			return r.unavailable(r.alive, "reading revocations", err)
		}
		r.list = at
	}
	r.read.Store(&position{r.list.epoch, r.list.last})
	return nil
}

// watch logs that Redis became available or unavailable, once for each change.
type watch struct {
	revocations *revocations
	last        error
	asked       bool
}

// note notes how an attempt ended.
func (w *watch) note(err error) {
	log, prefix := w.revocations.config.Logger, slog.String("prefix", w.revocations.config.Prefix)
	switch {
	case w.revocations.alive.Err() != nil:
	case err == nil && !w.asked:
		w.asked = true
		log.Info("Redis keeps pending sessions", prefix)
		w.revocations.tasks.Go(w.revocations.logFindings)
	case err == nil && w.last != nil:
		log.Info("Redis is back", prefix)
	case errors.Is(err, ErrUnreadable) && !errors.Is(w.last, ErrUnreadable):
		log.Error("everything is refused: Redis holds what this gateway cannot open", prefix, slog.String("error", err.Error()))
	case err != nil && w.last == nil && !refused(err): // a refusal is logged with its cause
		log.Warn("Redis cannot be reached; what needs it is refused until it is", prefix, slog.String("error", err.Error()))
	}
	w.last = err
}
