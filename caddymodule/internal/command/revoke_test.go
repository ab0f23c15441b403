package command

import (
	"strings"
	"testing"
)

// TestRevocationNamesAnID: what is no jti would be revoked, and the command would report a success.
func TestRevocationNamesAnID(t *testing.T) {
	t.Parallel()
	const payload = "eyJqdGkiOiJsb2dpbi4xIn0" // {"jti":"login.1"}
	for name, row := range map[string]struct{ text, want string }{
		"a login":                {"-agOEYhtkjCDYSAVvrIS6g", "-agOEYhtkjCDYSAVvrIS6g"},
		"a token of a login":     {"-agOEYhtkjCDYSAVvrIS6g.2", "-agOEYhtkjCDYSAVvrIS6g.2"},
		"a login with a mark":    {"-agOEYhtkjCDYSAVvrIS6g:1-2", "-agOEYhtkjCDYSAVvrIS6g:1-2"},
		"an access token":        {"e30." + payload + ".x", "login.1"},
		"a token without a jti":  {"e30.e30.x", ""},
		"a token that was cut":   {"e30." + payload[:5] + ".x", ""},
		"an encrypted token":     {"e30..aXY.Y2lwaGVy.dGFn", ""},
		"a refresh token":        {"Ck8mPq2VvT0bXz6yWn4rLA~1~0rTqYwS7hK1mZx3vB9nD5f", ""},
		"half of a token":        {strings.Repeat("a", 300) + "." + payload, ""},
		"a text that is too big": {strings.Repeat("a", 201), ""},
	} {
		got, err := idOf(row.text)
		if got != row.want || (err == nil) != (row.want != "") {
			t.Errorf("%s: %q, %v", name, got, err)
		}
		if err != nil && strings.Contains(err.Error(), row.text) {
			t.Errorf("%s: the error shows the text: %v", name, err)
		}
	}
}
