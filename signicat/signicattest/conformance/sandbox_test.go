//go:build sandbox

package conformance_test

import (
	"bufio"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/caddy-itsme/caddy-itsme/signicat/signicattest/conformance"
)

// TestSandbox runs the suite against an account at Signicat. Unverified: it has not run yet, because it needs an account.
//
// Required in the environment: SIGNICAT_CLIENT_ID, SIGNICAT_CLIENT_SECRET, SIGNICAT_ACCOUNT_ID and
// SIGNICAT_REDIRECT_URL, which must be on the account's allow-list for itsme. Optional: SIGNICAT_API_URL (default
// https://api.signicat.com), SIGNICAT_STATE_ENCODING (raw or encoded, default raw), and SIGNICAT_PHONE=1 for a person
// with itsme's test app on a phone, who answers on the terminal.
func TestSandbox(t *testing.T) {
	target := conformance.Target{
		APIURL:       "https://api.signicat.com",
		ClientID:     required(t, "SIGNICAT_CLIENT_ID"),
		ClientSecret: required(t, "SIGNICAT_CLIENT_SECRET"),
		AccountID:    required(t, "SIGNICAT_ACCOUNT_ID"),
		RedirectURL:  required(t, "SIGNICAT_REDIRECT_URL"),
		Encoded:      os.Getenv("SIGNICAT_STATE_ENCODING") == "encoded",
	}
	if t.Failed() {
		t.FailNow()
	}
	if u := os.Getenv("SIGNICAT_API_URL"); u != "" {
		target.APIURL = strings.TrimSuffix(u, "/")
	}
	if os.Getenv("SIGNICAT_PHONE") != "" {
		target.Approve, target.Refuse = ask("approve"), ask("refuse")
	}
	conformance.Run(t, target)
}

func required(t *testing.T, name string) string {
	t.Helper()
	v := os.Getenv(name)
	if v == "" {
		t.Errorf("set %s: the sandbox needs an account at Signicat", name)
	}
	return v
}

// ask prints a link to the terminal, and reads the URL that the phone then opened.
func ask(what string) func(string) (string, error) {
	return func(authorizationRequestURL string) (string, error) {
		tty, err := os.OpenFile("/dev/tty", os.O_RDWR, 0)
		if err != nil {
			return "", fmt.Errorf("opening the terminal: %w", err)
		}
		defer tty.Close()
		fmt.Fprintf(tty, "\nOpen this on the phone and %s:\n%s\nThen paste the redirect URL that the phone opened:\n", what, authorizationRequestURL)
		line, err := bufio.NewReader(tty).ReadString('\n')
		return strings.TrimSpace(line), err
	}
}
