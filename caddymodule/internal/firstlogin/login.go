// Package firstlogin walks an operator through a login at Signicat, and reports how Signicat answers. No public
// document describes some of these answers: the code marks such facts with Unverified.
//
// The report has nothing personal or secret: no attribute, code, state, token, secret, ID or URL.
package firstlogin

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strings"
	"time"

	"github.com/caddy-itsme/caddy-itsme/signicat"
)

// Steps of a login, in the report.
const (
	stepAccessToken        = "access token"
	stepUnopened           = "start of a session that is not opened"
	stepStart              = "start"
	stepWait               = "read while the user is in itsme"
	stepReturned           = "read after the redirect, before the validation"
	stepRefused            = "read after a refusal"
	stepCancelRefused      = "cancel after a refusal"
	stepValidate           = "validation"
	stepOtherEncoding      = "validation with the other encoding of state"
	stepResult             = "read after the validation"
	stepSameCode           = "validation of the same code again"
	stepUnknownTransaction = "validation for an unknown transaction"
	stepCancelEnded        = "cancel of an ended session"
	stepCancelUnknown      = "cancel of an unknown session"
	stepReadUnknown        = "read of an unknown session"
	stepNoScope            = "access token without a scope"
	stepWrongSecret        = "access token with a wrong secret"
	stepWrongToken         = "read with a wrong access token"
	stepExpired            = "read after the session's lifetime"
)

// sessionSteps are the steps that show the session of the login.
var sessionSteps = []string{stepStart, stepWait, stepReturned, stepRefused, stepCancelRefused, stepResult, stepCancelEnded}

const (
	// resultWait bounds the wait for a result.
	resultWait = time.Minute
	// expiryMargin is the time after the end of the unopened session at which it is read.
	expiryMargin = 10 * time.Second
	// maxPasted bounds a line of the operator, in bytes.
	maxPasted = 16 << 10
)

// Config configures a login. Every field is required.
type Config struct {
	// Signicat is the gateway's client.
	Signicat signicat.Config
	// Attributes and LoA are requested.
	Attributes []string
	LoA        signicat.LoA
	// RedirectURL is where itsme sends the user. Redirect is browser or app.
	RedirectURL, Redirect string
	// Version is that of this program.
	Version string
	// In is the operator's input, and Out receives what each call answered.
	In  io.Reader
	Out io.Writer
	// Poll is the time between two reads.
	Poll time.Duration
	// Wait waits for a time, unless its context ends.
	Wait func(context.Context, time.Duration) error
	// Now is the clock.
	Now func() time.Time
}

// ErrEnded is returned when the operator's input ends before the login did.
var ErrEnded = errors.New("the input ended before the login did; nothing was written")

// login is one walk.
type login struct {
	config  Config
	calls   *recorder
	client  *signicat.Client // with the configured encoding of state
	other   *signicat.Client // with the other encoding
	lines   chan string
	session *signicat.Session
	state   string

	validated string // the step that validated the code
	encoding  string
	account   string
	again     string
	read      string // whether reads name the transaction
}

// Run walks through a login and returns its report. The operator opens a link and pastes the URL to which itsme
// redirects. Run creates two sessions at Signicat: the one of the login, and one that stays unopened. After its
// login, the end of ctx leaves out what follows.
func Run(ctx context.Context, config Config) (*Report, error) {
	if config.Signicat.StateEncoding == "" {
		config.Signicat.StateEncoding = signicat.StateRaw
	}
	l := &login{config: config, lines: make(chan string)}
	l.calls = &recorder{transport: config.Signicat.Transport, began: config.Now(), now: config.Now, report: l.print}
	var err error
	if l.client, err = l.newClient(config.Signicat.StateEncoding); err != nil {
		return nil, err
	}
	defer func() { _ = l.client.Close() }() // its error is always nil
	if l.other, err = l.newClient(otherEncoding(config.Signicat.StateEncoding)); err != nil {
		return nil, err
	}
	defer func() { _ = l.other.Close() }()
	go l.readLines(ctx)
	if err := l.walk(ctx); err != nil {
		return nil, err
	}
	return &Report{
		Version: config.Version, Redirect: config.Redirect, Attributes: config.Attributes, LoA: string(config.LoA),
		StateEncoding: string(config.Signicat.StateEncoding), Organization: config.Signicat.OrganizationID != "",
		Answers: l.answers(), Calls: l.calls.all(),
	}, nil
}

func (l *login) newClient(encoding signicat.StateEncoding) (*signicat.Client, error) {
	config := l.config.Signicat
	config.Transport, config.StateEncoding = l.calls, encoding
	return signicat.New(config)
}

func otherEncoding(encoding signicat.StateEncoding) signicat.StateEncoding {
	if encoding == signicat.StateEncoded {
		return signicat.StateRaw
	}
	return signicat.StateEncoded
}

// readLines reads the operator's input until it ends.
func (l *login) readLines(ctx context.Context) {
	defer close(l.lines)
	scanner := bufio.NewScanner(l.config.In)
	scanner.Buffer(nil, maxPasted)
	for scanner.Scan() {
		select {
		case l.lines <- strings.TrimSpace(scanner.Text()):
		case <-ctx.Done():
			return
		}
	}
}

