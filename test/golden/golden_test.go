package golden

import (
	"encoding/json"
	"flag"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/caddy-itsme/caddy-itsme/keyring"
	"github.com/caddy-itsme/caddy-itsme/store"
)

// record names the release whose state is written, such as v0.1.0. A release that is published keeps its file.
var record = flag.String("record", "", "write the state of this release to testdata, and check it")

// state is what a release left. The clock stands at At again when it is read: tokens and records end some time later.
type state struct {
	At      time.Time
	URL     string // public
	Redis   []entry
	Storage map[string]string // Caddy's storage, by the name of the document
	Backup  string            // the keys before one was dropped
	Client  client
	// Record and Family are a pending login and a refreshable one, as they are stored, without their seal.
	Record, Family json.RawMessage
}

// client is what clients hold.
type client struct {
	Access, Refresh          string // of an app
	Cookie                   string // of a browser
	Revoked, RevokedRefresh  string // of an app that logged out
	Dropped                  string // signed by a key that was dropped
	Pending                  string // the session ID of a login under way
	DroppedKey, Login, Owner string // a kid, the login of Access, and the kid of its key
}

// TestGoldenState reads what each release left.
func TestGoldenState(t *testing.T) {
	t.Parallel()
	if *record != "" {
		write(t, *record)
	}
	files, err := filepath.Glob("testdata/v*.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("no release left a state: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".json"), func(t *testing.T) {
			t.Parallel()
			var left state
			text, err := os.ReadFile(file)
			if err == nil {
				err = json.Unmarshal(text, &left)
			}
			if err != nil {
				t.Fatal(err)
			}
			e := start(t, left)
			e.wantUpgraded(t, left.Client)
			e.wantNothingNewer(t, left)
			wantDropped(t, left)
		})
	}
}

// write plays logins, and writes what they leave.
func write(t *testing.T, release string) {
	t.Helper()
	e := start(t, state{At: time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)})
	var c client
	c.Dropped, _ = e.login(t)
	c.DroppedKey = keyID(t, c.Dropped)
	backup := string(e.storage.Get(keyring.KeysDocument))
	if _, err := e.manager.Drop(t.Context(), []string{c.DroppedKey}); err != nil {
		t.Fatal(err)
	}
	c.Revoked, c.RevokedRefresh = e.login(t)
	if out := e.NewApp().Post(t, "/revoke", url.Values{"token": {c.RevokedRefresh}}); out.Status != http.StatusOK {
		t.Fatalf("logging out: %d %s", out.Status, out.Body)
	}
	c.Access, c.Refresh = e.login(t)
	c.Owner, c.Login = keyID(t, c.Access), loginOf(t, c.Access)
	b := e.NewBrowser(t)
	b.Login(t, "/", "adult")
	c.Cookie = b.Cookie(t)
	app := e.NewApp()
	app.Start(t)
	c.Pending = app.SessionID

	left := state{At: e.clock(), URL: e.public, Redis: dump(t, e.redis), Storage: map[string]string{}, Backup: backup, Client: c}
	for _, document := range []string{keyring.KeysDocument, keyring.DroppedDocument} {
		left.Storage[document] = string(e.storage.Get(document))
	}
	left.Record, left.Family = e.stored(t, c)
	text, err := json.MarshalIndent(left, "", "\t")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile("testdata/"+release+".json", append(text, '\n'), 0o600); err != nil {
		t.Fatal(err)
	}
}

