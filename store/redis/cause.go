package redis

import (
	"errors"
	"strings"

	"github.com/redis/rueidis"
)

// Cause says why a server that answers refuses commands. Its text is the word with which Redis begins
// such an answer, in lower case.
type Cause string

// The causes. A server refuses writes for each of them; for CauseLoading and CauseClusterDown reads too.
const (
	// CauseReadOnly is a replica: the server was one from the start, or it was demoted.
	CauseReadOnly Cause = "readonly"
	// CauseMemory is a server that has reached its maxmemory and may not evict.
	CauseMemory Cause = "oom"
	// CauseReplicas is a primary with fewer replicas than its min-replicas-to-write.
	CauseReplicas Cause = "noreplicas"
	// CauseDisk is a server that cannot write its snapshot or its append-only file.
	CauseDisk Cause = "misconf"
	// CauseLoading is a server that still reads its data from disk, or from its primary.
	CauseLoading Cause = "loading"
	// CauseClusterDown is a Cluster in which a slot has no node.
	CauseClusterDown Cause = "clusterdown"
)

// causes is what the store does about each cause, and what an operator can do.
var causes = []struct {
	cause   Cause
	words   []string // with which Redis begins its answer
	leave   bool     // the connection is closed, and the address resolved again
	problem string
	remedy  string
}{
	{
		CauseReadOnly,
		[]string{"READONLY", "MASTERDOWN"},
		true,
		"the server is a replica",
		"point the address at the primary, or use sentinel <master name>",
	},
	{
		CauseMemory,
		[]string{"OOM"},
		false,
		"the server has reached its maxmemory",
		"raise maxmemory, or delete what else fills the server",
	},
	{
		CauseReplicas,
		[]string{"NOREPLICAS"},
		false,
		"the server has fewer replicas than its min-replicas-to-write",
		"bring the replicas back, or lower min-replicas-to-write",
	},
	{
		CauseDisk,
		[]string{"MISCONF"},
		false,
		"the server cannot write to its disk",
		"look at INFO persistence and the server's log; free the disk or correct its permissions",
	},
	{
		CauseLoading,
		[]string{"LOADING"},
		false,
		"the server is loading its data",
		"wait until it is ready; INFO persistence has loading_eta_seconds",
	},
	{
		CauseClusterDown,
		[]string{"CLUSTERDOWN"},
		false,
		"the Cluster has slots without a node",
		"bring the missing node back; redis-cli --cluster check finds it",
	},
}

// Causes returns every cause.
func Causes() (all []Cause) {
	for _, row := range causes {
		all = append(all, row.cause)
	}
	return all
}

// Problem says what is wrong with the server.
func (c Cause) Problem() string { return causes[c.row()].problem }

// Remedy says what an operator can do about it.
func (c Cause) Remedy() string { return causes[c.row()].remedy }

func (c Cause) row() int {
	for i, row := range causes {
		if row.cause == c {
			return i
		}
	}
	panic("no cause: " + string(c))
}

// refusal is the error of a command that a server refused. Its text is that of the server.
type refusal struct {
	cause Cause
	text  string
}

func (r *refusal) Error() string { return r.text }

// CauseOf returns why a server refused, if an error of the store says so.
func CauseOf(err error) (cause Cause, ok bool) {
	var r *refusal
	if errors.As(err, &r) {
		return r.cause, true
	}
	return "", false
}

// refused reports whether a server answered, and refused.
func refused(err error) bool {
	_, ok := CauseOf(err)
	return ok
}

// causeOf reads the answer of a server.
func causeOf(err error) (cause Cause, ok bool) {
	answer, ok := rueidis.IsRedisErr(err)
	if !ok {
		return "", false
	}
	text := answer.Error()
	if strings.Contains(text, "rror running script") {
		// Redis 6 puts the error of a script's command into its own: "... @user_script:3: -OOM command ...".
		// Unverified: the tests have Redis 7 alone.
		_, text, _ = strings.Cut(text, ": -")
	}
	word, _, _ := strings.Cut(text, " ")
	for _, row := range causes {
		for _, known := range row.words {
			if word == known {
				return row.cause, true
			}
		}
	}
	return "", false
}