// walk makes the login and then the calls that show how Signicat refuses.
func (l *login) walk(ctx context.Context) error {
	unopened, _ := l.client.CreateSession(during(ctx, stepUnopened), l.request(300))
	if account, err := l.client.TokenAccountID(ctx); err == nil {
		l.account = fmt.Sprint(account != "")
	}
	session, err := l.client.CreateSession(during(ctx, stepStart), l.request(0))
	if err != nil {
		l.say("Signicat refused the start: %v.\nThe report has its answer.", err)
		return nil
	}
	l.session = session
	link, err := l.link()
	if err != nil {
		return err
	}
	l.say(instructions, l.config.RedirectURL, link)
	code, err := l.returned(ctx)
	if err != nil {
		return err
	}
	l.finish(ctx, code)
	l.refusals(ctx, code)
	l.askAgain(ctx)
	l.expire(ctx, unopened)
	return nil
}

const instructions = `Open this link on a phone with the itsme app, or in a browser, and approve the login.
itsme then redirects to %s

  %s

Paste the whole URL of that redirect here within three minutes. If Caddy runs there, its page removes
the code from the address bar: open the browser's developer tools before you approve, and copy the URL
from the list of network requests. If nothing answers there, copy the address bar. The URL is a secret until
the login ends, and is in no report.`

func (l *login) request(lifetime int) signicat.SessionRequest {
	return signicat.SessionRequest{
		AllowedProviders:       []string{signicat.ProviderItsme},
		RequestedAttributes:    l.config.Attributes,
		RequestedLoA:           l.config.LoA,
		AdditionalParameters:   map[string]string{signicat.ParameterRedirectURL: l.config.RedirectURL},
		SessionLifetimeSeconds: lifetime,
	}
}

// errLink is returned when the link of Signicat's answer cannot be opened.
var errLink = errors.New("the session has no link to itsme with a state in it")

// link returns the link that opens itsme, which a terminal can show, and keeps its state.
func (l *login) link() (string, error) {
	raw := l.session.IDPData.AuthorizationRequestURL
	u, err := url.Parse(raw)
	if err != nil || u.Host == "" || strings.ContainsFunc(raw, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return "", errLink
	}
	if l.state = u.Query().Get("state"); l.state == "" {
		return "", errLink
	}
	return raw, nil
}

// returned reads the session until the operator pastes the URL of the redirect. The code is empty after a
// refusal.
func (l *login) returned(ctx context.Context) (code string, err error) {
	for {
		_, _ = l.client.Session(during(ctx, stepWait), l.session.ID) // recorded
		poll := time.NewTimer(l.config.Poll)
		select {
		case <-ctx.Done():
			poll.Stop()
			return "", ctx.Err()
		case <-poll.C:
			continue
		case line, ok := <-l.lines:
			poll.Stop()
			if !ok {
				return "", ErrEnded
			}
			u, err := url.Parse(line)
			if err == nil && u.Query().Get("state") == l.state && u.Query().Get("code")+u.Query().Get("error") != "" {
				return u.Query().Get("code"), nil
			}
			l.say("This is not the URL of this login: it needs the state of the link, and a code or an error. Paste it again.")
		}
	}
}

// finish validates the code and reads the result.
func (l *login) finish(ctx context.Context, code string) {
	_, _ = l.client.Session(during(ctx, stepReturned), l.session.ID)
	if code == "" {
		_, _ = l.client.Session(during(ctx, stepRefused), l.session.ID)
		_, _ = l.client.CancelSession(during(ctx, stepCancelRefused), l.session.ID)
		return
	}
	l.validated, l.encoding = stepValidate, string(l.config.Signicat.StateEncoding)
	err := l.validate(during(ctx, stepValidate), l.client, code, l.session.IDPData.TransactionID)
	if errors.Is(err, signicat.ErrRejected) {
		l.encoding = "neither"
		if l.validate(during(ctx, stepOtherEncoding), l.other, code, l.session.IDPData.TransactionID) == nil {
			l.validated, l.encoding = stepOtherEncoding, string(otherEncoding(l.config.Signicat.StateEncoding))
		}
	}
	for end := l.config.Now().Add(resultWait); l.config.Now().Before(end); {
		session, err := l.client.Session(during(ctx, stepResult), l.session.ID)
		if err == nil {
			l.read = l.transactionIn(session)
		}
		if err != nil || session.Status.Terminal() || l.config.Wait(ctx, l.config.Poll) != nil {
			return
		}
	}
}

// transactionIn reports whether a read names the transaction, and whether it is that of the start.
func (l *login) transactionIn(session *signicat.Session) string {
	switch session.TransactionID {
	case "":
		return "false"
	case l.session.IDPData.TransactionID:
		return "true, that of the start"
	}
	return "true, another than that of the start"
}

func (l *login) validate(ctx context.Context, client *signicat.Client, code, transaction string) error {
	return client.ValidateCode(ctx, signicat.CodeValidation{
		TokenRequestURL: l.session.IDPData.TokenRequestURL, TransactionID: transaction, AccountID: l.session.AccountID,
		Code: code, State: l.state,
	})
}

// say writes to the operator.
func (l *login) say(format string, args ...any) {
	_, _ = fmt.Fprintf(l.config.Out, format+"\n", args...)
}

// print writes what a call answered.
func (l *login) print(c Call) { l.say("%7.1f s  %s: %s", c.Seconds, c.Step, describe(c)) }