// wantUpgraded checks that today's gateway accepts what it must, and nothing else.
func (e *env) wantUpgraded(t *testing.T, c client) {
	t.Helper()
	app := e.NewApp()
	for name, row := range map[string]struct {
		token string
		want  int
	}{
		"the token of a user":            {c.Access, http.StatusOK},
		"the token of a logged-out user": {c.Revoked, http.StatusUnauthorized},
		"the token of a dropped key":     {c.Dropped, http.StatusUnauthorized},
	} {
		if got := e.call(t, "Authorization", "Bearer "+row.token); got != row.want {
			t.Errorf("%s: %d, want %d", name, got, row.want)
		}
	}
	if got := e.call(t, "Cookie", c.Cookie); got != http.StatusOK {
		t.Errorf("the cookie of a browser: %d", got)
	}
	if got := app.Refresh(t, c.RevokedRefresh); got.Status != http.StatusBadRequest || got.Text("error") != "invalid_grant" {
		t.Errorf("refreshing a logged-out user: %d %s", got.Status, got.Body)
	}
	next := app.Refresh(t, c.Refresh)
	if next.Status != http.StatusOK || loginOf(t, next.Text("access_token")) != c.Login {
		t.Fatalf("refreshing: %d %s", next.Status, next.Body)
	}
	if got := keyID(t, next.Text("access_token")); got != c.Owner {
		t.Errorf("the key %s signs, and %s did before", got, c.Owner)
	}
	if again := app.Refresh(t, next.Text("refresh_token")); again.Status != http.StatusOK {
		t.Errorf("refreshing once more: %d %s", again.Status, again.Body)
	}
	if published := app.Get(t, "/jwks.json").Body; !strings.Contains(published, c.Owner) || strings.Contains(published, c.DroppedKey) {
		t.Errorf("the published keys are %s", published)
	}
	if r, err := e.store.Load(t.Context(), c.Pending); err != nil || r.Phase != store.Pending {
		t.Errorf("the login under way: %+v, %v", r, err)
	}
}

// wantDropped restores the keys of before the drop. What the release noted of the drop counts, in Redis and in Caddy's
// storage, each by itself.
func wantDropped(t *testing.T, left state) {
	t.Helper()
	of := func(document string) func(entry) bool {
		return func(e entry) bool { return strings.HasSuffix(e.Key, ":keyring:"+document) }
	}
	keyless := slices.DeleteFunc(slices.Clone(left.Redis), of(keyring.KeysDocument))
	for name, restored := range map[string]state{
		"Redis":   {Redis: keyless, Storage: map[string]string{keyring.KeysDocument: left.Backup}},
		"storage": {Redis: slices.DeleteFunc(slices.Clone(keyless), of(keyring.DroppedDocument)), Storage: map[string]string{keyring.KeysDocument: left.Backup, keyring.DroppedDocument: left.Storage[keyring.DroppedDocument]}},
	} {
		restored.At, restored.URL = left.At, left.URL
		e := start(t, restored)
		if got := e.call(t, "Authorization", "Bearer "+left.Client.Dropped); got != http.StatusUnauthorized {
			t.Errorf("with the drop in %s, the token of the dropped key gets %d", name, got)
		}
	}
}

// wantNothingNewer checks that the release could go on with what today's gateway stores: it finds every member that it
// knows, in its own form, and no word in needs that it does not know.
func (e *env) wantNothingNewer(t *testing.T, left state) {
	t.Helper()
	c := left.Client
	app := e.NewApp()
	app.Start(t)
	c.Pending = app.SessionID
	record, family := e.stored(t, c)
	for name, row := range map[string][2]json.RawMessage{"record": {left.Record, record}, "family": {left.Family, family}} {
		before, now := members(t, row[0]), members(t, row[1])
		for member, form := range before {
			if now[member] != form {
				t.Errorf("%s: the member %s was %s and is %q: the release cannot go on after a rollback", name, member, form, now[member])
			}
		}
		if now["needs"] != before["needs"] {
			t.Errorf("%s: it needs a newer release", name)
		}
	}
}

// members returns the form of each member of an object: the kind of its value, and of a text whether it is a time.
func members(t *testing.T, object json.RawMessage) map[string]string {
	t.Helper()
	var values map[string]any
	if err := json.Unmarshal(object, &values); err != nil {
		t.Fatal(err)
	}
	forms := make(map[string]string)
	for name, value := range values {
		switch v := value.(type) {
		case string:
			forms[name] = "text"
			if regexp.MustCompile(`^\d{4}-\d\d-\d\dT[0-9:.]+Z$`).MatchString(v) {
				forms[name] = "time"
			}
		case float64:
			forms[name] = "number"
		case []any:
			forms[name] = "list"
		default:
			forms[name] = "object"
		}
	}
	return forms
}
