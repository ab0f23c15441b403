package gateway_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/caddy-itsme/caddy-itsme/gateway"
)

const (
	fuzzVerifier    = "vvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvv"
	fuzzRedirectURL = "https://app.example.be/itsme/app/callback"
)

func challengeOf(verifier string) string {
	sum := sha256.Sum256([]byte(verifier))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// send posts a body to an endpoint of the gateway as an app does.
func (b *browser) send(path, mediaType, body string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodPost, "https://app.example.be/itsme"+path, strings.NewReader(body))
	r.Header.Set("Content-Type", mediaType)
	answer := httptest.NewRecorder()
	b.handler.ServeHTTP(answer, r)
	return answer
}

// app is a login of an app that the user approved and that is still pending.
func (b *browser) app(tb testing.TB) approvedLogin {
	tb.Helper()
	if len(b.kept) > 0 && !b.ended(tb, b.kept[0]) {
		return b.kept[0]
	}
	answer := b.send("/sessions", "application/json", `{"code_challenge":"`+challengeOf(fuzzVerifier)+`","language":"`+b.another()+`"}`)
	var begun struct {
		Link string `json:"authorization_request_url"`
	}
	if err := json.Unmarshal(answer.Body.Bytes(), &begun); err != nil || answer.Code != http.StatusCreated {
		tb.Fatalf("starting: %d %s", answer.Code, answer.Body)
	}
	back, err := b.signicat.Approve(begun.Link, "adult")
	check(tb, err)
	u, err := url.Parse(back)
	check(tb, err)
	b.kept = []approvedLogin{{begun.Link, "", u.Query().Get("code"), u.Query().Get("state")}}
	return b.kept[0]
}

// another makes a start differ from the one before: the same start again is the same session.
func (b *browser) another() string {
	b.starts++
	return strconv.Itoa(b.starts)
}

// FuzzToken writes the form of /token for a login that the user approved. CODE, STATE and VERIFIER stand for
// its values. Only a form with exactly these, each once, gets a token. For no other form is a code sent to
// Signicat.
func FuzzToken(f *testing.F) {
	const right = "grant_type=authorization_code&code=CODE&state=STATE&code_verifier=VERIFIER"
	for _, seed := range []string{
		right, right + "&x=y", right + "&client_id=app.example.be&redirect_uri=" + url.QueryEscape(fuzzRedirectURL), right + "&client_id=evil", right + "&redirect_uri=https%3A%2F%2Fevil.example",
		right + "&code=CODE", right + "&code=", right + "&grant_type=refresh_token", "grant_type=urn:caddy-itsme:grant-type:app2app&code=CODE&state=STATE&code_verifier=VERIFIER",
		strings.ToUpper("grant_type") + "=authorization_code&code=CODE&state=STATE&code_verifier=VERIFIER", strings.ReplaceAll(right, "&", ";"), right + "%20", right + "\u2000",
		"grant_type=authorization_code&code=CODE&state=STATE", "grant_type=authorization_code&code=CODE&state=STATE&code_verifier=" + strings.Repeat("w", 43),
		"grant_type=authorization_code&code=x&state=STATE&code_verifier=VERIFIER", "grant_type=refresh_token&refresh_token=CODE", "{}", "", "%zz", "&&=&",
	} {
		f.Add(seed)
	}
	b := openBrowser(f)
	f.Fuzz(func(t *testing.T, form string) {
		login := b.app(t)
		sent := strings.NewReplacer("CODE", login.code, "STATE", url.QueryEscape(login.state), "VERIFIER", fuzzVerifier).Replace(form)
		answer := b.send("/token", "application/x-www-form-urlencoded", sent)
		bound, finishes := ownFinish(sent, login)
		if answer.Code >= http.StatusInternalServerError || (answer.Code == http.StatusOK) != finishes || strings.Contains(answer.Body.String(), `"access_token"`) != finishes {
			t.Errorf("%d for %q, a finish: %t", answer.Code, form, finishes)
		}
		if used := b.used(t, login) == 1; used != finishes {
			t.Errorf("the code was used: %t, for %q", used, form)
		}
		if !bound && b.ended(t, login) {
			t.Errorf("%q ended a login that it is not bound to", form)
		}
	})
}

