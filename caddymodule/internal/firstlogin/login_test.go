package firstlogin

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/caddy-itsme/caddy-itsme/signicat"
	"github.com/caddy-itsme/caddy-itsme/signicat/signicattest"
)

// clock is the clock of the operator and of the simulator. Waiting moves it.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) wait(ctx context.Context, d time.Duration) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
	return ctx.Err()
}

// operator runs a login as an operator does who holds the phone.
type operator struct {
	t        *testing.T
	signicat *signicattest.Server
	persona  string // empty refuses
	paste    func(link, redirected string) []string

	transcript strings.Builder
	secrets    []string // that no report may hold
}

// scenario is one login.
type scenario struct {
	switches map[string]string
	persona  string // empty is adult
	refuse   bool
	loa      signicat.LoA
	encoding signicat.StateEncoding
	secret   string // of the API client; empty is the right one
	paste    func(link, redirected string) []string
}

// run runs a login, and returns the report, its JSON and what the operator saw.
func (s scenario) run(t *testing.T) (*Report, string, error) {
	t.Helper()
	clock := &clock{at: time.Now()}
	var switches signicattest.Switches
	for name, form := range s.switches {
		if err := switches.Set(name, form); err != nil {
			t.Fatal(err)
		}
	}
	simulator, err := signicattest.Start(signicattest.Config{Switches: switches, Now: clock.now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(simulator.Close)
	o := &operator{t: t, signicat: simulator, persona: "adult", paste: s.paste, secrets: []string{signicattest.DefaultClientSecret, signicattest.DefaultAccountID}}
	if s.persona != "" {
		o.persona = s.persona
	}
	if s.refuse {
		o.persona = ""
	}
	in, keyboard := io.Pipe()
	screen, out := io.Pipe()
	done := make(chan struct{})
	go func() { defer close(done); o.work(screen, keyboard) }()
	secret := signicattest.DefaultClientSecret
	if s.secret != "" {
		secret = s.secret
	}
	report, err := Run(t.Context(), Config{
		Signicat: signicat.Config{
			ClientID: signicattest.DefaultClientID, ClientSecret: secret, APIURL: simulator.URL, Now: clock.now,
			StateEncoding: s.encoding, Transport: &http.Transport{DisableKeepAlives: true},
		},
		Attributes: []string{"name", "nin", "address", "email"}, LoA: s.loa, RedirectURL: signicattest.DefaultRedirectURL, Redirect: "browser",
		Version: "v1.2.3", In: in, Out: out, Poll: time.Millisecond, Wait: clock.wait, Now: clock.now,
	})
	_ = out.Close() // ends work
	_ = in.Close()
	<-done
	text, failed := json.Marshal(report)
	if failed != nil {
		t.Fatal(failed)
	}
	for _, person := range simulator.Personas() {
		o.secrets = append(o.secrets, person.SubjectID)
		for _, value := range person.Attributes {
			if len(value) > 3 {
				o.secrets = append(o.secrets, value)
			}
		}
	}
	for _, secret := range o.secrets {
		if strings.Contains(string(text), secret) {
			t.Errorf("the report holds %q", secret)
		}
	}
	return report, o.transcript.String(), err
}

// work reads the screen, opens the link, answers as the persona, and pastes the URL of the redirect.
func (o *operator) work(screen io.Reader, keyboard io.WriteCloser) {
	defer func() { _ = keyboard.Close() }() // a pipe
	var link string
	reads := -1 // since the link was opened
	scanner := bufio.NewScanner(screen)
	for scanner.Scan() {
		line := scanner.Text()
		o.transcript.WriteString(line + "\n")
		switch {
		case link == "" && strings.HasPrefix(strings.TrimSpace(line), o.signicat.URL):
			link = strings.TrimSpace(line)
			o.keep(link)
		case strings.Contains(line, stepWait) && reads < 0:
			if answer, err := http.Get(link); err == nil {
				_ = answer.Body.Close() // the page of the phone
			}
			reads = 0
		case strings.Contains(line, stepWait):
			if reads++; reads == 2 { // one of the two began after the link was opened
				o.answer(link, keyboard)
			}
		case strings.Contains(line, "once more"):
			again := "no"
			if _, err := o.signicat.Approve(link, "adult"); err == nil {
				again = "yes"
			}
			_, _ = io.WriteString(keyboard, again+"\n")
		}
	}
}

func (o *operator) answer(link string, keyboard io.Writer) {
	var redirected string
	var err error
	if o.persona == "" {
		redirected, err = o.signicat.Refuse(link)
	} else {
		redirected, err = o.signicat.Approve(link, o.persona)
	}
	if err != nil {
		o.t.Errorf("the phone: %v", err)
	}
	o.keep(redirected)
	lines := []string{redirected}
	if o.paste != nil {
		lines = o.paste(link, redirected)
	}
	// The login may write to the screen meanwhile, which only this goroutine's caller reads.
	go func() { _, _ = io.WriteString(keyboard, strings.Join(lines, "\n")+"\n") }()
}

// keep remembers the secrets of a URL.
func (o *operator) keep(raw string) {
	u, err := url.Parse(raw)
	if err != nil {
		o.t.Error(err)
		return
	}
	for _, name := range []string{"code", "state", "nonce"} {
		if value := u.Query().Get(name); value != "" {
			o.secrets = append(o.secrets, value)
		}
	}
}

// answered are the switches of the simulator, with the answer of a report that depends on each.
var answered = []struct {
	name, answer string
	forms        []string // nil for those of the switch
	scenario     scenario
}{
	{"validation-status", "validation", nil, scenario{}},
	{"validation-body", "validation", nil, scenario{}},
	{"unknown-transaction-status", "unknown_transaction", nil, scenario{}},
	{"state-encoding", "state_encoding", []string{"raw", "encoded"}, scenario{}},
	{"state-encoding", "state_encoding", []string{"raw", "either"}, scenario{encoding: signicat.StateEncoded}},
	{"state-encoding", "validation_refused", []string{"encoded", "either"}, scenario{}},
	{"used-code-accepted", "same_code_again", nil, scenario{}},
	{"refused-code", "same_code_again", []string{"invalid_grant", "code_used"}, scenario{}},
	{"success-before-validation", "before_validation", nil, scenario{}},
	{"reads-before-success", "reads_before_success", []string{"0", "2"}, scenario{}},
	{"waiting-hidden", "statuses", nil, scenario{}},
	{"expired-as", "after_expiry", nil, scenario{}},
	{"cancel-ended-accepted", "cancel_of_ended", nil, scenario{}},
	{"cancel-unknown-status", "cancel_of_unknown", nil, scenario{}},
	{"low-loa-refused", "result", nil, scenario{persona: "substantial", loa: signicat.LoAHigh}},
	{"address-as-object", "subject", nil, scenario{}},
	{"nin-as-string", "subject", nil, scenario{}},
	{"idpid-always", "subject", nil, scenario{}},
	{"transaction-id-in-read", "transaction_in_read", nil, scenario{}},
	{"scope-optional", "token_without_scope", nil, scenario{}},
	{"invalid-client-status", "wrong_client_secret", nil, scenario{}},
	{"plain-problems", "read_of_unknown", nil, scenario{}},
	{"empty-auth-errors", "wrong_access_token", nil, scenario{}},
	{"refusal-aborts", "after_a_refusal", nil, scenario{refuse: true}},
	{"reanswer-allowed", "link_opens_again", nil, scenario{}},
}

// TestReportTellsEverySwitchApart logs in with each form of each switch of the simulator. A switch is a fact
// that no public document describes, so its forms must lead to different answers.
func TestReportTellsEverySwitchApart(t *testing.T) {
	t.Parallel()
	for _, row := range answered {
		t.Run(row.name+" "+row.answer, func(t *testing.T) {
			t.Parallel()
			forms := row.forms
			for _, s := range signicattest.AllSwitches() {
				if s.Name == row.name && forms == nil {
					forms = s.Forms
				}
			}
			seen := make(map[string]string)
			for _, form := range forms {
				s := row.scenario
				s.switches = map[string]string{row.name: form}
				report, transcript, err := s.run(t)
				if err != nil {
					t.Fatalf("%v\n%s", err, transcript)
				}
				got := report.Answers[row.answer]
				if other, twice := seen[got]; twice {
					t.Errorf("%s and %s both answer %q\n%s", form, other, got, transcript)
				}
				seen[got] = form
			}
			if len(seen) < 2 {
				t.Errorf("the forms are %q", forms)
			}
		})
	}
	for _, s := range signicattest.AllSwitches() {
		found := false
		for _, row := range answered {
			found = found || row.name == s.Name
		}
		if !found {
			t.Errorf("no answer of the report depends on the switch %s", s.Name)
		}
	}
}

// TestPastedURLIsOfThisLogin pastes URLs of another login and garbage first. No code of another login is sent.
func TestPastedURLIsOfThisLogin(t *testing.T) {
	t.Parallel()
	s := scenario{paste: func(_, redirected string) []string {
		u, err := url.Parse(redirected)
		if err != nil {
			t.Error(err)
		}
		query := u.Query()
		query.Set("state", "another"+query.Get("state"))
		return []string{"", "garbage", signicattest.DefaultRedirectURL + "?" + query.Encode(), signicattest.DefaultRedirectURL + "?state=" + url.QueryEscape(u.Query().Get("state")), redirected}
	}}
	report, transcript, err := s.run(t)
	if err != nil || strings.Count(transcript, "This is not the URL of this login") != 4 || report.Answers["loa"] == "" {
		t.Errorf("%v\n%s", err, transcript)
	}
}

// TestInputThatEndsWritesNoReport: the operator presses Ctrl-D.
func TestInputThatEndsWritesNoReport(t *testing.T) {
	t.Parallel()
	report, err := Run(t.Context(), Config{
		Signicat: signicat.Config{
			ClientID: signicattest.DefaultClientID, ClientSecret: signicattest.DefaultClientSecret, APIURL: simulated(t), Transport: http.DefaultTransport,
		},
		Attributes: []string{"name"}, RedirectURL: signicattest.DefaultRedirectURL, In: strings.NewReader(""), Out: io.Discard,
		Poll: time.Hour, Wait: new(clock).wait, Now: time.Now,
	})
	if report != nil || err != ErrEnded {
		t.Errorf("%v, %v", report, err)
	}
}

func simulated(t *testing.T) string {
	t.Helper()
	simulator, err := signicattest.Start(signicattest.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(simulator.Close)
	return simulator.URL
}

// TestRefusedStartIsReported: a redirect URL that is not on the allow-list is the most likely first mistake.
func TestRefusedStartIsReported(t *testing.T) {
	t.Parallel()
	report, transcript, err := scenario{secret: "wrong"}.run(t)
	if err != nil || !strings.Contains(transcript, "Signicat refused the start") || len(report.Calls) == 0 || report.Answers["validation"] != "" {
		t.Errorf("%v\n%s", err, transcript)
	}
}
