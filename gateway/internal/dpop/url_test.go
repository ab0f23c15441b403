package dpop

import (
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestNormalize(t *testing.T) {
	t.Parallel()
	for raw, want := range map[string]string{
		"https://api.example.be/a":              "https://api.example.be/a",
		"HTTPS://API.Example.BE/A":              "https://api.example.be/A",
		"https://api.example.be":                "https://api.example.be/",
		"https://api.example.be?x=1":            "https://api.example.be/",
		"https://api.example.be#x/y":            "https://api.example.be/",
		"https://api.example.be:443/a":          "https://api.example.be/a",
		"http://api.example.be:80/a":            "http://api.example.be/a",
		"https://api.example.be:80/a":           "https://api.example.be:80/a",
		"https://api.example.be:/a":             "https://api.example.be/a",
		"https://[2001:DB8::1]:443/a":           "https://[2001:db8::1]/a",
		"https://api.example.be/a?x=/b#c":       "https://api.example.be/a",
		"https://api.example.be/%7euser/%41%2d": "https://api.example.be/~user/A-",
		"https://api.example.be/caf%c3%a9":      "https://api.example.be/caf%C3%A9",
		"https://api.example.be/a/../b":         "https://api.example.be/a/../b",
		"https://api.example.be/a/%2e%2e/b":     "https://api.example.be/a/../b",
		"https://api.example.be/a%2fb%5cc":      "https://api.example.be/a%2Fb%5Cc",
		"https://api.example.be/a|b%7cé":        "https://api.example.be/a%7Cb%7C%C3%A9",
		"https://api.example.be/a\\b":           "https://api.example.be/a\\b",
		"https://api.example.be/a%":             "https://api.example.be/a%",
		"https://api.example.be/%2":             "https://api.example.be/%2",
		"https://api.example.be/%zz%7E":         "https://api.example.be/%zz~",
		"https://api.example.be/%257E":          "https://api.example.be/%257E",
		"https://api.example.be//a/":            "https://api.example.be//a/",

		"":                                 "",
		"/a":                               "",
		"//api.example.be/a":               "",
		"https:///a":                       "",
		"https://:443/a":                   "",
		"ftp://api.example.be/a":           "",
		"https://user@api.example.be/a":    "",
		"https://api.example.be\\@evil/a":  "",
		"https://api.example.be evil/a":    "",
		"https:api.example.be/a":           "",
		"javascript://api.example.be/%0aa": "",
	} {
		if got, ok := Normalize(raw); got != want || ok != (want != "") {
			t.Errorf("%q is %q, want %q", raw, got, want)
		}
	}
}

// TestNormalFormIsStable: the form of a form is the form, and no form has another path separator than the URL.
func TestNormalFormIsStable(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		path := rapid.StringMatching(`(/|%|2|[a-fA-F0-9]|\.|~|-|5|[zé;])*`).Draw(t, "path")
		once, ok := Normalize("https://api.example.be/" + path)
		if !ok {
			t.Fatalf("no form of %q", path)
		}
		if strings.Count(once, "/") != strings.Count("https://api.example.be/"+path, "/") {
			t.Errorf("%q has other segments than %q", once, path)
		}
		if again, _ := Normalize(once); again != once && !strings.Contains(path, "%") {
			t.Errorf("%q becomes %q", once, again)
		}
	})
}