// ownFinish reads a form independently of the gateway: whether it has the login's verifier, and whether it
// finishes the login.
func ownFinish(form string, login approvedLogin) (bound, finishes bool) {
	values, err := url.ParseQuery(form)
	if err != nil || len(form) > gateway.MaxBody {
		return false, false
	}
	for _, name := range []string{"grant_type", "code", "state", "code_verifier", "client_id", "redirect_uri", "refresh_token"} {
		if len(values[name]) > 1 {
			return false, false
		}
	}
	grants := []string{"authorization_code", "urn:caddy-itsme:grant-type:app2app"}
	bound = slices.Contains(grants, values.Get("grant_type")) && values.Get("state") == login.state && values.Get("code_verifier") == fuzzVerifier &&
		slices.Contains([]string{"", "app.example.be"}, values.Get("client_id")) && slices.Contains([]string{"", fuzzRedirectURL}, values.Get("redirect_uri"))
	return bound, bound && values.Get("code") == login.code
}

// membersOf reads a JSON object independently of the gateway: every value of each exact name, in order.
func membersOf(body string) (map[string][]any, bool) {
	if !json.Valid([]byte(body)) || len(body) > gateway.MaxBody {
		return nil, false
	}
	decoder := json.NewDecoder(bytes.NewReader([]byte(body)))
	decoder.UseNumber()
	if first, _ := decoder.Token(); first != json.Delim('{') {
		return nil, false
	}
	members := map[string][]any{}
	for decoder.More() {
		name, _ := decoder.Token()
		var value any
		if decoder.Decode(&value) != nil {
			return nil, false
		}
		members[name.(string)] = append(members[name.(string)], value)
	}
	return members, true
}

// textOf returns a member that is missing, null or a string, given at most once.
func textOf(members map[string][]any, name string) (string, bool) {
	values := members[name]
	if len(values) == 0 || (len(values) == 1 && values[0] == nil) {
		return "", true
	}
	text, ok := values[0].(string)
	return text, ok && len(values) == 1
}

// FuzzStart writes the JSON of /sessions. A session starts exactly for valid bodies with members of exact
// names, each once. It returns to the app's own URL.
func FuzzStart(f *testing.F) {
	challenge := challengeOf(fuzzVerifier)
	for _, seed := range []string{
		`{"code_challenge":"CHALLENGE"}`, `{"code_challenge":"CHALLENGE","code_challenge_method":"S256","redirect_uri":"` + fuzzRedirectURL + `","language":"nl","acr_values":"low high","max_age":0}`,
		`{"CODE_CHALLENGE":"CHALLENGE"}`, `{"code_challenge":"CHALLENGE","code_challenge":"CHALLENGE"}`, `{"code_challenge":"CHALLENGE","code_challenge_method":"plain"}`,
		`{"code_challenge":"CHALLENGE","redirect_uri":"https://evil.example"}`, `{"code_challenge":"CHALLENGE","Redirect_URI":"https://evil.example"}`, `{"code_challenge":"CHALLENGE","max_age":-1}`,
		`{"code_challenge":"CHALLENGE","max_age":1e3}`, `{"code_challenge":"CHALLENGE","acr_values":"highest"}`, `{"code_challenge":"CHALLENGE","x":{"code_challenge":1}}`, `{"code_challenge":null}`,
		`{"code_challenge":"CHALLENGE "}`, `{"code_challenge":"CHALLENGE"}{}`, `["CHALLENGE"]`, `"CHALLENGE"`, "{", "", "\ufeff{}", `{"code\u005fchallenge":"CHALLENGE"}`,
	} {
		f.Add(seed)
	}
	b := openBrowser(f)
	f.Fuzz(func(t *testing.T, body string) {
		answer := b.send("/sessions", "application/json", strings.ReplaceAll(body, "CHALLENGE", challenge))
		want := asksForStart(strings.ReplaceAll(body, "CHALLENGE", challenge))
		if answer.Code >= http.StatusInternalServerError || (answer.Code == http.StatusCreated) != want {
			t.Fatalf("%d for %q, want a session: %t", answer.Code, body, want)
		}
		if !want {
			return
		}
		var begun struct {
			Link string `json:"authorization_request_url"`
		}
		check(t, json.Unmarshal(answer.Body.Bytes(), &begun))
		if session, err := b.signicat.Session(begun.Link); err != nil || session.RedirectURL != fuzzRedirectURL {
			t.Errorf("%q returns to %q: %v", body, session.RedirectURL, err)
		}
	})
}

