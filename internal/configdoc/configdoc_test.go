package main

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestPageIsCurrent compares docs/configuration.md with a newly generated page.
func TestPageIsCurrent(t *testing.T) {
	t.Parallel()
	want, err := generate("../../caddymodule")
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile("../../docs/configuration.md")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("docs/configuration.md is stale; run make docs (-source +page):\n%s", diff)
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
//	}
//
// Nothing else.
func (l *Lamp) UnmarshalCaddyfile(d *Dispenser) error { return nil }

// Room is a room.
type Room struct {
	// BulbCount is how many bulbs there are. Default 1.
	BulbCount int ` + "`json:\"bulbs\"`" + `

	// Colour of the light: red or green. Colour does not count with Shade.
	Colour string ` + "`json:\"colour\"`" + `

	// On is when it goes on. After BulbCount, not after Colour.
	On Time ` + "`json:\"on\"`" + `

	// Off is when it goes off.
	Off *Time ` + "`json:\"off\"`" + `

	// ShadeRaw hides it.
	ShadeRaw json.RawMessage ` + "`json:\"shade\" caddy:\"namespace=lamp.shades inline_key=of\"`" + `

	// Names are its names by ID, a|b.
	Names []string ` + "`json:\"names\"`" + `
}

type key struct {
	ID string ` + "`json:\"kid\"`" + `
}

// Time is a time.
type Time struct {
	// After is how long after dark.
	After caddy.Duration ` + "`json:\"after\"`" + `
}
`

const wantPage = "\n## Module `lamp`\n\n`lamp` gives light. A Bulb | is needed; see `bulbs`.\n" +
	"\nIn a Caddyfile:\n\n```text\nlamp [<room>] {\n    bulbs  <count>   # may repeat\n    colour red|green\n" +
	"    on     <duration>\n    off    <duration>\n    shade {\n        of <name>\n    }\n}\n```\n" + `
| Key | Value | Caddyfile | Meaning |
|---|---|---|---|
| 'rooms' | objects by name | 'lamp [<room>] { ... }' | 'rooms' are where lamps are. Required. |

### 'rooms'

Each is a room.

| Key | Value | Caddyfile | Meaning |
|---|---|---|---|
| 'bulbs' | whole number | 'bulbs <count>' | 'bulbs' is how many bulbs there are. Default 1. |
| 'colour' | text | 'colour red\|green' | 'colour' of the light: red or green. Colour does not count with 'shade'. |
| 'on' | object | 'on <duration>' | 'on' is when it goes on. After 'bulbs', not after 'colour'. |
| 'off' | object | 'off <duration>' | 'off' is when it goes off. |
| 'shade' | module of 'lamp.shades' | 'shade { ... }' | 'shade' hides it. |
| 'names' | list of texts | JSON only | 'names' are its names by ID, a\|b. |

### 'on', 'off'

Each is a time.

| Key | Value | Caddyfile | Meaning |
|---|---|---|---|
| 'after' | duration | 'on <duration>'<br>'off <duration>' | 'after' is how long after dark. |
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
		"a field without a doc comment": {"	// After is how long after dark.\n", ""},
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
