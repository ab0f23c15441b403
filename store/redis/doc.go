// Package redis is the [store.Store] of several replicas: pending sessions, start
// limits, revocations and refreshable logins in Redis, standalone or Cluster, shared by
// every gateway that opens it with the same prefix and secret.
//
// # What it promises
//
// A record changes by compare-and-set in a script, so that of any number of finishes
// on any replica one goes on, and a lapsed lease is taken over. A call waits for its
// answer for [Config.Timeout], after as long again for a connection that is just being
// made. While Redis is unavailable every call returns [store.ErrUnavailable] at once: a
// token that cannot be checked is refused. [Open] does no I/O, and connects later to a
// Redis that is unavailable.
//
// Revocations are read from a copy in this process, which is brought up to date
// every 200 ms. A check costs no round trip, and never rests on a copy that is older than
// [Config.Staleness], one second by default: a replica either knows of a revocation by
// then, or refuses everything. Everything else of the store rests on a copy no older than
// [store.MaxStaleness]. When Redis loses its data, the replicas write back the
// revocations that they know. Pending sessions are lost then; users log in again.
//
// Records and families are JSON, so that replicas of two releases share them. What a newer
// release stored beside is kept. A record or family that needs a newer release stays as it
// is, for [store.ErrNewer] and one line in the log.
//
// [Documents] keep the gateway's signing keys, for package keyring: each changes by
// compare-and-set, and stays for 400 days after its last change.
//
// # What Redis sees
//
// Records, values, families, documents and revocations are sealed with XChaCha20-Poly1305 under a
// key from [Config.Secret], each bound to its place and version. Clients, and the names
// of values, counters, families and revocations, are keyed hashes. In the clear are
// session IDs (themselves hashes), times, counts and sizes. So a dump shows no
// identity, and an attacker can neither forge a value nor move it to another place. An
// attacker who can write to Redis can delete, or restore a whole earlier state.
//
// What does not open is refused as unavailable ([ErrUnreadable]): it was tampered with,
// or a replica has another secret. Change the secret together with the prefix; pending
// sessions, and revocations not yet over, stay behind.
//
// # What it asks of Redis
//
// Redis 6 or newer: one server, a primary that Sentinels know, or a Cluster, over TCP, TLS
// with or without a client's certificate, or a Unix socket. Tested with 7.0. Unverified:
// Redis 6, Valkey, KeyDB, Dragonfly and managed services, which speak the same protocol.
//
// A server that answers may refuse writes: [Cause] has the reasons, and [Store.Writable]
// says so. Revocations are read from a primary alone: with every look at the list, a server
// that is not in a Cluster says which role it has. A replica is left, and its address dialed
// and resolved anew.
//
// The keys of a login, client, subject or counter have the hash tag "{prefix:3f}" of one of 256
// shards, by the hash of its name. The nodes of a Cluster get equal shares of them. Every script
// has one key, so that no command is refused while its slot moves. Each list of revocations has a tag
// of its own, "{prefix:revoked:...}". Documents have the tag "{prefix}".
//
// A record is one key. Two indexes count it: that of its client, and that of its shard. So
// [store.Bounds.PerClient] is exact, and each shard holds its share of [store.Bounds.Total] and
// room for chance: see [MostPending]. A Create writes all three in one round trip, in no order. Each part
// expires by itself, so that what a replica leaves that dies in between is gone with the record's time.
// Commands that a call sends together are one round trip: an app's login takes seven.
//
// A server that may evict keys (any maxmemory-policy but noeviction) loses logins and
// makes revoked tokens valid again; the store logs a warning. What floods can make it hold is
// bounded by [store.Bounds] for records, by the time that they live for values and
// counters, and in the end by the server's maxmemory: when that is reached, writing is
// refused.
//
// # Failovers
//
// Replication is asynchronous: a failover can lose the last writes, and min-replicas-to-write does not
// prevent that. So a revocation, a dropped key and the end of a refreshable login wait until every standby
// that is connected has them (WAIT), for up to half a second. Then the answer is [store.ErrUnconfirmed]:
// the change is in force, and the caller asks for it again. A standby that has been silent for ten seconds,
// or still gets its first copy, is not waited for. With min-replicas-to-write 1, which refuses writes then,
// no revocation is lost that was answered without an error, whichever server fails.
//
// A promoted standby that lacks revocations gets them back from the replicas of the gateway: each compares
// the lists with what it knows and, after a random pause, writes what is missing.
//
// A user that may do no more than this package does:
//
//	ACL SETUSER gateway on >password ~{itsme:default}:* ~{itsme:default:??}:* ~{itsme:default:revoked:*}:* resetchannels -@all +@connection +@hash +@list +@set +@sortedset +@string +eval +evalsha +pexpire +pttl +del +exists +wait +time +role +info +scan +cluster|slots +cluster|shards
package redis
