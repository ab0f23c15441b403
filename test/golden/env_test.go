package golden

import (
	"cmp"
	"encoding/base64"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"

	"github.com/caddy-itsme/caddy-itsme/gateway"
	"github.com/caddy-itsme/caddy-itsme/internal/logintest"
	"github.com/caddy-itsme/caddy-itsme/keyring"
	"github.com/caddy-itsme/caddy-itsme/keyring/keyringtest"
	"github.com/caddy-itsme/caddy-itsme/signicat"
	"github.com/caddy-itsme/caddy-itsme/signicat/signicattest"
	"github.com/caddy-itsme/caddy-itsme/store"
	"github.com/caddy-itsme/caddy-itsme/store/redis"
	"github.com/caddy-itsme/caddy-itsme/token"
)

// What every release has in common: the issuer and audience of tokens, the prefix and the secret of the store.
const (
	issuer = "https://app.example.be"
	prefix = "itsme:default"
	secret = "0123456789abcdef0123456789abcdef"
)

// env is a gateway with the state of a release, at the time of that state.
type env struct {
	*logintest.Env
	public  string // URL
	clock   func() time.Time
	redis   *miniredis.Miniredis
	store   *redis.Store
	storage *keyringtest.Memory
	manager *keyring.Manager
}

// start starts a gateway. Its clock goes on from the time of the state.
func start(t *testing.T, left state) *env {
	t.Helper()
	began := time.Now()
	e := &env{
		clock: func() time.Time { return left.At.Add(time.Since(began)) },
		redis: miniredis.RunT(t), storage: new(keyringtest.Memory),
	}
	e.redis.SetTime(left.At)
	load(t, e.redis, left.Redis)
	for document, text := range left.Storage {
		e.storage.Put(document, []byte(text))
	}
	var err error
	e.store, err = redis.Open(redis.Config{Addresses: []string{e.redis.Addr()}, Prefix: prefix, Secret: []byte(secret), Now: e.clock})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = e.store.Close() })
	keys := new(token.Keys)
	e.manager = &keyring.Manager{
		Keyring: &keyring.Keyring{
			Owner:    keyring.Owner{Gateway: "default", Issuer: issuer, Prefix: prefix},
			Rotation: keyring.Rotation{Algorithm: token.DefaultAlgorithm, Every: 30 * 24 * time.Hour, Longest: 24 * time.Hour},
			Storage:  e.storage, Store: e.store.Documents(), InStore: true, StoreID: e.store.ID,
			Memory: new(keyring.Memory), Now: e.clock, Logger: slog.New(slog.DiscardHandler),
		},
		Force: keys.Set, Failed: func() {}, Changed: func(string) {},
	}
	if err := e.manager.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	e.serve(t, keys, left.URL)
	return e
}