var fuzzChallenge = regexp.MustCompile(`\A[A-Za-z0-9_-]{43}\z`)

func asksForStart(body string) bool {
	members, ok := membersOf(body)
	if !ok {
		return false
	}
	texts := map[string]string{}
	for _, name := range []string{"code_challenge", "code_challenge_method", "redirect_uri", "language", "acr_values"} {
		if texts[name], ok = textOf(members, name); !ok {
			return false
		}
	}
	if ages := members["max_age"]; len(ages) > 0 && ages[0] != nil {
		number, isNumber := ages[0].(json.Number)
		if age, err := strconv.ParseInt(string(number), 10, 64); !isNumber || err != nil || age < 0 {
			return false
		}
	}
	levels := strings.Split(texts["acr_values"], " ")
	named := slices.ContainsFunc(levels, func(l string) bool { return l == "low" || l == "substantial" || l == "high" })
	return len(members["max_age"]) <= 1 && fuzzChallenge.MatchString(texts["code_challenge"]) &&
		slices.Contains([]string{"", "S256"}, texts["code_challenge_method"]) && slices.Contains([]string{"", fuzzRedirectURL}, texts["redirect_uri"]) &&
		(named || strings.Trim(texts["acr_values"], " ") == "")
}

// FuzzCancel writes the JSON of a cancel. It ends the login only for its own verifier, in a member of that
// exact name, given once.
func FuzzCancel(f *testing.F) {
	for _, seed := range []string{
		`{"code_verifier":"VERIFIER"}`, `{"code_verifier":"VERIFIER","error":"access_denied"}`, `{"code_verifier":"VERIFIER","error":"a\"b"}`, `{"Code_Verifier":"VERIFIER"}`,
		`{"code_verifier":"VERIFIER","code_verifier":"x"}`, `{"code_verifier":"x","code_verifier":"VERIFIER"}`, `{"code_verifier":["VERIFIER"]}`, `{"code_verifier":"VERIFIER "}`,
		`{"code_verifier":null}`, `{}`, "", "null", `{"error":"access_denied"}`, `{"code_verifier":"VERIFIER","error":null,"x":1,"x":2}`, `{"code_verifier":"` + challengeOf(fuzzVerifier) + `"}`,
	} {
		f.Add(seed)
	}
	b := openBrowser(f)
	f.Fuzz(func(t *testing.T, body string) {
		login := b.app(t)
		sent := strings.ReplaceAll(body, "VERIFIER", fuzzVerifier)
		answer := b.send("/sessions/"+gateway.SessionID(login.state)+"/cancel", "application/json", sent)
		want := ownCancel(sent)
		if answer.Code >= http.StatusInternalServerError || (answer.Code == http.StatusNoContent) != want || b.ended(t, login) != want {
			t.Errorf("%d for %q, a cancel: %t", answer.Code, body, want)
		}
	})
}

var fuzzErrorCode = regexp.MustCompile(`\A[ !#-\[\]-~]{0,64}\z`)

func ownCancel(body string) bool {
	members, ok := membersOf(body)
	if !ok {
		return false
	}
	verifier, ok := textOf(members, "code_verifier")
	reason, okay := textOf(members, "error")
	return ok && okay && verifier == fuzzVerifier && fuzzErrorCode.MatchString(reason)
}
