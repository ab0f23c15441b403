package redis

import (
	"errors"
	"slices"
	"strconv"
	"time"

	"github.com/redis/rueidis"

	"github.com/caddy-itsme/caddy-itsme/store"
)

// syncInterval is how long after one look at the revocations the next follows. Another replica knows of
// a revocation after that and a round trip.
const syncInterval = 200 * time.Millisecond

const (
	// lookSize is how many revocations one look reads of each list, and pageSize how many it reads
	// altogether of those that have more.
	lookSize, pageSize = 100, 8000

	readingRevocations = "reading revocations"
)

// syncUntilClosed connects, and then brings the copy of the revocations up to date, until the
// store is closed.
func (r *revocations) syncUntilClosed() {
	watch := &watch{revocations: r}
	defer r.stopPass()
	var failures redial
	for r.alive.Err() == nil {
		began, err := r.sync()
		if err != nil {
			r.freshness.fail(err)
			watch.note(err)
			if !errors.Is(err, ErrUnreadable) { // else the primary answered
				r.findPrimary()
			}
			r.wait(failures.pause())
			continue
		}
		underWay := r.restore()
		if !r.waitsForOthers() {
			r.freshness.succeed(began)
			watch.note(nil)
		}
		failures = 0
		next := syncInterval
		if underWay {
			next = restorePace
		}
		r.wait(next - time.Since(began))
	}
}

func (r *revocations) wait(d time.Duration) {
	select {
	case <-time.After(d):
	case <-r.alive.Done():
	}
}

// waitsForOthers reports whether this replica starts while others write revocations back. It does not
// know those, and must not answer until Redis has them.
func (r *revocations) waitsForOthers() bool {
	r.answered = r.answered || !r.restoring
	return !r.answered
}

// sync reads what is new in every list. What was revoked by the time that it returns is in the copy.
func (r *revocations) sync() (began time.Time, err error) {
	if err := r.connect(); err != nil {
		return began, err
	}
	now := r.config.Now()
	r.known.Sweep(now)
	lists := r.live(now)
	began = time.Now()
	first, behind, err := r.look(lists, lookSize)
	if err == nil {
		err = r.catchUp(behind)
	}
	if err == nil {
		err = r.canary.tend(first.canary)
	}
	if err != nil {
		return began, r.unavailable(r.alive, readingRevocations, err)
	}
	r.canary.good = r.canary.held != ""
	r.identified.Store(true)
	r.marked.Store(&first.mark)
	r.restoring = first.restoring
	r.lost = r.unseen.look(began)
	return began, nil
}

// catchUp reads lists to the end that they have now. Others may make them longer meanwhile.
func (r *revocations) catchUp(behind []*list) error {
	if len(behind) == 0 {
		return nil
	}
	lengths, err := r.tryAll(r.alive, readingRevocations, func(b rueidis.Builder) (commands []rueidis.Completed) {
		for _, l := range behind {
			commands = append(commands, b.Llen().Key(l.keys.list).Build())
		}
		return commands
	})
	if err != nil {
		return err
	}
	ends := make(map[*list]int64, len(behind))
	for i, l := range behind {
		if ends[l], err = lengths[i].ToInt64(); err != nil {
			return errMalformed
		}
	}
	for err == nil && len(behind) > 0 {
		_, behind, err = r.look(behind, max(pageSize/int64(len(behind)), lookSize))
		behind = slices.DeleteFunc(behind, func(l *list) bool { return l.count > 0 && l.count >= ends[l] })
	}
	return err
}

// head is what a look reads before the lists. So these have everything up to the mark.
type head struct {
	mark      store.Mark // the last place in the order of the subjects' revocations
	restoring bool       // a replica writes revocations back
	canary    string     // empty without one
}

// look reads what is new in lists, up to size of each, in one round trip. It returns the lists that
// have more.
func (r *revocations) look(lists []*list, size int64) (first head, behind []*list, err error) {
	answers, err := r.tryAll(r.alive, readingRevocations, func(b rueidis.Builder) []rueidis.Completed {
		commands := r.heads(b)
		for _, l := range lists {
			commands = append(commands, b.Lrange().Key(l.keys.list).Start(l.next()).Stop(l.next()+size).Build())
		}
		return commands
	})
	if err != nil {
		return head{}, nil, err
	}
	first, answers, err = r.readHead(answers)
	if err != nil {
		return head{}, nil, err
	}
	now := r.config.Now()
	for i, l := range lists {
		answer, err := answers[i].AsStrSlice()
		if err != nil {
			return head{}, nil, errMalformed
		}
		news, same := l.news(answer)
		if !same || int64(len(answer)) > size {
			behind = append(behind, l)
		}
		if err := r.takeAll(l, news, now); err != nil {
			return head{}, nil, err
		}
	}
	return first, behind, nil
}

// heads are the commands that read the head. A replica that has not answered yet looks at the documents, too.
func (r *revocations) heads(b rueidis.Builder) []rueidis.Completed {
	commands := []rueidis.Completed{
		b.Hmget().Key(r.keys.segment(subjects<<classShift).order).Field("epoch", "number").Build(),
		b.Get().Key(r.keys.restoring()).Build(),
		b.Getrange().Key(r.keys.canary()).Start(0).End(maxCanary).Build(), // one byte more than it may have
	}
	if !r.canary.good {
		commands = append(commands, Documents{r.connection}.heads(b)...)
	}
	return commands
}

// readHead reads what heads answered, and returns the other answers.
func (r *revocations) readHead(answers []rueidis.RedisMessage) (first head, others []rueidis.RedisMessage, err error) {
	first.restoring = !answers[1].IsNil()
	if first.canary, err = answers[2].ToString(); err != nil {
		return head{}, nil, errMalformed
	}
	if err := r.canary.check(first.canary); err != nil {
		return head{}, nil, err
	}
	others = answers[3:]
	if !r.canary.good {
		if err := (Documents{r.connection}).check(others); err != nil {
			return head{}, nil, err
		}
		others = others[len(DocumentNames()):]
	}
	first.mark, err = r.readMark(answers[0])
	return first, others, err
}

// takeAll adds the news of a list to the copy. One revocation that does not open fails it: which token
// it refuses is unknown.
func (r *revocations) takeAll(l *list, news []string, now time.Time) error {
	for _, entry := range news {
		v, err := r.openRevocation(l, entry)
		if err != nil {
			return err
		}
		if held, ok := r.known.Find(v.Scope, v.ID); !ok || held != v {
			err = r.known.Add(v, now)
		}
		if err != nil {
			return err
		}
		l.take(entry, v.Revocation)
		r.unseen.seen(v.Revocation)
	}
	return nil
}

// readMark reads the last place in the order of the subjects' revocations.
func (r *revocations) readMark(got rueidis.RedisMessage) (store.Mark, error) {
	fields, err := got.AsStrSlice()
	if err != nil || len(fields) != 2 {
		return store.Mark{}, errMalformed
	}
	if fields[0] == "" {
		return store.Mark{}, nil
	}
	number, err := strconv.ParseUint(fields[1], 10, 63)
	if err != nil || len(fields[0]) != store.EpochSize {
		return store.Mark{}, errMalformed
	}
	return store.Mark{Epoch: fields[0], Number: number}, nil
}
