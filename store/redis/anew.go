package redis

import (
	"context"
	"errors"
	"log/slog"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/redis/rueidis"

	"github.com/caddy-itsme/caddy-itsme/store"
)

const (
	// anewInterval is how often a replica with two secrets looks for what is sealed with the other one:
	// replicas that seal with it may still run.
	anewInterval = time.Minute
	// anewBatch is how many revocations are read, and sealed anew, in one step.
	anewBatch = 250
)

// resealer seals documents and revocations anew that are sealed with the other secret.
type resealer struct {
	*connection
	current atomic.Bool   // the canary is sealed with the first secret
	wake    chan struct{} // has one element when that has become so
}

func newResealer(c *connection) *resealer {
	return &resealer{connection: c, wake: make(chan struct{}, 1)}
}

// use notes whether the canary is sealed with the first secret. While it is not, this replica seals nothing
// anew: replicas with the secrets in another order would undo it.
func (r *resealer) use(first bool) {
	if r.current.Swap(first) != first && first {
		select {
		case r.wake <- struct{}{}:
		default:
		}
	}
}

func (r *resealer) runUntilClosed() {
	for r.alive.Err() == nil {
		if r.current.Load() {
			r.pass()
		}
		due := time.NewTimer(anewInterval)
		select {
		case <-due.C:
		case <-r.wake:
		case <-r.alive.Done():
		}
		due.Stop()
	}
}

func (r *resealer) pass() {
	log, prefix := r.config.Logger, slog.String("prefix", r.config.Prefix)
	documents, err := r.documents(r.alive)
	listed, failed := r.lists(r.alive)
	if documents+listed > 0 {
		log.Info("sealed anew with the first secret", prefix, slog.Int("documents", documents), slog.Int("revocations", listed))
	}
	if err = errors.Join(err, failed); err != nil && r.alive.Err() == nil {
		log.Warn("not everything could be sealed anew; it is tried again in a minute", prefix, slog.String("error", err.Error()))
	}
}

func (r *resealer) documents(ctx context.Context) (n int, err error) {
	for _, name := range DocumentNames() {
		done, failed := Documents{r.connection}.sealAnew(ctx, name)
		if done {
			n++
		}
		err = errors.Join(err, failed)
	}
	return n, err
}

// sealAnew seals a document anew if it is sealed with the other secret. Where another replica changes it
// meanwhile, the next pass looks again.
func (d Documents) sealAnew(ctx context.Context, name string) (done bool, err error) {
	held, err := d.read(ctx, name)
	if err != nil || held.current {
		return false, err
	}
	err = d.replace(ctx, name, held.version, held.document)
	if errors.Is(err, store.ErrConflict) {
		return false, nil
	}
	return err == nil || isUnconfirmed(err), err
}

func (r *resealer) lists(ctx context.Context) (n int, err error) {
	for _, s := range liveSegments(r.config.Now()) {
		done, err := r.list(ctx, &list{segment: s, keys: r.keys.segment(s)})
		if n += done; err != nil {
			return n, err
		}
	}
	return n, nil
}

// list seals the entries of a list anew in their places. Each keeps its identity, so that no replica
// takes the list for another one.
func (r *resealer) list(ctx context.Context, l *list) (n int, err error) {
	const doing = "sealing revocations anew"
	for start := int64(0); ; start += anewBatch {
		got, err := r.call(ctx, doing, plain("LRANGE", func(b rueidis.Builder) rueidis.Completed {
			return b.Lrange().Key(l.keys.list).Start(start).Stop(start + anewBatch - 1).Build()
		}))
		if err != nil {
			return n, err
		}
		entries, err := got.AsStrSlice()
		if err != nil {
			return n, r.unavailable(ctx, doing, errMalformed)
		}
		done, err := r.replace(ctx, l, start, entries)
		if n += done; err != nil || len(entries) < anewBatch {
			return n, r.unavailable(ctx, doing, err)
		}
	}
}

// replace seals those entries anew that need it. The first one has the number start in the list.
func (r *resealer) replace(ctx context.Context, l *list, start int64, entries []string) (n int, err error) {
	var args []string
	for i, text := range entries {
		e, err := l.segment.read(text)
		if err != nil {
			return 0, err
		}
		if r.sealer.Current(e.sealed) {
			continue
		}
		anew, err := r.sealer.Anew(l.keys.place(e.at.Epoch), e.sealed)
		if err != nil {
			return 0, err
		}
		args = append(args, strconv.FormatInt(start+int64(i), 10), text, e.label+anew)
	}
	if len(args) == 0 {
		return 0, nil
	}
	got, err := r.call(ctx, "sealing revocations anew", eval(r.scripts.anew, []string{l.keys.list}, args...))
	if err != nil {
		return 0, err
	}
	replaced, err := got.AsInt64()
	if err != nil {
		return 0, errMalformed
	}
	return int(replaced), nil
}
