package caddymodule_test

import (
	"encoding/json"
	"io/fs"
	"net"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/caddy-itsme/caddy-itsme/internal/caddytest"
	"github.com/caddy-itsme/caddy-itsme/signicat/signicattest"
)

// healthy is a configuration without mistakes. The doctor's one warning is that it is on loopback.
const healthy = `{
	storage file_system STORAGE
	#global
	itsme {
		public_url http://{{addr}}
		signicat {
			client_id     CLIENT_ID
			client_secret CLIENT_SECRET
			account_id    ACCOUNT_ID
			api_url       SIGNICAT
		}
		attributes name
		loa low
		#gateway
	}
}
http://{{addr}} {
	#site
	itsme
	reverse_proxy 127.0.0.1:9
}`

// env is a gateway with the healthy configuration, and the simulator behind it.
type env struct {
	t        *testing.T
	server   *caddytest.Server
	signicat *signicattest.Server
}

func newEnv(t *testing.T) env {
	t.Helper()
	t.Setenv("KUBERNETES_SERVICE_HOST", "")
	simulator, err := signicattest.Start(signicattest.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(simulator.Close)
	c := env{t: t, signicat: simulator}
	c.server = caddytest.Run(t, c.fill(strings.Replace(healthy, "storage file_system STORAGE", "", 1)))
	return c
}

// fill replaces the placeholders of the healthy configuration by their right values.
func (c env) fill(config string) string {
	return strings.NewReplacer(
		"SIGNICAT", c.signicat.URL,
		"CLIENT_ID", signicattest.DefaultClientID,
		"CLIENT_SECRET", signicattest.DefaultClientSecret,
		"ACCOUNT_ID", signicattest.DefaultAccountID,
	).Replace(config)
}

// file writes the healthy configuration with some of its words replaced.
func (c env) file(replace ...string) string {
	c.t.Helper()
	_, port, err := net.SplitHostPort(c.server.Addr)
	if err != nil {
		c.t.Fatal(err)
	}
	config := c.fill(strings.NewReplacer(replace...).Replace(healthy))
	return writeCaddyfile(c.t, strings.NewReplacer("STORAGE", c.server.Storage(), caddytest.Address, c.server.Addr, "PORT", port).Replace(config))
}

// finding is one line of caddy itsme doctor --json.
type finding struct{ Level, Gateway, Finding, Message, Remedy string }

// examine runs the doctor and returns what it found, and whether the exit status is 0.
func examine(t *testing.T, file string, args ...string) (findings []finding, healthy bool) {
	t.Helper()
	out, err := itsme(t, append([]string{"doctor", "--json", "--config", file}, args...)...)
	if strings.Contains(out, signicattest.DefaultClientSecret) || strings.Contains(out, clientSecret) {
		t.Errorf("it shows a secret:\n%s", out)
	}
	for line := range strings.Lines(out) {
		var f finding
		if err := json.Unmarshal([]byte(line), &f); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		findings = append(findings, f)
	}
	return findings, err == nil
}

// named returns the names of the findings of these levels, each once.
func named(findings []finding, levels ...string) (names []string) {
	for _, f := range findings {
		if slices.Contains(levels, f.Level) && !slices.Contains(names, f.Finding) {
			names = append(names, f.Finding)
		}
	}
	return names
}

func TestDoctorFindsNothingInAHealthyGateway(t *testing.T) {
	c := newEnv(t)
	findings, healthy := examine(t, c.file())
	if !healthy {
		t.Error("the exit status is not 0")
	}
	want := []string{
		"config_loads", "sites_covered", "debug_logs_safe", "storage_writable", "gateway_used", "keys_found", "redirect_url", "public_url_local",
		"store_memory", "credentials_accepted", "account_fits", "permission_granted", "clock_right", "jwks_served", "discovery_served", "instance_one",
	}
	if diff := cmp.Diff(want, named(findings, "ok", "note", "warning", "problem")); diff != "" {
		t.Errorf("it finds (-want +got):\n%s", diff)
	}
	if created := c.signicat.Count(signicattest.OperationCreateSession); created != 0 {
		t.Errorf("%d sessions were created, each of which costs money", created)
	}
	left, err := filepath.Glob(filepath.Join(c.server.Storage(), "itsme", "doctor*"))
	if err != nil || len(left) > 0 {
		t.Errorf("%q is left in storage, %v", left, err)
	}
}

// TestDoctorLeavesNothingInStorage has a site for which Caddy makes a certificate authority when a
// configuration is validated. Caddy could not read an authority that another user has made.
func TestDoctorLeavesNothingInStorage(t *testing.T) {
	c := newEnv(t)
	storage := t.TempDir()
	file := c.file("STORAGE", storage, "http://{{addr}} {", "https://localhost {\ntls internal\nitsme\n}\nhttp://{{addr}} {")
	findings, healthy := examine(t, file, "--offline")
	if !healthy {
		t.Errorf("it finds %v", findings)
	}
	err := filepath.WalkDir(storage, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			t.Errorf("%s is left", path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestOfflineDoctorConnectsNowhere has one listener in place of every server.
func TestOfflineDoctorConnectsNowhere(t *testing.T) {
	c := newEnv(t)
	listener := caddytest.Listen(t)
	called := make(chan struct{})
	go func() {
		defer close(called)
		if conn, err := listener.Accept(); err == nil {
			_ = conn.Close()
			t.Error("the doctor connected")
		}
	}()
	address := listener.Addr().String()
	file := c.file("{{addr}}", address, "SIGNICAT", "http://"+address, "#gateway", redisAt(address),
		"reverse_proxy 127.0.0.1:9", "reverse_proxy "+address+" {\nhealth_uri /health\n}")
	findings, healthy := examine(t, file, "--offline")
	_ = listener.Close()
	<-called
	want := []string{
		"config_loads", "sites_covered", "debug_logs_safe", "storage_writable", "gateway_used", "left_out", "redirect_url", "public_url_local",
	}
	if diff := cmp.Diff(want, named(findings, "ok", "note", "warning", "problem")); diff != "" || !healthy {
		t.Errorf("healthy: %t; it finds (-want +got):\n%s", healthy, diff)
	}
	var left []string
	for _, f := range findings {
		if f.Finding == "left_out" {
			left = append(left, f.Message)
		}
	}
	want = []string{
		"keys: they are in Redis", "Redis: the check needs the network", "Signicat and the clock: the check needs the network", "public URL: the check needs the network",
		"instances: the check needs the network", "app links: the check needs the network", "certificates: the check needs the network",
	}
	if diff := cmp.Diff(want, left); diff != "" {
		t.Errorf("it leaves out (-want +got):\n%s", diff)
	}
}

func TestDoctorWritesABlockForEachGateway(t *testing.T) {
	c := newEnv(t)
	out, err := itsme(t, "doctor", "--offline", "--gateway", "default", "--config", c.file("#global", "debug"))
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSuffix(out, "\n"), "\n")
	if last := lines[len(lines)-1]; last != "problems: 0, warnings: 2" {
		t.Errorf("it ends with %q", last)
	}
	for _, want := range []string{
		"configuration\n  ok       config_loads: the configuration loads.\n",
		"  warning  debug_logs_identity: log \"default\" is at level DEBUG, at which reverse_proxy logs the identity headers, and has no filter for them.\n" +
			"           Raise the level of that log, or add to it: format filter { request itsme }.\n",
		"\n\ngateway default\n  ok       gateway_used",
		"  note     store_memory: pending sessions are kept in the memory of one replica.\n           If you run more than one replica, use store redis.\n",
		"/itsme/callback (for browsers).\n  note     redirect_url: http://",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is not in:\n%s", want, out)
		}
	}
	if strings.Count(out, "Check that exactly this string is on the allow-list") != 1 || strings.Count(out, "gateway default") != 1 {
		t.Errorf("it repeats itself:\n%s", out)
	}
}

// TestDoctorFindsProbesThatSayNothing: Caddy answers a request for an unknown host with an empty 200.
func TestDoctorFindsProbesThatSayNothing(t *testing.T) {
	for name, row := range map[string]struct {
		site string
		want bool
	}{
		"a host":                     {"http://app.example.be:8080 {\n\titsme\n}", true},
		"a host and a port":          {"http://app.example.be:8080 {\n\titsme\n}\nhttp://:8080 {\n\trespond ok\n}", true},
		"an address":                 {"http://127.0.0.1:8080, http://app.example.be:8080 {\n\titsme\n}", false},
		"every host":                 {"http://:8080 {\n\titsme\n}", false},
		"a host, and itsme for rest": {"http://app.example.be:8080 {\n\titsme\n}\nhttp://:8080 {\n\titsme\n}", false},
		"a host with a certificate":  {"app.example.be {\n\ttls internal\n\titsme\n}", false},
	} {
		config := strings.Replace(rightConfig[:strings.LastIndex(rightConfig, "http://app.example.be")], "#global", "storage file_system "+t.TempDir(), 1) + row.site
		findings, _ := examine(t, writeCaddyfile(t, config), "--offline")
		if got := slices.Contains(named(findings, "note"), "probe_by_address"); got != row.want || len(findings) < 5 {
			t.Errorf("%s: %t; it finds %v", name, got, findings)
		}
	}
}

// TestDoctorReportsWhatItCannotRead: a configuration that does not load is a finding, also with --json.
func TestDoctorReportsWhatItCannotRead(t *testing.T) {
	for _, row := range []struct{ name, file, gateway, want string }{
		{"a gateway that cannot be", writeCaddyfile(t, strings.Replace(rightConfig, "attributes name email", "attributes shoeSize", 1)), "", "gateway default: attributes: Signicat has no"},
		{"a site that cannot be", writeCaddyfile(t, strings.Replace(rightConfig, "\titsme\n\trespond", "\titsme {\n\t\tuse partners\n\t}\n\trespond", 1)), "", `use: no gateway is named "partners"`},
		{"no file", "/nonexistent", "", "no such file or directory"},
		{"no Caddyfile", writeCaddyfile(t, "{\n\tnosuch\n}"), "", "unrecognized global option: nosuch"},
		{"no gateway", writeCaddyfile(t, ":80\n"), "", "no gateway is defined"},
		{"another gateway", writeCaddyfile(t, rightConfig), "partners", `no gateway is named "partners"; use one of: default`},
	} {
		t.Run(row.name, func(t *testing.T) {
			findings, healthy := examine(t, row.file, "--gateway", row.gateway)
			if healthy || len(findings) != 1 || findings[0].Finding != "config_refused" || !strings.Contains(findings[0].Message, row.want) {
				t.Errorf("healthy: %t; it finds %v", healthy, findings)
			}
		})
	}
}
