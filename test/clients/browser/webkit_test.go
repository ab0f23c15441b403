//go:build clients

package browser_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// webkit is a window of WebKitGTK with cookies of its own, driven by WebDriver (https://www.w3.org/TR/webdriver2/).
type webkit struct {
	t       *testing.T
	session string // URL
}

// element is the key of an element's reference (WebDriver section 12.1).
const element = "element-6066-11e4-a52e-4f735466cecf"

func openWebKit(t *testing.T) window {
	t.Helper()
	browsers, err := filepath.Glob("/usr/lib/*/webkit2gtk-4.*/MiniBrowser")
	if err != nil || len(browsers) == 0 {
		t.Fatal("WebKitGTK's MiniBrowser is not there; make test-clients installs Debian's webkit2gtk-driver")
	}
	home, port := t.TempDir(), freePort(t)
	driver := exec.Command("WebKitWebDriver", "--port="+port)
	driver.Env = append(os.Environ(), "DISPLAY="+display(t), "GDK_BACKEND=x11", "HOME="+home, "XDG_RUNTIME_DIR="+home, "LIBGL_ALWAYS_SOFTWARE=1", "WEBKIT_DISABLE_COMPOSITING_MODE=1")
	if err := driver.Start(); err != nil {
		t.Fatalf("starting WebKitWebDriver: %v; make test-clients installs Debian's webkit2gtk-driver", err)
	}
	t.Cleanup(func() { _ = driver.Process.Kill(); _ = driver.Wait() })
	w := &webkit{t: t, session: "http://127.0.0.1:" + port + "/session"}
	w.await()
	var made struct {
		SessionID string `json:"sessionId"`
	}
	w.call(http.MethodPost, "", map[string]any{"capabilities": map[string]any{"alwaysMatch": map[string]any{
		"webkitgtk:browserOptions": map[string]any{"binary": browsers[0], "args": []string{"--automation"}},
	}}}, &made)
	w.session += "/" + made.SessionID
	t.Cleanup(func() { _ = w.try(context.WithoutCancel(t.Context()), http.MethodDelete, "", nil, nil) })
	return w
}

// freePort is a port of loopback that was free a moment ago: WebKitWebDriver prints none that it chose.
func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return strconv.Itoa(l.Addr().(*net.TCPAddr).Port)
}

// display runs an X server without a screen, on a display that it chooses.
func display(t *testing.T) string {
	t.Helper()
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer read.Close()
	server := exec.Command("Xvfb", "-displayfd", "3", "-screen", "0", "1280x1024x24", "-nolisten", "tcp")
	server.ExtraFiles = []*os.File{write}
	if err := server.Start(); err != nil {
		t.Fatalf("starting Xvfb: %v; make test-clients installs Debian's xvfb", err)
	}
	_ = write.Close()
	t.Cleanup(func() { _ = server.Process.Kill(); _ = server.Wait() })
	number := bufio.NewScanner(read)
	if !number.Scan() {
		t.Fatal("Xvfb ended before it listened")
	}
	return ":" + number.Text()
}

// await waits until the driver listens.
func (w *webkit) await() {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), patience)
	defer cancel()
	for ctx.Err() == nil {
		conn, err := new(net.Dialer).DialContext(ctx, "tcp", strings.TrimSuffix(strings.TrimPrefix(w.session, "http://"), "/session"))
		if err == nil {
			_ = conn.Close()
			return
		}
		<-time.After(pause)
	}
	w.t.Fatal("WebKitWebDriver does not listen")
}

func (w *webkit) call(method, path string, params, into any) {
	w.t.Helper()
	if err := w.try(w.t.Context(), method, path, params, into); err != nil {
		w.t.Fatalf("%s: %v", path, err)
	}
}

func (w *webkit) try(ctx context.Context, method, path string, params, into any) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	body, err := json.Marshal(params)
	if err != nil {
		return err
	}
	r, err := http.NewRequestWithContext(ctx, method, w.session+path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	var answer struct{ Value json.RawMessage }
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil {
		return err
	}
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%d %s", response.StatusCode, answer.Value)
	}
	if into == nil {
		return nil
	}
	return json.Unmarshal(answer.Value, into)
}

func (w *webkit) open(url string) {
	w.t.Helper()
	w.call(http.MethodPost, "/url", map[string]any{"url": url}, nil)
}

func (w *webkit) text(expression string) string {
	var text string
	if w.try(w.t.Context(), http.MethodPost, "/execute/sync", map[string]any{"script": "return " + expression, "args": []any{}}, &text) != nil {
		return "" // the page is on its way out
	}
	return text
}

func (w *webkit) click(selector string) {
	w.t.Helper()
	var found map[string]string
	w.call(http.MethodPost, "/element", map[string]any{"using": "css selector", "value": selector}, &found)
	w.call(http.MethodPost, "/element/"+found[element]+"/click", map[string]any{}, nil)
}