// serve serves the gateway, with a simulator of the same time behind it. The public URL is that of the state, whose tokens
// name it. Without one it is the server's own.
func (e *env) serve(t *testing.T, keys *token.Keys, public string) {
	t.Helper()
	server := httptest.NewUnstartedServer(nil)
	t.Cleanup(server.Close)
	url := "http://" + server.Listener.Addr().String()
	e.public = cmp.Or(public, url)
	simulator, err := signicattest.Start(signicattest.Config{
		AllowLoopbackHTTP: true, RedirectURLs: []string{e.public + "/itsme/callback", e.public + "/itsme/app/callback"}, Now: e.clock,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(simulator.Close)
	g, err := gateway.New(gateway.Config{
		PublicURL: e.public, Attributes: []string{"name", "dateOfBirth"}, Store: e.store, Keys: keys, Now: e.clock,
		Signicat: signicat.Config{ClientID: signicattest.DefaultClientID, ClientSecret: signicattest.DefaultClientSecret, APIURL: simulator.URL},
		Token:    gateway.TokenConfig{Issuer: issuer, Audience: []string{issuer}, Refresh: 30 * 24 * time.Hour},
		Logger:   slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = g.Close() })
	site, err := g.NewSite(gateway.SiteConfig{})
	if err != nil {
		t.Fatal(err)
	}
	upstream := new(logintest.Upstream)
	server.Config.Handler = site.Handler(upstream)
	server.Start()
	e.Env = &logintest.Env{URL: url, Signicat: simulator, Upstream: upstream}
}

// login logs in as an app, and returns its tokens.
func (e *env) login(t *testing.T) (access, refresh string) {
	t.Helper()
	app := e.NewApp()
	app.Start(t)
	code, state := app.Approve(t, "adult")
	answer := app.Redeem(t, code, state)
	if answer.Status != http.StatusOK || answer.Text("refresh_token") == "" {
		t.Fatalf("logging in: %d %s", answer.Status, answer.Body)
	}
	return answer.Text("access_token"), answer.Text("refresh_token")
}

// call calls the site with one header. It follows no link to the public URL, where the release listened.
func (e *env) call(t *testing.T, header, value string) (status int) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, e.URL+"/", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set(header, value)
	answer, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	_, _ = io.Copy(io.Discard, answer.Body)
	return answer.StatusCode
}

// stored returns the records of a pending and of a refreshable login, without their seal.
func (e *env) stored(t *testing.T, c client) (record, family json.RawMessage) {
	t.Helper()
	r, err := e.store.Load(t.Context(), c.Pending)
	if err != nil {
		t.Fatal(err)
	}
	f, err := e.store.LoadFamily(t.Context(), c.Login)
	if err != nil {
		t.Fatal(err)
	}
	record, err = store.Encode(r)
	if err != nil {
		t.Fatal(err)
	}
	family, err = store.EncodeFamily(f)
	if err != nil {
		t.Fatal(err)
	}
	return record, family
}

// keyID returns the kid of a token.
func keyID(t *testing.T, accessToken string) string {
	t.Helper()
	kid, _ := part(t, accessToken, 0)["kid"].(string)
	return kid
}

// loginOf returns the login of a token, the part of jti before its dot.
func loginOf(t *testing.T, accessToken string) string {
	t.Helper()
	id, _ := part(t, accessToken, 1)["jti"].(string)
	login, _, _ := strings.Cut(id, ".")
	return login
}

func part(t *testing.T, accessToken string, i int) (object map[string]any) {
	t.Helper()
	text, err := base64.RawURLEncoding.DecodeString(strings.Split(accessToken, ".")[i])
	if err == nil {
		err = json.Unmarshal(text, &object)
	}
	if err != nil {
		t.Fatal(err)
	}
	return object
}

// entry is one key of Redis, with the values of its type.
type entry struct {
	Key, Type string
	TTL       time.Duration `json:",omitempty"`
	Text      []byte        `json:",omitempty"` // string
	List      [][]byte      `json:",omitempty"` // list, set
	Fields    []field       `json:",omitempty"` // hash, sorted set
}

// field is a field of a hash, or a member of a sorted set.
type field struct {
	Name, Value []byte
	Score       float64 `json:",omitempty"`
}

// dump returns everything that Redis holds.
func dump(t *testing.T, server *miniredis.Miniredis) (all []entry) {
	t.Helper()
	for _, key := range server.Keys() {
		one := entry{Key: key, Type: server.Type(key), TTL: server.TTL(key)}
		var err error
		switch one.Type {
		case "string":
			var text string
			text, err = server.Get(key)
			one.Text = []byte(text)
		case "list":
			var values []string
			values, err = server.List(key)
			one.List = bytesOf(values)
		case "set":
			var values []string
			values, err = server.Members(key)
			one.List = bytesOf(values)
		case "hash":
			var names []string
			names, err = server.HKeys(key)
			for _, name := range names {
				one.Fields = append(one.Fields, field{Name: []byte(name), Value: []byte(server.HGet(key, name))})
			}
		case "zset":
			var scores map[string]float64
			scores, err = server.SortedSet(key)
			for name, score := range scores {
				one.Fields = append(one.Fields, field{Name: []byte(name), Score: score})
			}
			slices.SortFunc(one.Fields, func(a, b field) int { return slices.Compare(a.Name, b.Name) })
		default:
			t.Fatalf("%s is a %s, which no release has stored yet", key, one.Type)
		}
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, one)
	}
	return all
}

func bytesOf(texts []string) (all [][]byte) {
	for _, text := range texts {
		all = append(all, []byte(text))
	}
	return all
}

// load puts entries into an empty Redis.
func load(t *testing.T, server *miniredis.Miniredis, all []entry) {
	t.Helper()
	for _, one := range all {
		var err error
		switch one.Type {
		case "string":
			err = server.Set(one.Key, string(one.Text))
		case "list":
			for _, value := range one.List {
				_, err = server.Push(one.Key, string(value))
			}
		case "set":
			for _, value := range one.List {
				_, err = server.SAdd(one.Key, string(value))
			}
		case "hash":
			for _, f := range one.Fields {
				server.HSet(one.Key, string(f.Name), string(f.Value))
			}
		case "zset":
			for _, f := range one.Fields {
				_, err = server.ZAdd(one.Key, f.Score, string(f.Name))
			}
		default:
			t.Fatalf("%s is a %s", one.Key, one.Type)
		}
		if err != nil {
			t.Fatal(err)
		}
		if one.TTL > 0 {
			server.SetTTL(one.Key, one.TTL)
		}
	}
}
