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

// talkative logs and measures everything that Caddy can. What reverse_proxy and rewrite log of
// headers goes through the filter into one file, and into another as it is.
const talkative = `{
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
		OPTIONS
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

// secrets are values that belong in no log, metric or error, by what they are.
type secrets map[string]string

// wantNone looks for every secret, as it is and as a URL or a header writes it.
func (s secrets) wantNone(t *testing.T, where, text string) {
	t.Helper()
	if text == "" {
		t.Errorf("nothing is in %s", where)
	}
	for name, secret := range s {
		for _, form := range []string{secret, url.QueryEscape(secret), url.PathEscape(secret)} {
			if secret == "" || strings.Contains(text, form) {
				t.Errorf("%s tells a %s (%d characters)", where, name, len(secret))
				break
			}
		}
	}
}

// addToken adds the parts of a JWT that are nobody's business.
func (s secrets) addToken(name, raw string) {
	parts := strings.Split(raw, ".")
	s[name+"'s claims"], s[name+"'s signature"] = parts[1], parts[len(parts)-1]
}

func (s secrets) addReturn(name, code, state string) {
	s[name+"'s code"] = code
	s[name+"'s state"], _, _ = strings.Cut(state, ":")
}

// TestNothingPersonalIsLogged logs people in, as an app and as a browser, well and badly, with
// everything logged that can be. Logs and metrics are read by more people than may know who logs in,
// and whoever reads a code, state or token there in time could use it.
func TestNothingPersonalIsLogged(t *testing.T) {
	folder := t.TempDir()
	h := openTheatre(t, strings.ReplaceAll(talkative, "FOLDER", folder))
	found := secrets{"client secret": signicattest.DefaultClientSecret}
	errors := h.appIn(t, found) + h.browserIn(t, found) + h.troubleIn(t, found)
	for i, raw := range h.tokens.all() {
		found.addToken("Signicat access token "+string(rune('a'+i%26)), raw)
	}
	person := h.Signicat.Personas()[0]
	for _, attribute := range []string{"name", "firstName", "lastName", "dateOfBirth", "email", "itsmeNationalNumber"} {
		found[attribute] = person.Attributes[attribute]
	}
	found["national number"], found["itsme account"] = person.NIN, person.IDPID

	log := h.server.Log()
	found.wantNone(t, "the log", log)
	found.wantNone(t, "an error's answer", errors)
	found.wantNone(t, "the metrics", h.server.Get(t, h.server.AdminURL+"/metrics"))
	open, filtered := readLog(t, folder, "open.log"), readLog(t, folder, "filtered.log")
	for _, name := range []string{"name", "national number", "app token's claims", "browser's code"} {
		if !strings.Contains(open, found[name]) {
			t.Errorf("without the filter no %s is logged: nothing is tested", name)
		}
	}
	found.wantNone(t, "the filtered log", filtered)
	if strings.Count(filtered, "\n") != strings.Count(open, "\n") || !strings.Contains(filtered, `"X-Token":["REDACTED"]`) {
		t.Error("the filter loses lines, or does not tell what it redacts")
	}
	wantAccessLog(t, log, person.SubjectID)
}

// appIn logs an app in, which then calls, and others that come to nothing. It returns the answers
// that were errors.
func (h *theatre) appIn(t *testing.T, found secrets) (errors string) {
	t.Helper()
	app, stranger := h.NewApp(), h.NewApp()
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
	errors += h.visitor().get(t, "/itsme/app/callback?code="+code+"&state="+url.QueryEscape(state)).Raw
	h.visitor().send(t, http.MethodPost, "/itsme/logout", "", bearerLine(raw), "Content-Length: 0\r\n")
	return errors + app.Call(t, "/x", raw).Body + app.Redeem(t, code, state).Body
}

// browserIn does the same with a browser.
func (h *theatre) browserIn(t *testing.T, found secrets) (errors string) {
	t.Helper()
	browser := h.visitor()
	back, code, state := h.approved(t, browser.start(t))
	found.addReturn("browser", code, state)
	for _, value := range browser.cookies {
		found["login cookie"] = value
	}
	errors += h.visitor().get(t, back).Raw
	errors += h.visitor().send(t, http.MethodPost, back, "", "Content-Length: 0\r\n").Raw
	browser.get(t, back)
	found.addToken("session cookie", browser.cookies["itsme"])
	h.bytes.Take()
	browser.get(t, "/account")
	_, minted, _ := strings.Cut(strings.Join(h.bytes.Take(), ""), "Authorization: Bearer ")
	minted, _, _ = strings.Cut(minted, "\r\n")
	found.addToken("minted token", minted)
	browser.get(t, "/token/x")
	browser.get(t, "/down/x")
	errors += browser.get(t, back).Raw
	browser.post(t, "/itsme/logout", "")

	refused := h.visitor()
	denied, err := h.Signicat.Refuse(refused.start(t))
	if err != nil {
		t.Fatal(err)
	}
	_, deniedState, _ := strings.Cut(denied, "state=")
	found["refused login's state"], _, _ = strings.Cut(deniedState, "%3A")
	return errors + refused.get(t, strings.TrimPrefix(denied, h.URL)).Raw
}

// troubleIn has Signicat answer with the person's data in a form that cannot be used.
func (h *theatre) troubleIn(t *testing.T, found secrets) (errors string) {
	t.Helper()
	for name, trouble := range map[string]func() error{
		"a session cut short": func() error {
			return h.Signicat.Script(signicattest.Fault{Operation: "read_session", Call: 1, After: true, Body: signicattest.BodyTruncated})
		},
		"a code refused": func() error {
			return h.Signicat.Script(signicattest.Fault{Operation: "validate_code", Call: 1, Status: 400})
		},
		"an access token refused": func() error {
			h.Signicat.RevokeAccessTokens()
			return h.Signicat.Script(signicattest.Fault{Operation: "access_token", Call: 1, Status: 500})
		},
	} {
		app := h.NewApp()
		app.Start(t)
		code, state := app.Approve(t, "adult")
		if err := trouble(); err != nil {
			t.Fatal(err)
		}
		found.addReturn(name, code, state)
		if answer := app.Redeem(t, code, state); answer.Status != http.StatusOK {
			errors += answer.Body
		}
		h.Signicat.ClearScript()
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

// wantAccessLog checks that the access log knows who by the pseudonym, and knows no return: a line
// of the gateway's own stands in its place.
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
				t.Error("a return is in the access log")
			}
		case "redirect URL answered":
			outcomes[entry.Outcome] = entry.SessionID != ""
		}
	}
	if !users[subject] || !users[""] || len(users) != 2 {
		t.Errorf("the access log knows %d users", len(users))
	}
	for outcome, bound := range map[string]bool{
		"finished": true, "denied": true, "unbound_no_cookies": false, "repeated": false, "malformed": false,
	} {
		if named, ok := outcomes[outcome]; !ok || named != bound {
			t.Errorf("a return that is %s: logged %t, with its session_id %t", outcome, ok, named)
		}
	}
}
