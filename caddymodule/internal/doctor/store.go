package doctor

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/caddy-itsme/caddy-itsme/caddymodule/internal/keystorage"
	"github.com/caddy-itsme/caddy-itsme/keyring"
	"github.com/caddy-itsme/caddy-itsme/store/redis"
)

// minRedis is the oldest major version of Redis that the store works with.
const minRedis = 6

// checkStorage locks, writes, reads and deletes a key, as the gateways do with theirs.
func (d *doctor) checkStorage(ctx context.Context) []Finding {
	if d.offline && !d.LocalStorage {
		return one(leftOut, "storage: it is not a folder of this machine")
	}
	if err := keystorage.Probe(ctx, keystorage.KeepOwners(d.Storage)); err != nil {
		return one(storageUnusable, "Caddy's storage does not work: %v", err)
	}
	return one(storageWritable, "Caddy's storage can be locked, written, read and deleted from")
}

// checkOwners finds files that Caddy cannot replace, because a command ran as another user.
func (d *doctor) checkOwners(context.Context) (all []Finding) {
	for _, file := range keystorage.OtherOwners(d.Storage) {
		all = append(all, find(storageOwner, "%s", file))
	}
	return all
}

// checkKeys reads the signing keys.
func (d *doctor) checkKeys(ctx context.Context, g *Gateway) []Finding {
	if g.Keys == nil { // a key file, which was read when the configuration loaded
		return one(keysFound, "tokens are signed with the key in a file")
	}
	if d.offline && !d.LocalStorage {
		return one(leftOut, "keys: storage is not a folder of this machine")
	}
	if d.offline && g.Keys.InStore {
		return one(leftOut, "keys: they are in Redis")
	}
	state, err := g.Keys.Read(ctx)
	if err == nil {
		err = state.Set().Check()
	}
	switch {
	case err != nil:
		return one(keysUnreadable, "%v", err)
	case len(state.Set().Keys) == 0:
		return append(one(keysNotYet, "%v", keyring.ErrNoKeys), d.checkDropped(g, state)...)
	}
	found := one(keysFound, "there are %d keys in %s", len(state.Set().Keys), g.Keys.Place())
	return append(found, d.checkDropped(g, state)...)
}

// checkDropped finds dropped keys that a backup restored, and keys that may have been dropped before.
func (d *doctor) checkDropped(g *Gateway, state keyring.State) (all []Finding) {
	var dropped, foreign, older []string
	for _, key := range keyring.Statuses(state, g.Keys.Rotation, d.now()) {
		switch {
		case key.Role == keyring.RoleDropped:
			dropped = append(dropped, key.KID)
		case key.Role == keyring.RoleForeign:
			foreign = append(foreign, key.KID)
		case key.OlderThanDrop:
			older = append(older, key.KID)
		}
	}
	add := func(name Name, what string, kids []string) {
		if len(kids) > 0 {
			all = append(all, find(name, "%s: %s", what, strings.Join(kids, " ")))
		}
	}
	add(keyDroppedCameBack, "a backup restored dropped keys", dropped)
	add(keyForeign, "stored keys of another gateway, issuer or store prefix", foreign)
	add(keyOlderThanDrop, "stored keys that are older than the last drop, at "+state.Dropped.Newest().Format(time.RFC3339), older)
	return all
}

// checkMemory finds a store for one replica where there may be several replicas.
func (d *doctor) checkMemory(_ context.Context, g *Gateway) []Finding {
	if !g.Memory {
		return nil
	}
	const what = "pending sessions are kept in the memory of one replica"
	if host, _ := d.replacer.GetString("env.KUBERNETES_SERVICE_HOST"); host != "" {
		return one(storeMemoryReplicas, "%s, and this is Kubernetes", what)
	}
	if !d.LocalStorage {
		return one(storeMemoryReplicas, "%s, and Caddy's storage is one that replicas share", what)
	}
	return one(storeMemory, "%s", what)
}

// checkRedis checks version and settings of every Redis server.
func (d *doctor) checkRedis(ctx context.Context, g *Gateway) (all []Finding) {
	if g.Redis == nil {
		return nil
	}
	servers, err := g.Redis.Servers(ctx)
	if errors.Is(err, redis.ErrUnreadable) {
		return append(one(redisUnreadable, "%v", err), d.checkSecrets(ctx, g)...)
	}
	if err != nil {
		return []Finding{redisFinding(err)}
	}
	if err := g.Redis.CheckWrites(ctx); err != nil {
		all = append(all, redisFinding(err))
	}
	for _, server := range servers {
		all = append(all, find(redisReady, "%s answers, version %q", server.Address, server.Version))
		if major, _, _ := strings.Cut(server.Version, "."); older(major, minRedis) {
			all = append(all, find(redisTooOld, "%s has version %q", server.Address, server.Version))
		}
		switch server.Policy {
		case "noeviction":
		case "":
			all = append(all, find(redisPolicyUnknown, "%s does not report its maxmemory-policy", server.Address))
		default:
			all = append(all, find(redisMayEvict, "%s has maxmemory-policy %q", server.Address, server.Policy))
		}
		if server.Policy != "" && !server.Logs {
			all = append(all, find(redisNoLog, "%s writes no append-only file, and does not report whether it takes snapshots", server.Address))
		}
	}
	return append(all, d.checkSecrets(ctx, g)...)
}

// redisFinding says what Redis cannot do: answer, or carry commands out.
func redisFinding(err error) Finding {
	if cause, ok := redis.CauseOf(err); ok {
		return find(redisRefuses(cause).name, "Redis refuses commands: %s", cause.Problem())
	}
	if strings.Contains(err.Error(), "NOPERM") || strings.Contains(err.Error(), "no permissions") {
		return find(redisDenied, "%v", err)
	}
	return find(redisUnreachable, "%v", err)
}

// older reports whether a major version is a number less than least.
func older(major string, least int) bool {
	n, err := strconv.Atoi(major)
	return err == nil && n < least
}
