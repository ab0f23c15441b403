package redis

import (
	"context"
	"crypto/rand"
	"errors"
	"strconv"
	"time"

	"github.com/redis/rueidis"

	"github.com/caddy-itsme/caddy-itsme/store"
)

const (
	revoking = "revoking"
	// epochAttempts bounds how often revocations are sealed anew because the epoch changed. It changes
	// when a server is promoted or loses its data.
	epochAttempts = 4
)

// runner runs a command that writes: [connection.try], or [connection.confirmed], which waits for standbys.
type runner func(ctx context.Context, doing string, do command) (rueidis.RedisMessage, error)

// publish adds revocations to one list, and returns the place of the last one in the order of the subjects'.
// With [store.ErrUnconfirmed] they were added.
func (r *revocations) publish(ctx context.Context, added []store.Listed, run runner) (store.Mark, error) {
	in := segment(added[0].List)
	if in.ofSubjects() {
		return r.publishSubjects(ctx, in, added, run)
	}
	keys := r.keys.segment(in)
	args := []string{r.stay(in, added)}
	for _, v := range added {
		data := encodeRevocation(v.Revocation)
		args = append(args, r.revocationName(data), r.sealer.Seal(keys.place(""), data))
	}
	got, err := run(ctx, revoking, eval(r.scripts.revoke, []string{keys.list, keys.names}, args...))
	if err != nil && !isUnconfirmed(err) {
		return store.Mark{}, err
	}
	reply, malformed := got.ToString()
	if malformed != nil || reply != replyKept {
		return store.Mark{}, r.unavailable(ctx, revoking, errMalformed)
	}
	return store.Mark{}, err
}

func (r *revocations) publishSubjects(ctx context.Context, in segment, added []store.Listed, run runner) (store.Mark, error) {
	keys := r.keys.segment(in)
	for range epochAttempts {
		epoch := ""
		if known := r.epoch.Load(); known != nil {
			epoch = *known
		}
		args := []string{r.stay(in, added), epoch, rand.Text()[:store.EpochSize]}
		for _, v := range added {
			data, label, sealedFor := encodeRevocation(v.Revocation), "", epoch
			if v.At.Number != 0 {
				label, sealedFor = v.At.Epoch+" "+strconv.FormatUint(v.At.Number, 10), v.At.Epoch
			}
			args = append(args, r.revocationName(data), label, r.sealer.Seal(keys.place(sealedFor), data))
		}
		got, err := run(ctx, revoking, eval(r.scripts.revokeSubject, []string{keys.list, keys.names, keys.order}, args...))
		if err != nil && !isUnconfirmed(err) {
			return store.Mark{}, err
		}
		kept, at, malformed := readOrder(got)
		if malformed != nil {
			return store.Mark{}, r.unavailable(ctx, revoking, malformed)
		}
		r.epoch.Store(&at.Epoch)
		if kept {
			return at, err
		}
	}
	return store.Mark{}, r.unavailable(ctx, revoking, errors.New("the epoch changes all the time"))
}

// readOrder reads the answer of revokesubject.lua.
func readOrder(got rueidis.RedisMessage) (kept bool, at store.Mark, err error) {
	fields, err := got.AsStrSlice()
	if err != nil || len(fields) != 3 || len(fields[1]) != store.EpochSize {
		return false, store.Mark{}, errMalformed
	}
	number, err := strconv.ParseUint(fields[2], 10, 63)
	if err != nil {
		return false, store.Mark{}, errMalformed
	}
	return fields[0] == replyKept, store.Mark{Epoch: fields[1], Number: number}, nil
}

// revocationName names a revocation: the same one has the same name, whichever replica adds it.
func (r *revocations) revocationName(data []byte) string {
	return r.sealer.Name(revocationName, string(data))
}

// stay returns for how long the keys of a list must stay, for a script.
func (r *revocations) stay(in segment, added []store.Listed) string {
	var latest time.Time
	for _, v := range added {
		if v.Until.After(latest) {
			latest = v.Until
		}
	}
	return roundUp(in.stay(r.config.Now(), latest), time.Millisecond)
}
