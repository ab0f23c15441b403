package block

import (
	"testing"

	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
)

const lines = `itsme second {
	path /itsme
	page {
		name "Example"
		text login.title nl "Welkom"
		text login.titel fr "Bienvenue"
	}
	token {
		lifetime 48h
		claims name
	}
	app_redirect_url https://a.example.be/cb
	app_redirect_url https://b.example.be/cb
	require loa low
	require max_age 1s
}`

func TestLineIsTheOneThatAnErrorIsAbout(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]int{
		`token lifetime: 48h0m0s is out of bounds`:                9,
		`token rotate: 8h is out of bounds`:                       8,
		`token: the block is empty`:                               8,
		`page text: there is no text "login.titel"`:               6,
		`page text login.titel: the language "it" is not offered`: 6,
		`app_redirect_url: "https://b.example.be/cb" is plain`:    13,
		`app_redirect_url: apps need one of their own`:            12,
		`require max_age: 1s is out of bounds`:                    15,
		`path: "/itsme" cannot be`:                                2,
		`paths: none`:                                             1,
		`public_url: missing`:                                     1,
		``:                                                        1,
	} {
		d := caddyfile.NewTestDispenser(lines)
		d.Next()
		d.NextArg()
		if got := Line(*d, text).Line(); got != want {
			t.Errorf("%q is about line %d, want %d", text, got, want)
		}
	}
}
