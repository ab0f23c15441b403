//go:build clients

package browser_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"testing"

	"github.com/coder/websocket"
	"github.com/coder/websocket/wsjson"
)

// firefox is a window of Firefox with cookies of its own, driven by WebDriver BiDi
// (https://www.w3.org/TR/webdriver-bidi/).
type firefox struct {
	t       *testing.T
	conn    *websocket.Conn
	last    int
	context string
}

var listening = regexp.MustCompile(`WebDriver BiDi listening on (ws://\S+)`)

func openFirefox(t *testing.T) window {
	t.Helper()
	profile, err := os.MkdirTemp("", "firefox-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(profile) })
	program := exec.Command("firefox-esr", "--headless", "--no-remote", "--profile", profile, "--remote-debugging-port", "0", "about:blank")
	program.Env = append(os.Environ(), "HOME="+profile)
	stderr, err := program.StderrPipe()
	if err == nil {
		err = program.Start()
	}
	if err != nil {
		t.Fatalf("starting firefox: %v; make test-clients installs Debian's firefox-esr", err)
	}
	t.Cleanup(func() { _ = program.Process.Kill(); _ = program.Wait() })
	f := &firefox{t: t, conn: dial(t, bufio.NewScanner(stderr))}
	f.call("session.new", map[string]any{"capabilities": map[string]any{}}, nil)
	var created struct{ Context string }
	f.call("browsingContext.create", map[string]any{"type": "tab"}, &created)
	f.context = created.Context
	return f
}

// dial connects to the address that Firefox prints.
func dial(t *testing.T, lines *bufio.Scanner) *websocket.Conn {
	t.Helper()
	for lines.Scan() {
		found := listening.FindStringSubmatch(lines.Text())
		if found == nil {
			continue
		}
		go func() {
			for lines.Scan() {
			}
		}()
		conn, _, err := websocket.Dial(t.Context(), found[1]+"/session", nil)
		if err != nil {
			t.Fatal(err)
		}
		conn.SetReadLimit(1 << 20)
		t.Cleanup(func() { _ = conn.CloseNow() })
		return conn
	}
	t.Fatal("firefox ended before it listened")
	return nil
}

// call sends a command and reads its answer. It skips events.
func (f *firefox) call(method string, params, into any) {
	f.t.Helper()
	if err := f.try(method, params, into); err != nil {
		f.t.Fatalf("%s: %v", method, err)
	}
}

func (f *firefox) try(method string, params, into any) error {
	ctx, cancel := context.WithTimeout(f.t.Context(), patience)
	defer cancel()
	f.last++
	if err := wsjson.Write(ctx, f.conn, map[string]any{"id": f.last, "method": method, "params": params}); err != nil {
		return err
	}
	for {
		var answer struct {
			ID             int
			Result         json.RawMessage
			Error, Message string
		}
		if err := wsjson.Read(ctx, f.conn, &answer); err != nil {
			return err
		}
		switch {
		case answer.ID != f.last:
		case answer.Error != "":
			return fmt.Errorf("%s: %s", answer.Error, answer.Message)
		case into != nil:
			return json.Unmarshal(answer.Result, into)
		default:
			return nil
		}
	}
}

func (f *firefox) open(url string) {
	f.t.Helper()
	f.call("browsingContext.navigate", map[string]any{"context": f.context, "url": url, "wait": "complete"}, nil)
}

// evaluated is the result of script.evaluate.
type evaluated struct {
	Type   string
	Result struct {
		Value    any
		SharedID string
	}
}

func (f *firefox) evaluate(expression string) (evaluated, error) {
	var e evaluated
	err := f.try("script.evaluate", map[string]any{"expression": expression, "target": map[string]any{"context": f.context}, "awaitPromise": true}, &e)
	if err == nil && e.Type != "success" {
		err = fmt.Errorf("%s throws", expression)
	}
	return e, err
}

func (f *firefox) text(expression string) string {
	e, err := f.evaluate(expression)
	if err != nil {
		return "" // the page is on its way out
	}
	text, _ := e.Result.Value.(string)
	return text
}

func (f *firefox) click(selector string) {
	f.t.Helper()
	e, err := f.evaluate(fmt.Sprintf(`(e => { e.scrollIntoView({block: "center"}); return e })(document.querySelector(%q))`, selector))
	if err != nil {
		f.t.Fatal(err)
	}
	element := map[string]any{"type": "element", "element": map[string]any{"sharedId": e.Result.SharedID}}
	f.call("input.performActions", map[string]any{"context": f.context, "actions": []any{map[string]any{
		"type": "pointer", "id": "mouse", "actions": []any{
			map[string]any{"type": "pointerMove", "x": 0, "y": 0, "origin": element},
			map[string]any{"type": "pointerDown", "button": 0},
			map[string]any{"type": "pause", "duration": press.Milliseconds()},
			map[string]any{"type": "pointerUp", "button": 0},
		},
	}}}, nil)
}
