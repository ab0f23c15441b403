package page

import (
	"regexp"
	"slices"
	"strings"
	"testing"
)

// familiar matches the familiar form of address. The pages address every user in the polite form.
var familiar = map[string]*regexp.Regexp{
	"nl": word("je|jij|jou|jouw|jullie|ge|gij"),
	"fr": word("tu|te|toi|ton|ta|tes"),
	"de": word("du|dich|dir|dein|deine|deiner|deinem|deinen|euch|euer|eure"),
}

// word matches one of these words. \b knows ASCII alone.
func word(these string) *regexp.Regexp {
	return regexp.MustCompile(`(?i)(?:^|[^\pL])(?:` + these + `)(?:[^\pL]|$)`)
}

// plainSpace matches a blank before a mark where French has one that does not break.
var plainSpace = regexp.MustCompile(` [?!:;]`)

// TestPagesAddressUsersAlike reads the texts of every page.
func TestPagesAddressUsersAlike(t *testing.T) {
	t.Parallel()
	read := 0
	for name, translations := range allWords() {
		for language, w := range translations {
			text := strings.Join(slices.Concat(w.Text, []string{w.Title, w.Computer, w.Action, w.Second}), " | ")
			if language != "en" && familiar[language].MatchString(text) {
				t.Errorf("%s in %s has the familiar form: %s", name, language, text)
			}
			if language == "fr" && plainSpace.MatchString(text) {
				t.Errorf("%s: a line could begin with a mark: %s", name, text)
			}
			read++
		}
	}
	if read < 40 {
		t.Errorf("only %d texts were read", read)
	}
}
