package block

import "testing"

func TestNearest(t *testing.T) {
	t.Parallel()
	known := []string{"public_url", "path", "redirect_url", "app_redirect_url", "loa"}
	for name, want := range map[string]string{
		"public_ur":    "public_url",
		"publicurl":    "public_url",
		"redirect_uri": "redirect_url",
		"paht":         "", // two letters of four
		"pat":          "path",
		"log":          "loa",
		"":             "",
		"colour":       "",
	} {
		if got, ok := nearest(name, known); got != want || ok != (want != "") {
			t.Errorf("nearest(%q) = %q, %v; want %q", name, got, ok, want)
		}
	}
}

func TestEditDistance(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		a, b string
		want int
	}{
		{"", "", 0},
		{"", "abc", 3},
		{"abc", "", 3},
		{"abc", "abc", 0},
		{"kitten", "sitting", 3},
		{"claims", "claim", 1},
	} {
		if got := editDistance(tt.a, tt.b); got != tt.want {
			t.Errorf("editDistance(%q, %q) = %d, want %d", tt.a, tt.b, got, tt.want)
		}
	}
}
