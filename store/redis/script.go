package redis

import (
	"crypto/sha256"
	"embed"
	"fmt"
	"regexp"
	"strings"

	"github.com/redis/rueidis"
)

// sources are those of the scripts, which say what they take and answer.
//
//go:embed lua
var sources embed.FS

// script is one of them, by the name of its file. It runs by its hash; a server that does not know it yet gets its
// source.
type script struct {
	name string
	lua  *rueidis.Lua
}

// newScript returns the script of that name, behind those that it builds on.
func newScript(name string, before ...string) script {
	var source strings.Builder
	for _, file := range append(before, name) {
		text, err := sources.ReadFile("lua/" + file + ".lua")
		if err != nil {
			panic(err) // the program was built without it
		}
		source.Write(text)
	}
	return script{name, rueidis.NewLuaScript(source.String())}
}

type scripts struct {
	create, load, replace, evict                  script // of records
	enter, leave, note                            script // of their indexes
	remember, allow                               script
	delete, enroll, withdraw                      script // of families
	revoke, revokeSubject, document, canary, anew script
}

func newScripts() scripts {
	return scripts{
		create:        newScript("create"),
		load:          newScript("load"),
		replace:       newScript("replace"),
		evict:         newScript("evict"),
		enter:         newScript("enter", "index"),
		leave:         newScript("leave", "index"),
		note:          newScript("note", "index"),
		remember:      newScript("remember"),
		allow:         newScript("allow"),
		delete:        newScript("delete"),
		enroll:        newScript("enroll"),
		withdraw:      newScript("withdraw"),
		revoke:        newScript("revoke"),
		revokeSubject: newScript("revokesubject"),
		document:      newScript("document"),
		canary:        newScript("canary"),
		anew:          newScript("anew"),
	}
}

// keys are the names in Redis. What belongs to one login, client, subject or value is in one of
// [shards] shards, each with a hash tag of its own, so that a Cluster spreads them over its nodes. The
// revocations and documents have a tag of their own.
type keys struct {
	gateway string // the prefix
	prefix  string // "{prefix}:"
	shards  int
}

// shards is how many hash tags a gateway has. Their slots are far apart: of the nodes of a Cluster,
// each gets its share of them.
const shards = 256

func newKeys(prefix string) keys {
	name := func(rest string) string { return "{" + prefix + "}:" + rest }
	return keys{
		gateway: prefix,
		prefix:  name(""),
		shards:  shards,
	}
}

// pattern matches all keys of the gateway, for SCAN.
func (k keys) pattern() string {
	return "{" + regexp.MustCompile(`[*?\[\]\\^]`).ReplaceAllString(k.gateway, `\$0`) + "[:}]*"
}

// probes are the keys of writes that change nothing: one for every part of the store that may be on a
// server of its own.
func (k keys) probes() []string {
	probes := []string{k.prefix + "writable"}
	for shard := range k.shards {
		probes = append(probes, k.in(shard, "writable"))
	}
	return probes
}

// shard returns the number of the shard of a name. An attacker cannot choose it: names are keyed
// hashes, or the hash of a state that Signicat made.
func (k keys) shard(name string) int { return int(sha256.Sum256([]byte(name))[0]) % k.shards }

// in returns the key of that kind in a shard.
func (k keys) in(shard int, kind string) string {
	return fmt.Sprintf("{%s:%02x}:%s", k.gateway, shard, kind)
}

// of returns the key of that kind that has a name.
func (k keys) of(kind, name string) string { return k.in(k.shard(name), kind) + ":" + name }

// record returns where a record is.
func (k keys) record(id string) string { return k.of("record", id) }

// open returns the index of the records in a shard.
func (k keys) open(shard int) string { return k.in(shard, "open") }

// client returns the index of a client's records; its name is a keyed hash.
func (k keys) client(name string) string { return k.of("client", name) }

// remembered returns where a value is; its name is a keyed hash.
func (k keys) remembered(name string) string { return k.of("value", name) }

// family returns where a family is; its name is a keyed hash.
func (k keys) family(name string) string { return k.of("family", name) }

// logins returns where the logins of a subject are; its name is a keyed hash.
func (k keys) logins(name string) string { return k.of("logins", name) }

// counters returns where the counters of an owner are; its name is a keyed hash.
func (k keys) counters(name string) string { return k.of("count", name) }

// What a name is of, so that the same text under two purposes has two names.
const (
	clientName     = "client"
	valueName      = "value"
	counterName    = "counter"
	ownerName      = "owner"
	familyName     = "family"
	revocationName = "revocation"
	storeName      = "store"
	subjectName    = "subject"
	loginName      = "login"
)

// document returns where a document is.
func (k keys) document(name string) string { return k.prefix + "keyring:" + name }
