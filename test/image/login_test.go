package image

import (
	"context"
	"crypto/x509"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/caddy-itsme/caddy-itsme/internal/exampletest"
	"github.com/caddy-itsme/caddy-itsme/internal/logintest"
	"github.com/caddy-itsme/caddy-itsme/signicat/signicattest"
)

// user is the number of the image's user and group.
const user = 65532

var (
	entrypoint  = []string{"/usr/bin/caddy-itsme", "run", "--config", "/etc/caddy/Caddyfile", "--adapter", "caddyfile"}
	environment = []string{"XDG_DATA_HOME=/data", "XDG_CONFIG_HOME=/config"}
)

// caddyfile is what an operator mounts. The signing keys are kept in /data.
const caddyfile = `{
	admin off
	auto_https off
	itsme {
		public_url {URL}
		signicat {
			api_url {SIGNICAT}
			client_id ` + signicattest.DefaultClientID + `
			client_secret ` + signicattest.DefaultClientSecret + `
		}
		app_redirect_url https://app.example.be/itsme/app/callback
		attributes name firstName lastName dateOfBirth nin
		store memory
	}
}
{URL} {
	itsme
	reverse_proxy {UPSTREAM}
}
`

// wantLogin runs the binary in the file system of the image, and logs in.
func wantLogin(t *testing.T, rootfs string) {
	t.Helper()
	address := exampletest.FreeAddress(t)
	signicat, err := signicattest.Start(signicattest.Config{TLS: true, AllowLoopbackHTTP: true, RedirectURLs: []string{"http://" + address + "/itsme/callback", "https://app.example.be/itsme/app/callback"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(signicat.Close)
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = w.Write([]byte("name: " + r.Header.Get("X-Itsme-Name")))
	}))
	t.Cleanup(upstream.Close)

	config := strings.NewReplacer("{URL}", "http://"+address, "{SIGNICAT}", signicat.URL, "{UPSTREAM}", upstream.Listener.Addr().String()).Replace(caddyfile)
	mount(t, rootfs, "etc/caddy/Caddyfile", []byte(config))
	mount(t, rootfs, "etc/caddy/authority.pem", signicat.AuthorityPEM())

	t.Run("without the authority", func(t *testing.T) {
		log := start(t, rootfs, address)
		front := &logintest.Env{URL: "http://" + address, Signicat: signicat}
		answer := front.NewApp().PostJSON(t, "/sessions", map[string]string{"code_challenge": logintest.Challenge("x"), "code_challenge_method": "S256"})
		if answer.Status != http.StatusServiceUnavailable {
			t.Errorf("starting a login at a Signicat that no root vouches for: %d %s", answer.Status, answer.Body)
		}
		// The roots that are linked are used: without any, the error would be another one.
		if text := log(); !strings.Contains(text, x509.UnknownAuthorityError{}.Error()) {
			t.Errorf("the log says nothing of an unknown authority:\n%s", text)
		}
	})
	t.Run("with it", func(t *testing.T) {
		start(t, rootfs, address, "SSL_CERT_FILE=/etc/caddy/authority.pem")
		front := &logintest.Env{URL: "http://" + address, Signicat: signicat}
		app := front.NewApp()
		answer := app.Call(t, "/", app.Login(t, "adult"))
		if answer.Status != http.StatusOK || string(answer.Body) != "name: Lien Peeters" {
			t.Errorf("the upstream answers %d %s", answer.Status, answer.Body)
		}
	})
	keys, err := filepath.Glob(filepath.Join(rootfs, "data/caddy/itsme/*/keys.json"))
	if err != nil || len(keys) != 1 {
		t.Errorf("the signing keys are in %v, want one file below /data: %v", keys, err)
	}
}

// mount puts a file into the file system, readable by every user.
func mount(t *testing.T, rootfs, name string, content []byte) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(rootfs, name), content, 0o644); err != nil {
		t.Fatal(err)
	}
}

// start starts the image's command in its file system, as its user where the tests run as root and else
// as the user of the tests. It returns when the gateway is ready, and what returns the log.
func start(t *testing.T, rootfs, address string, variables ...string) (log func() string) {
	t.Helper()
	command := exec.Command(entrypoint[0], entrypoint[1:]...)
	if os.Getuid() == 0 {
		command.SysProcAttr = &syscall.SysProcAttr{Chroot: rootfs, Credential: &syscall.Credential{Uid: user, Gid: user}}
		command.Dir = "/data"
	} else {
		command = exec.Command("unshare", append([]string{"-r", "chroot", rootfs}, entrypoint...)...)
	}
	command.Env = append(variables, environment...)
	var output exampletest.Output
	command.Stdout, command.Stderr = &output, &output
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- command.Wait() }()
	t.Cleanup(func() {
		_ = command.Process.Signal(syscall.SIGTERM)
		<-ended
	})
	for {
		if ready(t, address) {
			return output.String
		}
		select {
		case err := <-ended:
			ended <- err
			t.Fatalf("the image's command ended: %v\n%s", err, output.String())
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// ready reports whether the gateway has its keys. Caddy serves before that.
func ready(t *testing.T, address string) bool {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+logintest.Path+"/health/ready", nil)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return false
	}
	_ = answer.Body.Close()
	return answer.StatusCode == http.StatusOK
}
