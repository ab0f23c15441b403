package attack_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/caddy-itsme/caddy-itsme/internal/logintest"
	"github.com/caddy-itsme/caddy-itsme/signicat/signicattest"
)

// loggingSite logs and measures everything that Caddy can. The headers that reverse_proxy and rewrite log go through
// the filter into one file, and without it into another.
const loggingSite = `{
	admin {{admin}}
	debug
	metrics
	log default {
		exclude http.handlers.reverse_proxy http.handlers.rewrite
	}
	log filtered {
		level   DEBUG
		include http.handlers.reverse_proxy http.handlers.rewrite
		output  file FOLDER/filtered.log
		format filter {
			request itsme X-Token X-User-Name
			uri     itsme
		}
	}
	log open {
		level   DEBUG
		include http.handlers.reverse_proxy http.handlers.rewrite
		output  file FOLDER/open.log
	}
	itsme {
		public_url http://{{addr}}
		SIGNICAT
		attributes name firstName lastName dateOfBirth nin
		verify     127.0.0.0/8
		token {
			claims name given_name family_name birthdate nin
		}
	}
}
http://{{addr}} {
	log
	rewrite /itsme/callback /itsme/callback?more&{query}
	handle_path /token/* {
		itsme {
			forward_token X-Token
			header        X-User-Name name
		}
		rewrite * /elsewhere{uri}
		reverse_proxy UPSTREAM
	}
	handle /down/* {
		itsme
		reverse_proxy 127.0.0.1:1
	}
	handle {
		itsme
		reverse_proxy UPSTREAM
	}
}`

// secrets are values that must not stand in any log, metric or error, by their names.
type secrets map[string]string

// wantNone looks for every secret, unchanged and as a URL or a header encodes it.
func (s secrets) wantNone(t *testing.T, where, text string) {
	t.Helper()
	if text == "" {
		t.Errorf("%s is empty", where)
	}
	for name, secret := range s {
		for _, form := range []string{secret, url.QueryEscape(secret), url.PathEscape(secret)} {
			if secret == "" || strings.Contains(text, form) {
				t.Errorf("%s holds the %s (%d characters)", where, name, len(secret))
				break
			}
		}
	}
}

// addToken adds the claims and the signature of a JWT.
func (s secrets) addToken(name, raw string) {
	parts := strings.Split(raw, ".")
	s[name+"'s claims"], s[name+"'s signature"] = parts[1], parts[len(parts)-1]
}

func (s secrets) addReturn(name, code, state string) {
	s[name+"'s code"] = code
	s[name+"'s state"], _, _ = strings.Cut(state, ":")
}

// TestNothingPersonalIsLogged plays logins of an app and a browser, good and bad, with all logs on. Operators
// read logs and metrics who must not know the users. An attacker who reads a code, state or token there in
// time could use it.
func TestNothingPersonalIsLogged(t *testing.T) {
	folder := t.TempDir()
	e := newEnv(t, strings.ReplaceAll(loggingSite, "FOLDER", folder))
	found := secrets{"client secret": signicattest.DefaultClientSecret}
	errors := e.playApp(t, found) + e.playBrowser(t, found) + e.playFailures(t, found)
	for i, raw := range e.accessTokens.all() {
		found.addToken("Signicat access token "+string(rune('a'+i%26)), raw)
	}
	person := e.Signicat.Personas()[0]
	for _, attribute := range []string{"name", "firstName", "lastName", "dateOfBirth", "email", "itsmeNationalNumber"} {
		found[attribute] = person.Attributes[attribute]
	}
	found["national number"], found["itsme account"] = person.NIN, person.IDPID

	log := e.Server.Log()
	found.wantNone(t, "the log", log)
	found.wantNone(t, "an error's answer", errors)
	found.wantNone(t, "the metrics", e.Server.Get(t, e.Server.AdminURL+"/metrics"))
	open, filtered := readLog(t, folder, "open.log"), readLog(t, folder, "filtered.log")
	for _, name := range []string{"name", "national number", "minted token's claims", "browser's code"} {
		if !strings.Contains(open, found[name]) {
			t.Errorf("without the filter the %s is not logged: this test proves nothing", name)
		}
	}
	found.wantNone(t, "the filtered log", filtered)
	if strings.Count(filtered, "\n") != strings.Count(open, "\n") || !strings.Contains(filtered, `"X-Token":["REDACTED"]`) {
		t.Error("the filter loses lines, or does not mark what it redacts")
	}
	wantAccessLog(t, log, person.SubjectID)
}

