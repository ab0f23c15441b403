//go:build unix

package redis_test

import (
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/caddy-itsme/caddy-itsme/internal/exampletest"
	"github.com/caddy-itsme/caddy-itsme/internal/logintest"
	"github.com/caddy-itsme/caddy-itsme/signicat/signicattest"
)

// TestReadme runs the commands of the README in a shell, beside a simulator and an upstream, and logs in through the
// balancer.
func TestReadme(t *testing.T) {
	t.Parallel()
	balancer := exampletest.FreeAddress(t)
	signicat, err := signicattest.Start(signicattest.Config{
		AllowLoopbackHTTP: true, RedirectURLs: []string{"http://" + balancer + "/itsme/callback", "http://" + balancer + "/itsme/app/callback"},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(signicat.Close)
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = w.Write([]byte("name: " + r.Header.Get("X-Itsme-Name")))
	}))
	t.Cleanup(upstream.Close)

	startReadme(t, balancer, strings.TrimPrefix(signicat.URL, "http://"), upstream.Listener.Addr().String())
	front := &logintest.Env{URL: "http://" + balancer, Signicat: signicat}
	awaitReady(t, front.URL+"/itsme/health/ready")
	app := front.NewApp()
	if answer := app.Call(t, "/", app.Login(t, "adult")); answer.Status != http.StatusOK || answer.Body != "name: Lien Peeters" {
		t.Errorf("the upstream answers %d %s", answer.Status, answer.Body)
	}
}

// startReadme runs the README's blocks as one script until the test ends, on free ports and with this test for Caddy.
func startReadme(t *testing.T, balancer, signicat, upstream string) {
	t.Helper()
	var script strings.Builder
	for _, block := range regexp.MustCompile("(?ms)^```sh\n(.*?)^```$").FindAllStringSubmatch(exampletest.Read(t, "README.md"), -1) {
		script.WriteString(block[1])
	}
	dir := t.TempDir() + "/"
	ports := map[string]string{"127.0.0.1:8080": balancer, "127.0.0.1:8090": signicat, "127.0.0.1:9000": upstream}
	for _, port := range []string{"8081", "8082", "2021", "2022", "6379", "2019"} {
		ports["127.0.0.1:"+port] = exampletest.FreeAddress(t)
	}
	var pairs []string
	for fixed, free := range ports {
		_, from, _ := strings.Cut(fixed, ":")
		_, to, _ := strings.Cut(free, ":")
		pairs = append(pairs, ":"+from, ":"+to, "="+from, "="+to, "port "+from, "port "+to)
	}
	free := strings.NewReplacer(append(pairs, "go build -o", "ln -s "+os.Args[0], " ./cmd/caddy-itsme\n", "\n", "examples/redis/", dir)...)
	for _, name := range []string{"redis.conf", "users.acl", "replica.Caddyfile", "balancer.Caddyfile"} {
		text := free.Replace(exampletest.Read(t, name))
		if name == "balancer.Caddyfile" {
			text = strings.Replace(text, "{\n", "{\n\tadmin off\n", 1)
		}
		if err := os.WriteFile(dir+name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	shell := exec.Command("bash", "-c", free.Replace(script.String()))
	shell.Env = append(os.Environ(), asCaddy+"=1", "TMPDIR="+dir, "HOME="+dir, "XDG_CONFIG_HOME="+dir)
	shell.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	log, err := os.Create(dir + "log")
	if err != nil {
		t.Fatal(err)
	}
	shell.Stdout, shell.Stderr = log, log
	if err := shell.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = syscall.Kill(-shell.Process.Pid, syscall.SIGKILL) // the whole group
		_ = shell.Wait()
		if t.Failed() {
			t.Log(exampletest.Read(t, log.Name()))
		}
	})
}

// awaitReady waits until a URL answers 200.
func awaitReady(t *testing.T, url string) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); ; {
		answer, err := http.Get(url)
		if err == nil {
			_ = answer.Body.Close()
			if answer.StatusCode == http.StatusOK {
				return
			}
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s is not ready: %v", url, err)
		}
		<-time.After(20 * time.Millisecond)
	}
}
