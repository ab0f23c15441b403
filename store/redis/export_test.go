package redis

// WaitingConns is how many calls wait for standbys at one time.
const WaitingConns = waitingConns

// What the tests look for in the log's findings.
var (
	ErrEvicts        = errEvicts
	ErrPolicyUnknown = errPolicyUnknown
)

// RecordKey returns where the record of a gateway is.
func RecordKey(prefix, id string) string { return newKeys(prefix).record(id) }

// IndexKey returns the index of the shard that a record is in.
func IndexKey(prefix, id string) string {
	k := newKeys(prefix)
	return k.open(k.shard(id))
}

// SetShards has a store that was not started use so many shards.
func SetShards(s *Store, n int) { s.keys.shards = n }