// playApp plays a login of an app, and others that fail. It returns the answers that were errors.
func (e *env) playApp(t *testing.T, found secrets) (errors string) {
	t.Helper()
	app, stranger := e.NewApp(), e.NewApp()
	app.Start(t)
	code, state := app.Approve(t, "adult")
	found["verifier"], found["another verifier"] = app.Verifier, stranger.Verifier
	found.addReturn("app", code, state)
	errors += stranger.Redeem(t, code, state).Body
	errors += stranger.PostJSON(t, "/sessions/"+app.SessionID+"/cancel", map[string]any{"code_verifier": stranger.Verifier}).Body
	raw := app.Redeem(t, code, state).Text("access_token")
	found.addToken("app token", raw)
	errors += app.Redeem(t, wrongCode, state).Body
	found["wrong code"] = wrongCode
	for _, path := range []string{"/x", "/token/x", "/down/x", "/itsme/userinfo"} {
		app.Call(t, path, raw)
		errors += app.Call(t, path, raw+"x").Body
	}
	verified := e.ask(http.MethodGet, "/itsme/verify", bearerLine(raw))
	if verified.Status != http.StatusOK {
		t.Errorf("/verify: %d", verified.Status)
	}
	found.addToken("token of /verify", verified.Header.Get("Authorization"))
	errors += e.ask(http.MethodGet, "/itsme/verify", bearerLine(raw+"x")).Body
	errors += e.browser(t).get("/itsme/app/callback?code=" + code + "&state=" + url.QueryEscape(state)).Raw
	e.browser(t).send(http.MethodPost, "/itsme/logout", "", bearerLine(raw))
	return errors + app.Call(t, "/x", raw).Body + app.Redeem(t, code, state).Body
}

// playBrowser plays the same with browsers.
func (e *env) playBrowser(t *testing.T, found secrets) (errors string) {
	t.Helper()
	browser := e.browser(t)
	back, code, state := e.approved(t, browser.start("/account"))
	found.addReturn("browser", code, state)
	for _, cookie := range browser.cookies {
		found["login cookie"] = cookie.Value
	}
	errors += e.browser(t).get(back).Raw
	errors += e.browser(t).send(http.MethodPost, back, "").Raw
	browser.get(back)
	found.addToken("session cookie", browser.value("itsme"))
	e.upstream.Take()
	browser.get("/account")
	_, minted, _ := strings.Cut(strings.Join(e.upstream.Take(), ""), "Authorization: Bearer ")
	minted, _, _ = strings.Cut(minted, "\r\n")
	found.addToken("minted token", minted)
	browser.get("/token/x")
	browser.get("/down/x")
	browser.get(back) // sets the same session cookie again: the first answer may be lost
	browser.submitOwn("/logout", nil)

	refused := e.browser(t)
	denied, err := e.Signicat.Refuse(refused.start("/account"))
	if err != nil {
		t.Fatal(err)
	}
	_, deniedState, _ := strings.Cut(denied, "state=")
	found["refused login's state"], _, _ = strings.Cut(deniedState, "%3A")
	return errors + refused.get(strings.TrimPrefix(denied, e.URL)).Raw
}

// playFailures has Signicat answer with the user's data in forms that the gateway cannot use.
func (e *env) playFailures(t *testing.T, found secrets) (errors string) {
	t.Helper()
	for name, trouble := range map[string]func() error{
		"a session cut short": func() error {
			return e.Signicat.Script(signicattest.Fault{Operation: "read_session", Call: 1, After: true, Body: signicattest.BodyTruncated})
		},
		"a code refused": func() error {
			return e.Signicat.Script(signicattest.Fault{Operation: "validate_code", Call: 1, Status: 400})
		},
		"an access token refused": func() error {
			e.Signicat.RevokeAccessTokens()
			return e.Signicat.Script(signicattest.Fault{Operation: "access_token", Call: 1, Status: 500})
		},
	} {
		app := e.NewApp()
		app.Start(t)
		code, state := app.Approve(t, "adult")
		if err := trouble(); err != nil {
			t.Fatal(err)
		}
		found.addReturn(name, code, state)
		if answer := app.Redeem(t, code, state); answer.Status != http.StatusOK {
			errors += answer.Body
		}
		e.Signicat.ClearScript()
	}
	return errors
}

func readLog(t *testing.T, folder, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(folder, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// wantAccessLog checks that the access log names users by the pseudonym. It must not hold redirect URLs: the
// gateway logs a line of its own for each.
func wantAccessLog(t *testing.T, log, subject string) {
	t.Helper()
	users, outcomes := map[string]bool{}, map[string]bool{}
	for line := range strings.Lines(log) {
		var entry struct {
			Msg, Outcome string
			UserID       string `json:"user_id"`
			SessionID    string `json:"session_id"`
			Request      struct{ URI string }
		}
		if err := json.Unmarshal([]byte(line), &entry); err != nil {
			t.Fatal(err)
		}
		switch entry.Msg {
		case "handled request":
			users[entry.UserID] = true
			if strings.HasPrefix(entry.Request.URI, logintest.Path+"/callback") || strings.HasPrefix(entry.Request.URI, logintest.Path+"/app/callback") {
				t.Error("a redirect URL is in the access log")
			}
		case "redirect URL answered":
			outcomes[entry.Outcome] = entry.SessionID != ""
		}
	}
	if !users[subject] || !users[""] || len(users) != 2 {
		t.Errorf("the access log names %d users", len(users))
	}
	for outcome, bound := range map[string]bool{
		"finished": true, "denied": true, "unbound_no_cookies": false, "repeated": true, "malformed": false,
	} {
		if named, ok := outcomes[outcome]; !ok || named != bound {
			t.Errorf("a redirect URL that is %s: logged %t, with its session_id %t", outcome, ok, named)
		}
	}
}
