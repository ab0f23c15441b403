package redis

import (
	_ "embed"

	"github.com/redis/rueidis"
)

// The sources of the scripts, which say what they take and answer.
var (
	//go:embed lua/quota.lua
	quotaSource string
	//go:embed lua/create.lua
	createSource string
	//go:embed lua/loadrecord.lua
	loadRecordSource string
	//go:embed lua/update.lua
	updateSource string
	//go:embed lua/count.lua
	countSource string
	//go:embed lua/remember.lua
	rememberSource string
	//go:embed lua/allow.lua
	allowSource string
	//go:embed lua/revoke.lua
	revokeSource string
	//go:embed lua/family.lua
	familySource string
	//go:embed lua/loadfamily.lua
	loadFamilySource string
	//go:embed lua/enroll.lua
	enrollSource string
	//go:embed lua/withdraw.lua
	withdrawSource string
	//go:embed lua/revokesubject.lua
	revokeSubjectSource string
	//go:embed lua/document.lua
	documentSource string
)

// scripts run by their hash; a server that does not know one yet gets its source.
type scripts struct {
	create, loadRecord, update, count, remember, allow, family, loadFamily, enroll, withdraw, revoke, revokeSubject, document script
}

// script is one of them, by the name of its file.
type script struct {
	name string
	lua  *rueidis.Lua
}

func newScripts() scripts {
	return scripts{
		create:     script{"create", rueidis.NewLuaScript(quotaSource + createSource)},
		loadRecord: script{"loadrecord", rueidis.NewLuaScript(loadRecordSource)},
		update:     script{"update", rueidis.NewLuaScript(quotaSource + updateSource)},
		count:      script{"count", rueidis.NewLuaScript(quotaSource + countSource)},
		remember:   script{"remember", rueidis.NewLuaScript(rememberSource)},
		allow:      script{"allow", rueidis.NewLuaScript(allowSource)},
		family:     script{"family", rueidis.NewLuaScript(familySource)},
		loadFamily: script{"loadfamily", rueidis.NewLuaScript(loadFamilySource)},
		enroll:     script{"enroll", rueidis.NewLuaScript(enrollSource)},
		withdraw:   script{"withdraw", rueidis.NewLuaScript(withdrawSource)},
		revoke:     script{"revoke", rueidis.NewLuaScript(revokeSource)},

		revokeSubject: script{"revokesubject", rueidis.NewLuaScript(revokeSubjectSource)},

		document: script{"document", rueidis.NewLuaScript(documentSource)},
	}
}

// keys are the names in Redis. Their common part in braces, a hash tag, puts them
// into one slot.
type keys struct {
	gateway string // the prefix
	prefix  string // "{prefix}:"
	records string
	quota   []string // as quota.lua wants them
}

func newKeys(prefix string) keys {
	name := func(rest string) string { return "{" + prefix + "}:" + rest }
	names := func(rest ...string) []string {
		for i := range rest {
			rest[i] = name(rest[i])
		}
		return rest
	}
	return keys{
		gateway: prefix,
		prefix:  name(""),
		records: name("records"),
		quota:   names("records", "open", "queue", "load", "over", "serial"),
	}
}

// probes are the keys of writes that change nothing: one for every part of the store that may be on a
// server of its own.
func (k keys) probes() []string { return []string{k.prefix + "writable"} }

// remembered returns where a value is; its name is a keyed hash.
func (k keys) remembered(name string) string { return k.prefix + "value:" + name }

// family returns where a family is; its name is a keyed hash.
func (k keys) family(name string) string { return k.prefix + "family:" + name }

// document returns where a document is.
func (k keys) document(name string) string { return k.prefix + "keyring:" + name }

// logins returns where the logins of a subject are; its name is a keyed hash.
func (k keys) logins(name string) string { return k.prefix + "logins:" + name }

// counter returns where a counter is; its name is a keyed hash.
func (k keys) counter(name string) string { return k.prefix + "count:" + name }
