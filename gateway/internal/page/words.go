package page

import (
	"maps"
	"slices"
)

// words holds the texts of a page in one language.
type words struct {
	Title    string
	Text     []string
	Computer string // a sentence that a touch device does not show
	Action   string // the button
	Second   string // a second link
	Copy     string // a button that copies an address
	Copied   string // what the button then says
}

// vocabulary holds the words of every page, by page and language.
type vocabulary map[string]map[string]words

// languageNames holds the name of each language in that language.
var languageNames = map[string]string{"nl": "Nederlands", "fr": "Français", "de": "Deutsch", "en": "English"}

// languagesLabel is the label of the list of languages, for screen readers.
var languagesLabel = map[string]string{"nl": "Taal", "fr": "Langue", "de": "Sprache", "en": "Language"}

var again = map[string]string{
	"nl": "Opnieuw proberen", "fr": "Réessayer", "de": "Erneut versuchen", "en": "Try again",
}

// allWords returns the words of every page in every language.
func allWords() vocabulary {
	all := make(vocabulary)
	for _, part := range []vocabulary{loginWords(), endWords(), refusalWords()} {
		maps.Copy(all, part)
	}
	for _, translations := range all {
		for language, w := range translations {
			if w.Action == "" {
				w.Action = again[language]
				translations[language] = w
			}
		}
	}
	return all
}

// of returns the words of a page, in English when the language is not offered.
func (v vocabulary) of(name, language string) words {
	w, ok := v[name][language]
	if !ok {
		w = v[name]["en"]
	}
	return w
}

// textFields maps the end of a key to the field that it replaces.
var textFields = map[string]func(*words, string){
	".title":  func(w *words, text string) { w.Title = text },
	".text":   func(w *words, text string) { w.Text, w.Computer = []string{text}, "" },
	".action": func(w *words, text string) { w.Action = text },
}

// Texts returns the keys of [Config].Text: the name of a page, then .title, .text or .action (the button).
// The slice is the caller's copy.
func Texts() []string {
	var keys []string
	for name := range allWords() {
		for field := range textFields {
			if field != ".action" || !slices.Contains(buttonless, name) {
				keys = append(keys, name+field)
			}
		}
	}
	slices.Sort(keys)
	return keys
}

// replace sets the texts of the configuration.
func (v vocabulary) replace(texts map[string]map[string]string) {
	for name, translations := range v {
		for field, set := range textFields {
			for language, text := range texts[name+field] {
				w := translations[language]
				set(&w, text)
				translations[language] = w
			}
		}
	}
}
