//go:build unix

package main

import (
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"github.com/caddy-itsme/caddy-itsme/internal/logintest"
	"github.com/caddy-itsme/caddy-itsme/internal/redistest"
	"github.com/caddy-itsme/caddy-itsme/signicat/signicattest"
)

// TestDrills plays each drill of docs/drills.md, on a machine with a running Caddy, a token in token.txt, and a
// simulated Signicat.
func TestDrills(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../docs/drills.md")
	if err != nil {
		t.Fatal(err)
	}
	drills := map[string]func(*testing.T, *drill){
		"Upgrade and rollback": upgrade,
		"Backup and restore":   restore,
		"From memory to Redis": moveToRedis,
		"Another public host":  changeHost,
	}
	for _, section := range strings.Split(string(text), "\n## ")[1:] {
		name, body, _ := strings.Cut(section, "\n")
		play := drills[name]
		if play == nil {
			t.Errorf("no test plays %q", name)
			continue
		}
		delete(drills, name)
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDrill(t)
			for _, block := range regexp.MustCompile("(?ms)^```sh\n(.*?)^```$").FindAllStringSubmatch(body, -1) {
				d.blocks = append(d.blocks, block[1])
			}
			play(t, d)
			if len(d.blocks) > 0 {
				t.Errorf("%d blocks are not run: %q", len(d.blocks), d.blocks)
			}
		})
	}
	if len(drills) > 0 {
		t.Errorf("the page has no drill for %v", drills)
	}
}

func upgrade(t *testing.T, d *drill) {
	d.program(t, "caddy", "new")
	user := d.login(t)
	d.next(t)
	d.wantServes(t, user, http.StatusOK)
	d.next(t)
	d.wantServes(t, user, http.StatusOK)
	if ran := d.read(t, "ran"); ran != "old\nnew\nold\n" {
		t.Errorf("the programs that served are %q", ran)
	}
}

// restore drops the key that signed the token. The backup is older than the drop.
func restore(t *testing.T, d *drill) {
	user := d.login(t)
	d.next(t)
	d.set["kid"] = keyID(user)
	d.next(t)
	d.wantServes(t, user, http.StatusUnauthorized)
	d.next(t)
	d.wantServes(t, user, http.StatusUnauthorized)
	d.next(t)
	if got := keyID(d.login(t)); got == d.set["kid"] {
		t.Errorf("the dropped key %s signs", got)
	}
}

func moveToRedis(t *testing.T, d *drill) {
	redis := redistest.Start(t, "--maxmemory-policy", "noeviction")
	d.write(t, "etc/Caddyfile.redis", strings.Replace(d.config, "store memory", "store redis {\n\t\t\taddress "+redis.Address+"\n\t\t\tsecret 0123456789abcdef0123456789abcdef\n\t\t}", 1))
	left := d.login(t)
	if out := d.gateway().NewApp().Post(t, "/revoke", url.Values{"token": {left}}); out.Status != http.StatusOK {
		t.Fatalf("logging out: %d %s", out.Status, out.Body)
	}
	d.wantServes(t, left, http.StatusUnauthorized)
	user := d.login(t)
	d.next(t)
	d.wantServes(t, user, http.StatusOK)
	d.wantServes(t, left, http.StatusOK) // as the page warns
	if n, err := redis.Do(t, "DBSIZE").AsInt64(); err != nil || n == 0 {
		t.Errorf("Redis holds %d keys: %v", n, err)
	}
	if got := keyID(d.login(t)); got != keyID(user) {
		t.Errorf("the key %s signs, and before the move %s did", got, keyID(user))
	}
	d.next(t)
	d.wantServes(t, user, http.StatusOK)
}

// changeHost keeps the issuer and the audience, as the page says for apps.
func changeHost(t *testing.T, d *drill) {
	other := d.other
	config := strings.NewReplacer("http://"+d.site, "http://"+other, "store memory", "store memory\n\t\ttoken {\n\t\t\tissuer http://"+d.site+"\n\t\t\taudience http://"+d.site+"\n\t\t}").Replace(d.config)
	d.write(t, "etc/Caddyfile.host", config+"http://"+d.site+" {\n\tbind 127.0.0.1\n\tredir http://"+other+"{uri} 308\n}\n")
	user := d.login(t)
	d.next(t)
	from := d.site
	d.site = other
	d.wantServes(t, user, http.StatusOK)
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	answer, err := client.Get("http://" + from + "/account?tab=2")
	if err != nil {
		t.Fatal(err)
	}
	_ = answer.Body.Close()
	if to := answer.Header.Get("Location"); answer.StatusCode != http.StatusPermanentRedirect || to != "http://"+other+"/account?tab=2" {
		t.Errorf("the old host answers %d to %q", answer.StatusCode, to)
	}
	d.wantServes(t, d.login(t), http.StatusOK)
}

// drill is a machine of an operator.
type drill struct {
	folder, config string
	site, other    string // addresses: of the gateway, and of another that Signicat allows
	signicat       *signicattest.Server
	blocks         []string
	set            map[string]string // variables of the shell
}

