package page

import (
	"strings"
	"testing"

	"github.com/caddy-itsme/caddy-itsme/internal/htmltest"
)

// TestEveryPageIsValidHTML has the checker of validator.w3.org read every page in every language, with and without
// what an operator and a login add.
func TestEveryPageIsValidHTML(t *testing.T) {
	t.Parallel()
	documents := make(map[string]string)
	looks := map[string]*Pages{
		"bare": example(Config{}),
		"with a look": example(Config{
			Name: "Example & Co", Logo: "/logo.svg", Color: []string{"0b5cad", "9ccbff"}, Start: "tap",
			Text: map[string]map[string]string{"login.text": {"nl": `<Welkom> & "tot ziens"`}},
		}),
	}
	for look, pages := range looks {
		for name := range pages.words {
			for _, language := range languages {
				shown := Page{Name: name, Language: language, Again: HasButton(name)}
				switch name {
				case "login":
					shown.ReturnTo, shown.ACRValues, shown.MaxAge, shown.Probed = `/a?b="c"&d`, "high", "60", true
				case "open":
					shown.Link, shown.SessionID, shown.ExpiresIn = "https://idp.example/?a=1&b=2", strings.Repeat("a", 43), 1200
				case "waiting", "unavailable":
					shown.Refresh = 2
				case "unbound":
					shown.Hide = true
				case "denied":
					shown.Fragment, shown.SessionID, shown.ReturnTo = true, strings.Repeat("a", 43), "/a?b=c&d=e"
				case "in_app":
					shown.Device, shown.ReturnTo = DeviceAndroid, "/a?b=c&d=e"
				}
				_, documents[look+" "+name+" "+language] = render(t, pages, shown)
				switch name {
				case "waiting":
					shown.Refresh, shown.Fragment, shown.Arrives, shown.SessionID, shown.ReturnTo = 0, true, true, strings.Repeat("a", 43), "/a?b=%22c%22&d"
					_, documents[look+" arrives "+language] = render(t, pages, shown)
				case "in_app":
					shown.Device = DeviceIOS
					_, documents[look+" in_app on iOS "+language] = render(t, pages, shown)
					shown.Device = ""
					_, documents[look+" in_app elsewhere "+language] = render(t, pages, shown)
				}
			}
		}
	}
	for _, problem := range Problems() {
		body, err := problem.Render(make(map[string][]string), []Answer{{401, "Log in"}}, "/itsme/openapi.yaml")
		if err != nil {
			t.Fatal(err)
		}
		documents["problem "+problem.Name] = string(body)
	}
	htmltest.Validate(t, documents)
}
