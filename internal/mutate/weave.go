package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// variable is the environment variable that chooses a mutation in a program that has all of them.
const variable = "CADDY_ITSME_MUTATION"

// woven is a file of the product with mutations in it. Each function that one of them changes begins
// with its changed copy, which runs where the environment chooses the mutation:
//
//	func f() error {
//		if itsmeMutation == "7" { return func() error { ... }() }
//		...
//
// So one build serves all mutations.
type woven struct {
	file   *file
	text   string
	copies []span
	name   string // of the written file, unique among them
}

// span has the first and the last line of a mutation in a woven file.
type span struct {
	first, last int
	mutation    int // its index
}

// changes has the changes of one function, by the index of the mutation.
type changes map[int][]place

// weave puts the mutations into the Go files of the product. Broken gets the errors of
// mutations.
func weave(s *source, mutations []mutation, broken map[int]error) (out []woven) {
	wanted := make(map[*file]map[*function]changes)
	for i, m := range mutations {
		if broken[i] == nil {
			broken[i] = collect(s, i, m, wanted)
		}
	}
	for f, functions := range wanted {
		w := f.weave(functions, broken)
		w.name = fmt.Sprintf("woven_%d.go", len(out))
		out = append(out, w)
	}
	return out
}

func collect(s *source, i int, m mutation, wanted map[*file]map[*function]changes) error {
	places, err := s.places(m)
	if err != nil {
		return err
	}
	for _, p := range places {
		if !p.file.isGo() {
			continue
		}
		if wanted[p.file] == nil {
			wanted[p.file] = make(map[*function]changes)
		}
		if wanted[p.file][p.function] == nil {
			wanted[p.file][p.function] = make(changes)
		}
		wanted[p.file][p.function][i] = append(wanted[p.file][p.function][i], p)
	}
	return nil
}

// places finds the places of all hunks.
func (s *source) places(m mutation) ([]place, error) {
	places := make([]place, len(m.Hunks))
	for i, h := range m.Hunks {
		var err error
		if places[i], err = s.find(h); err != nil {
			return nil, err
		}
	}
	return places, nil
}

// weave writes the file with the copies of its functions.
func (f *file) weave(functions map[*function]changes, broken map[int]error) woven {
	w := woven{file: f}
	var out strings.Builder
	at := 0
	for i := range f.functions {
		fn := &f.functions[i]
		opens := int(fn.body.Lbrace)
		out.WriteString(f.text[at:opens])
		at = opens
		for _, m := range slices.Sorted(maps.Keys(functions[fn])) {
			if broken[m] != nil {
				continue
			}
			first := 1 + strings.Count(out.String(), "\n")
			out.WriteString(f.copyOf(fn, m, functions[fn][m]))
			w.copies = append(w.copies, span{first, 1 + strings.Count(out.String(), "\n"), m})
		}
	}
	out.WriteString(f.text[at:])
	w.text = out.String()
	return w
}

// copyOf returns the body of a function with a mutation, behind its condition.
func (f *file) copyOf(fn *function, m int, places []place) string {
	body := f.changed(int(fn.body.Lbrace), int(fn.body.Rbrace)-1, places)
	if fn.results == "" {
		return fmt.Sprintf("\nif itsmeMutation == %q {\nfunc() {%s}()\nreturn\n}\n", strconv.Itoa(m), body)
	}
	return fmt.Sprintf("\nif itsmeMutation == %q {\nreturn func() %s {%s}()\n}\n", strconv.Itoa(m), fn.results, body)
}

// changed is a part of the file, with other text in some places.
func (f *file) changed(from, to int, places []place) string {
	slices.SortFunc(places, func(a, b place) int { return a.from - b.from })
	var out strings.Builder
	for _, p := range places {
		out.WriteString(f.text[from:p.from] + p.text)
		from = p.to
	}
	return out.String() + f.text[from:to]
}

// writeOverlay writes woven files to a folder, and returns the file that go build -overlay reads.
func writeOverlay(folder string, files []woven) (overlay string, err error) {
	replace := make(map[string]string)
	write := func(path, name, text string) error {
		replace[path] = filepath.Join(folder, name)
		return os.WriteFile(replace[path], []byte(text), 0o600)
	}
	for i, w := range files {
		if err := write(w.file.path, w.name, w.text); err != nil {
			return "", err
		}
		chooser := filepath.Join(filepath.Dir(w.file.path), "itsme_mutation.go")
		if replace[chooser] != "" {
			continue
		}
		if err := write(chooser, fmt.Sprintf("chooser_%d.go", i), chooserOf(w.file.text)); err != nil {
			return "", err
		}
	}
	document, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		return "", err
	}
	overlay = filepath.Join(folder, "overlay.json")
	return overlay, os.WriteFile(overlay, document, 0o600)
}

// chooserOf returns a file for the package of text that reads which mutation the environment chooses.
func chooserOf(text string) string {
	name := text[strings.Index("\n"+text, "\npackage ")+len("package "):]
	name, _, _ = strings.Cut(name, "\n")
	return fmt.Sprintf("package %s\n\nimport \"os\"\n\nvar itsmeMutation = os.Getenv(%q)\n", name, variable)
}
