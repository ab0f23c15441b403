package page

import (
	"maps"
	"slices"
)

// words are a page's texts in one language.
type words struct {
	Title  string
	Text   []string
	Action string // the button
	Second string // what else can be done
}

// vocabulary holds the words of every page, by the page and the language.
type vocabulary map[string]map[string]words

// languageNames are the languages in their own words.
var languageNames = map[string]string{"nl": "Nederlands", "fr": "Français", "de": "Deutsch", "en": "English"}

// languagesLabel is what the list of languages is called, for screen readers.
var languagesLabel = map[string]string{"nl": "Taal", "fr": "Langue", "de": "Sprache", "en": "Language"}

var again = map[string]string{
	"nl": "Opnieuw proberen", "fr": "Réessayer", "de": "Erneut versuchen", "en": "Try again",
}

// allWords are the texts of every page in every language.
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

// of are the words of a page; English where a language is not offered.
func (v vocabulary) of(name, language string) words {
	w, ok := v[name][language]
	if !ok {
		w = v[name]["en"]
	}
	return w
}

// textFields are what a text's key ends in, and the field that it replaces.
var textFields = map[string]func(*words, string){
	".title":  func(w *words, text string) { w.Title = text },
	".text":   func(w *words, text string) { w.Text = []string{text} },
	".action": func(w *words, text string) { w.Action = text },
}

// Texts lists the keys of [Config].Text: the name of a page, then .title, .text or .action (the
// button). It is the caller's own copy.
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

// replace takes the texts of the configuration.
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