// drillConfig is the Caddyfile of that machine.
const drillConfig = `{
	admin ADMIN
	auto_https off
	persist_config off
	grace_period 5s
	itsme {
		public_url http://SITE
		signicat {
			client_id ` + signicattest.DefaultClientID + `
			client_secret ` + signicattest.DefaultClientSecret + `
			api_url SIMULATOR
		}
		attributes name
		store memory
	}
}
http://SITE {
	bind 127.0.0.1
	itsme
	respond ok
}
`

// service replaces what a machine has and a test has not: systemd, and the right to become root.
const service = `
sudo() { "$@"; }
systemctl() {
	case $1 in
	start) caddy run --config etc/Caddyfile > log 2>&1 & echo $! > pid
		until curl --silent --fail --output /dev/null "http://$SITE/itsme/health/ready"; do kill -0 "$(cat pid)" || { cat log; exit 1; }; sleep 0.02; done ;;
	stop) kill "$(cat pid)"; while kill -0 "$(cat pid)" 2> /dev/null; do sleep 0.02; done ;;
	restart) systemctl stop && systemctl start ;;
	reload) caddy reload --config etc/Caddyfile --force ;;
	esac
}
`

func newDrill(t *testing.T) *drill {
	t.Helper()
	d := &drill{folder: t.TempDir(), site: freeAddress(t), other: freeAddress(t), set: map[string]string{}}
	var err error
	var allowed []string
	for _, address := range []string{d.site, d.other} {
		allowed = append(allowed, "http://"+address+"/itsme/callback", "http://"+address+"/itsme/app/callback")
	}
	d.signicat, err = signicattest.Start(signicattest.Config{AllowLoopbackHTTP: true, RedirectURLs: allowed})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.signicat.Close)
	d.config = strings.NewReplacer("ADMIN", freeAddress(t), "SITE", d.site, "SIMULATOR", d.signicat.URL).Replace(drillConfig)
	for _, name := range []string{"bin", "etc", "data"} {
		if err := os.Mkdir(filepath.Join(d.folder, name), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	d.write(t, "etc/Caddyfile", d.config)
	d.program(t, "bin/caddy", "old")
	d.run(t, "systemctl start caddy")
	t.Cleanup(func() { d.run(t, "systemctl stop caddy") })
	return d
}

// program writes a program that notes each run of a server, and is Caddy.
func (d *drill) program(t *testing.T, name, release string) {
	t.Helper()
	caddy, err := exec.LookPath("caddy-itsme")
	if err != nil {
		t.Fatal(err)
	}
	d.write(t, name, fmt.Sprintf("#!/bin/sh\nif [ \"$1\" = run ]; then echo %s >> %s/ran; fi\nexec %s \"$@\"\n", release, d.folder, caddy))
	if err := os.Chmod(filepath.Join(d.folder, name), 0o700); err != nil {
		t.Fatal(err)
	}
}

// login logs in as an app. It leaves the token in token.txt too.
func (d *drill) login(t *testing.T) (accessToken string) {
	t.Helper()
	accessToken = d.gateway().NewApp().Login(t, "adult")
	d.write(t, "token.txt", accessToken)
	return accessToken
}

func (d *drill) gateway() *logintest.Env {
	return &logintest.Env{URL: "http://" + d.site, Signicat: d.signicat}
}

// wantServes calls the site with a token.
func (d *drill) wantServes(t *testing.T, accessToken string, status int) {
	t.Helper()
	if answer := d.gateway().NewApp().Call(t, "/", accessToken); answer.Status != status {
		t.Errorf("a call with the token: %d %s, want %d", answer.Status, answer.Body, status)
	}
}

// next runs the next block of the page.
func (d *drill) next(t *testing.T) {
	t.Helper()
	if len(d.blocks) == 0 {
		t.Fatal("the page has no more blocks")
	}
	block := d.blocks[0]
	d.blocks = d.blocks[1:]
	d.run(t, block)
}

// run runs commands of the page in the folder of the drill. Each must succeed.
func (d *drill) run(t *testing.T, commands string) {
	t.Helper()
	commands = strings.NewReplacer("/usr/bin/", "bin/", "/etc/caddy/", "etc/", "/var/lib/caddy", "data").Replace(commands)
	bash := exec.Command("bash", "-eu", "-o", "pipefail", "-c", service+commands)
	bash.Dir = d.folder
	bash.Env = append(os.Environ(), "PATH="+filepath.Join(d.folder, "bin")+":"+os.Getenv("PATH"), "HOME="+d.folder, "SITE="+d.site,
		"XDG_CONFIG_HOME="+d.folder, "XDG_DATA_HOME="+filepath.Join(d.folder, "data"))
	for name, value := range d.set {
		bash.Env = append(bash.Env, name+"="+value)
	}
	bash.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if output, err := bash.CombinedOutput(); err != nil {
		t.Fatalf("%s%v\n%s", commands, err, output)
	}
}

func (d *drill) read(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(d.folder, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func (d *drill) write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(d.folder, name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
