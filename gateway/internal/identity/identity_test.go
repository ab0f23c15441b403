package identity

import "testing"

func TestHeaderValueIsPrintable(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]string{
		"Jane Doe":           "Jane Doe",
		"Zoë":                "Zo%C3%AB",
		"100%":               "100%25",
		"a\r\nX-Evil: 1":     "a%0D%0AX-Evil: 1",
		"nul\x00":            "nul%00",
		" edges ":            "%20edges%20",
		"{env.SECRET}":       "{env.SECRET}",
		"{file./etc/passwd}": "{file./etc/passwd}",
		"":                   "",
		"del\x7f":            "del%7F",
	} {
		if got := encodeHeader(value); got != want {
			t.Errorf("%q becomes %q, want %q", value, got, want)
		}
	}
}
