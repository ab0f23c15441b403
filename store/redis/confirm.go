package redis

import (
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
	// confirmTime bounds how long a call waits for standbys to confirm what it wrote.
	confirmTime = 500 * time.Millisecond
	// standbyLag is the age in seconds of the last sign of life after which a standby is waited for
	// no more. A standby gives one every second. Without this bound a standby that died would delay
	// every write until the primary gives it up, which takes 60 s by default. It is the default of
	// min-replicas-max-lag, too.
	standbyLag = 10
	// neverLag is the least lag of a standby that has given no sign of life yet: its lag counts from
	// 1970. It is waited for: it has just connected.
	neverLag = 1 << 30
)

func isUnconfirmed(err error) bool { return errors.Is(err, store.ErrUnconfirmed) }

// confirmed does one thing with Redis, and waits until every standby that is connected has what it
// wrote. Where there is none, it does not wait. A standby that still gets its first copy of the data does
// not count. With [store.ErrUnconfirmed] it returns the answer, too.
//
// WAIT counts for what its own connection wrote. It would hold up every call on the shared connection,
// so this takes one of its own from the client's pool.
func (c *connection) confirmed(ctx context.Context, doing string, do command) (rueidis.RedisMessage, error) {
	var waited error
	own := do
	own.run = func(ctx context.Context, client rueidis.Client) (answer rueidis.RedisResult) {
		endTurn, err := c.turns.take(ctx, client)
		if err != nil {
			return rueidis.NewErrorResult(err)
		}
		taken, release := client.Dedicate()
		on := &dedicated{Client: client, own: taken}
		if answer = do.run(ctx, on); answer.Error() == nil {
			waited = c.await(ctx, on)
		}
		go func() {
			release() // it asks the server to forget subscriptions: a round trip that no call waits for
			endTurn()
		}()
		if redirected(answer.Error()) { // the shared connections follow, and learn of it
			answer, waited = do.run(ctx, client), errSlotMoves
		}
		return answer
	}
	got, err := c.try(ctx, doing, own)
	if err != nil {
		return got, err
	}
	if waited != nil {
		return got, fmt.Errorf("%s: %w: %w: %s", doing, store.ErrUnavailable, store.ErrUnconfirmed, c.redacted(waited))
	}
	return got, nil
}

// turns has one element for each call that waits for standbys, but in a Cluster.
type turns chan struct{}

// take waits until the client has a connection to take, or ctx ends: Dedicate would wait longer. With a Cluster, no
// connection is taken before the first command, which waits no longer than ctx. Each node then has its own connections,
// so that a node which does not answer holds up no other.
func (t turns) take(ctx context.Context, client rueidis.Client) (end func(), err error) {
	if client.Mode() == rueidis.ClientModeCluster {
		return func() {}, nil
	}
	select {
	case t <- struct{}{}:
		return func() { <-t }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// errSlotMoves is why a change is not confirmed: WAIT would have to follow the key to its new node.
var errSlotMoves = errors.New("its slot moves to another node")

// redirected reports whether a node names another one, because the key's slot moves or has moved.
func redirected(err error) bool {
	answer, ok := rueidis.IsRedisErr(err)
	if !ok {
		return false
	}
	_, moved := answer.IsMoved()
	_, ask := answer.IsAsk()
	return moved || ask
}

// settleConfirmed does as settle, and waits for standbys.
func (c *connection) settleConfirmed(ctx context.Context, doing string, script command) error {
	if err := c.ready(ctx); err != nil {
		return err
	}
	got, err := c.confirmed(ctx, doing, script)
	if err != nil && !isUnconfirmed(err) {
		return err
	}
	reply, malformed := got.ToString()
	if malformed != nil {
		return c.unavailable(ctx, doing, malformed)
	}
	if refused := verdict(reply); refused != nil {
		return refused
	}
	return err
}

// await waits until every standby has what was written on a connection.
func (c *connection) await(ctx context.Context, on *dedicated) error {
	standbys, err := on.standbys()
	if err != nil || standbys == 0 {
		return err
	}
	limit := min(confirmTime, c.config.Timeout/2)
	have, err := on.own.Do(ctx, on.B().Wait().Numreplicas(int64(standbys)).Timeout(limit.Milliseconds()).Build()).ToInt64()
	switch {
	case err != nil:
		return err
	case have < int64(standbys):
		return fmt.Errorf("%d of %d standbys have it after %v", have, standbys, limit)
	}
	return nil
}

// dedicated is a connection of its own. With every command it asks, in the same round trip, which
// standbys are connected.
type dedicated struct {
	rueidis.Client
	own  rueidis.DedicatedClient
	info rueidis.RedisResult
}

// Do implements rueidis.Client.
func (d *dedicated) Do(ctx context.Context, cmd rueidis.Completed) rueidis.RedisResult {
	answers := d.own.DoMulti(ctx, cmd, d.own.B().Info().Section("replication").Build())
	d.info = answers[1]
	return answers[0]
}

// standbys returns how many standbys are connected. A server that knows no such section has none.
func (d *dedicated) standbys() (int, error) {
	info, err := d.info.ToString()
	if answered, ok := rueidis.IsRedisErr(err); ok && !strings.HasPrefix(answered.Error(), "NOPERM") {
		return 0, nil
	}
	return countStandbys(info), err
}

// countStandbys reads lines such as "slave0:ip=10.0.0.2,port=6379,state=online,offset=14,lag=0".
func countStandbys(info string) (count int) {
	for line := range strings.Lines(info) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), ":")
		number, isStandby := strings.CutPrefix(name, "slave")
		if _, err := strconv.Atoi(number); !isStandby || err != nil {
			continue
		}
		fields := make(map[string]string)
		for field := range strings.SplitSeq(value, ",") {
			key, text, _ := strings.Cut(field, "=")
			fields[key] = text
		}
		lag, err := strconv.Atoi(fields["lag"])
		if fields["state"] == "online" && err == nil && (lag <= standbyLag || lag >= neverLag) {
			count++
		}
	}
	return count
}
