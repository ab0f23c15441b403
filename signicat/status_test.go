package signicat_test

import (
	"errors"
	"testing"

	"github.com/caddy-itsme/caddy-itsme/signicat"
)

func TestStatusTerminal(t *testing.T) {
	t.Parallel()
	for status, want := range map[signicat.Status]bool{
		signicat.StatusCreated: false, signicat.StatusWaitingForUser: false,
		signicat.StatusSuccess: true, signicat.StatusAbort: true, signicat.StatusError: true,
		signicat.StatusCancelled: true, signicat.StatusExpired: true, signicat.StatusInvalid: true,
		"": false, "success": false, "ABORTED": false, "STARTED": false,
	} {
		if got := status.Terminal(); got != want {
			t.Errorf("%q terminal: %t, want %t", status, got, want)
		}
	}
}

func TestLoAAtLeast(t *testing.T) {
	t.Parallel()
	ascending := []signicat.LoA{signicat.LoALow, signicat.LoASubstantial, signicat.LoAHigh}
	for n, level := range ascending {
		for m, least := range ascending {
			if got := level.AtLeast(least); got != (n >= m) {
				t.Errorf("%s at least %s: %t", level, least, got)
			}
		}
		for _, unknown := range []signicat.LoA{"", "HIGH", "highest", " high"} {
			if unknown.AtLeast(level) || level.AtLeast(unknown) || unknown.AtLeast(unknown) {
				t.Errorf("%q compares with %q", unknown, level)
			}
		}
	}
}

func TestParseLoA(t *testing.T) {
	t.Parallel()
	for text, wantErr := range map[string]error{
		"low": nil, "substantial": nil, "high": nil,
		"": signicat.ErrLoA, "High": signicat.ErrLoA, "urn:high": signicat.ErrLoA,
	} {
		got, err := signicat.ParseLoA(text)
		if !errors.Is(err, wantErr) || err == nil && string(got) != text {
			t.Errorf("%q: got %q, %v", text, got, err)
		}
	}
}
