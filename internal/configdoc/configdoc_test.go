package main

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestPageIsCurrent compares docs/caddyfile.md with a newly generated page.
func TestPageIsCurrent(t *testing.T) {
	t.Parallel()
	want, err := generate("../../caddymodule")
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile("../../docs/caddyfile.md")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("docs/caddyfile.md is stale; run make docs (-source +page):\n%s", diff)
	}
}

const sample = `package sample

// Lamp gives light. A Bulb | is needed; see BulbCount.
type Lamp struct {
	// Rooms are where lamps are. Required.
	Rooms map[string]Room ` + "`json:\"rooms,omitempty\"`" + `

	hidden int
}

func (Lamp) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "lamp", New: func() caddy.Module { return new(Lamp) }}
}

// UnmarshalCaddyfile reads a lamp. Syntax:
//
//	lamp [<room>] {
//	    bulbs  <count>   # may repeat
//	    colour red|green
//	    on     <duration>
//	    off    <duration>
//	    shade {
//	        of <name>
//	    }
//	    names  first <name>
//	    names  last <name>
//	}
//
// Nothing else.
func (l *Lamp) UnmarshalCaddyfile(d *Dispenser) error { return nil }

// Room is a room.
type Room struct {
	// BulbCount is how many bulbs there are. Default 1.
	BulbCount int ` + "`json:\"bulbs\"`" + `

	// Colour of the light: red or green. Colour does not count with Shade. Default: that of the last
	// evening.
	Colour string ` + "`json:\"colour\"`" + `

	// On is when it goes on. After BulbCount, not after Colour.
	On Time ` + "`json:\"on\"`" + `

	// Off is when it goes off.
	Off *Time ` + "`json:\"off\"`" + `

	// ShadeRaw hides it. Required, at least one.
	ShadeRaw json.RawMessage ` + "`json:\"shade\" caddy:\"namespace=lamp.shades inline_key=of\"`" + `

	// Names are its names by ID, a|b. See docs/lamps.md#names. Default: none.
	Names []Name ` + "`json:\"names\"`" + `

	// Home is its page. Default https://lamp.example.
	Home string ` + "`json:\"home\"`" + `
}

// Name is a name.
type Name struct {
	// First is the first one. Default: none.
	First string ` + "`json:\"first\"`" + `

	// Last is the last one. Default: none.
	Last string ` + "`json:\"last\"`" + `
}

type key struct {
	ID string ` + "`json:\"kid\"`" + `
}

// Time is a time.
type Time struct {
	// After is how long after dark. Default 0s.
	After caddy.Duration ` + "`json:\"after\"`" + `
}
`

const wantPage = "| [Module `lamp`](#module-lamp) |  |\n" +
	"\n## Module `lamp`\n\nThe module `lamp` gives light. A Bulb | is needed; see `bulbs`.\n" +
	"\nThe complete grammar. Do not copy it as a starting point.\n\n```text\nlamp [<room>] {\n" +
	"    bulbs  <count>   # may repeat\n    colour red|green\n" +
	"    on     <duration>\n    off    <duration>\n    shade {\n        of <name>\n    }\n" +
	"    names  first <name>\n    names  last <name>\n}\n```\n" + `
| Caddyfile | JSON | Default | Meaning |
|---|---|---|---|
| 'lamp [<room>] { ... }' | 'rooms', objects by name | required | 'rooms' are where lamps are. |

### 'rooms'

Each is a room.

| Caddyfile | JSON | Default | Meaning |
|---|---|---|---|
| 'bulbs <count>' | 'bulbs', whole number | '1' | 'bulbs' is how many bulbs there are. |
| 'colour red\|green' | 'colour', text | that of the last evening | 'colour' of the light: red or green. Colour does not count with 'shade'. |
| 'on <duration>' | 'on', object |  | 'on' is when it goes on. After 'bulbs', not after 'colour'. |
| 'off <duration>' | 'off', object |  | 'off' is when it goes off. |
| 'shade { ... }' | 'shade', module of 'lamp.shades' | required | 'shade' hides it. |
| 'names first <name>'<br>'names last <name>' | 'names', list of objects | none | 'names' are its names by ID, a\|b. See [lamps.md](lamps.md#names). |
| JSON only | 'home', text | 'https://lamp.example' | 'home' is its page. |

### 'on', 'off'

Each is a time.

| Caddyfile | JSON | Default | Meaning |
|---|---|---|---|
| 'on <duration>'<br>'off <duration>' | 'after', duration | '0s' | 'after' is how long after dark. |

### 'names'

'names' is a name.

| Caddyfile | JSON | Default | Meaning |
|---|---|---|---|
| 'names first <name>' | 'first', text | none | 'first' is the first one. |
| 'names last <name>' | 'last', text | none | 'last' is the last one. |
`

func TestGenerate(t *testing.T) {
	t.Parallel()
	got, err := generate(write(t, sample))
	if err != nil {
		t.Fatal(err)
	}
	want := head + strings.ReplaceAll(wantPage, "'", "`")
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Errorf("the page differs (-want +got):\n%s", diff)
	}
}

// TestNothingIsLeftUnsaid removes one part of the source at a time.
func TestNothingIsLeftUnsaid(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct{ old, new string }{
		"a type without a doc comment":  {"// Lamp gives light. A Bulb | is needed; see BulbCount.\n", ""},
		"a field without a doc comment": {"	// After is how long after dark. Default 0s.\n", ""},
		"a field without a default":     {"how long after dark. Default 0s.", "how long after dark."},
		"a type without words":          {"On Time", "On chan int"},
		"no module":                     {`ID: "lamp"`, "ID: lamp"},
		"no Go":                         {"package sample", "sample"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			changed := strings.Replace(sample, row.old, row.new, 1)
			if changed == sample {
				t.Fatal("nothing was taken away")
			}
			if page, err := generate(write(t, changed)); !errors.Is(err, errSource) {
				t.Errorf("error %v, page:\n%s", err, page)
			}
		})
	}
}

// write makes a package of one file, with a test file that must be ignored.
func write(t *testing.T, text string) (folder string) {
	t.Helper()
	folder = t.TempDir()
	for name, text := range map[string]string{"sample.go": text, "sample_test.go": "package other; type Lamp struct{}"} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return folder
}
