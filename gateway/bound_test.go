package gateway_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/caddy-itsme/caddy-itsme/attribute"
	"github.com/caddy-itsme/caddy-itsme/gateway"
	"github.com/caddy-itsme/caddy-itsme/signicat"
	"github.com/caddy-itsme/caddy-itsme/store"
	jwt "github.com/caddy-itsme/caddy-itsme/token"
)

// bounds holds the numbers of the table in docs/limits.md.
var bounds = map[string]int{
	"Pending sessions":                                             gateway.DefaultPending,
	"Pending sessions of one client":                               gateway.DefaultPendingPerClient,
	"Starts of one client in a minute":                             gateway.DefaultSessionsPerClient,
	"Starts of one IPv6 /48 in a minute":                           gateway.NetworkShare * gateway.DefaultSessionsPerClient,
	"Bytes of a pending session":                                   store.MaxRecordSize,
	"Challenges remembered":                                        store.MaxRemembered,
	"Counters of clients":                                          store.MaxCounters,
	"Refresh families":                                             store.MaxFamilies,
	"Long polls":                                                   gateway.MaxPolls,
	"Long polls of one client":                                     gateway.DefaultLongPollsPerClient,
	"Long polls of one IPv6 /48":                                   gateway.NetworkShare * gateway.DefaultLongPollsPerClient,
	"Reads of Signicat for statuses, a second":                     gateway.DefaultStatusReads,
	"Sessions whose status is to be read":                          gateway.DefaultPending,
	"Reads for statuses under way":                                 gateway.MaxReads,
	"Cancels under way":                                            gateway.MaxCancels,
	"Finishes under way of one login":                              1,
	"Verified tokens":                                              gateway.MaxVerified,
	"Login cookies of one browser":                                 gateway.MaxLoginCookies,
	"Events that wait for a handler":                               1 << 10, // of package caddymodule, whose own test compares it
	"Bytes of a session cookie":                                    gateway.MaxCookieToken,
	"Bytes of an attribute":                                        attribute.MaxValue,
	"Bytes of a token that is looked at":                           jwt.MaxSize,
	"Bytes of a request's body":                                    gateway.MaxBody,
	"Seconds in which a request's body arrives":                    int(gateway.BodyTimeout / time.Second),
	"Requests of one client to `/token` and `/revoke` in a minute": gateway.DefaultTokenPerClient,
	"Tokens of one login revoked one by one, within the lifetime of an access token": gateway.MaxTokenRevocations,
	"Bytes of a refresh family":                 store.MaxFamilySize,
	"Subjects whose running logins are counted": store.MaxSubjects,
	"Running logins of a subject":               store.MaxLogins,
	"Bytes of Signicat's answer":                signicat.MaxBody,
}

var (
	boundRow = regexp.MustCompile("(?m)^\\| ([^|]+) \\| ([0-9,]+)[^|]* \\| [^|]+ \\| `(Test[A-Za-z0-9]+)`")
	testName = regexp.MustCompile("`(Test[A-Za-z0-9]+)`")
)

// TestEveryBoundHasItsTest compares the table of docs/limits.md with the constants, and looks for every test that
// the page names.
func TestEveryBoundHasItsTest(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../docs/limits.md")
	if err != nil {
		t.Fatal(err)
	}
	documented := make(map[string]int)
	for _, row := range boundRow.FindAllStringSubmatch(string(text), -1) {
		n, err := strconv.Atoi(strings.ReplaceAll(row[2], ",", ""))
		if err != nil {
			t.Fatal(err)
		}
		documented[row[1]] = n
	}
	if diff := cmp.Diff(bounds, documented); diff != "" {
		t.Errorf("the table differs from the constants (-constants +docs):\n%s", diff)
	}
	tests := testNames(t, "..")
	for _, name := range testName.FindAllStringSubmatch(string(text), -1) {
		if !tests[name[1]] {
			t.Errorf("there is no %s", name[1])
		}
	}
}

// testNames returns the tests below a folder.
func testNames(t *testing.T, folder string) map[string]bool {
	t.Helper()
	names := make(map[string]bool)
	err := filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		for _, declaration := range file.Decls {
			if f, ok := declaration.(*ast.FuncDecl); ok && f.Recv == nil {
				names[f.Name.Name] = true
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}
