// Package mobile_test plays what the apps send and read, and compares it with their source.
package mobile_test

import (
	"encoding/json"
	"net/url"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// story is a piece of transcript.txt.
type story struct {
	name  string
	steps []step
}

// step is an event, or a request with what is read of its answer.
type step struct {
	event              string
	method, path, body string
	header             [][2]string
	lost               bool
	status             string
	read               []string
}

// readStories reads transcript.txt.
func readStories(t *testing.T) (stories []story) {
	t.Helper()
	text, err := os.ReadFile("transcript.txt")
	if err != nil {
		t.Fatal(err)
	}
	var request []string
	for line := range strings.Lines(string(text)) {
		mark, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		switch mark {
		case "", "#":
			continue
		case "==":
			stories = append(stories, story{name: rest})
			continue
		case ">":
			request = append(request, rest)
			continue
		}
		s := &stories[len(stories)-1]
		switch mark {
		case "!":
			s.steps = append(s.steps, step{event: rest})
		case "<":
			s.steps = append(s.steps, newStep(t, request, strings.Fields(rest)))
			request = nil
		default:
			t.Fatalf("transcript.txt has a line that begins with %q", mark)
		}
	}
	return stories
}

// newStep reads the lines of a request, and the words of its answer.
func newStep(t *testing.T, request, answer []string) (s step) {
	t.Helper()
	if len(request) == 0 || len(answer) == 0 {
		t.Fatalf("a request or an answer is missing: %q %q", request, answer)
	}
	s.method, s.path, _ = strings.Cut(request[0], " ")
	s.lost = answer[0] == "lost"
	s.status, s.read = answer[0], answer[1:]
	for i, line := range request[1:] {
		if line == "" {
			s.body = request[i+2]
			break
		}
		name, value, _ := strings.Cut(line, ": ")
		s.header = append(s.header, [2]string{name, value})
	}
	return s
}

// words are what stands in quotes in the source of an app that makes this request.
func (s step) words(t *testing.T) (words []string) {
	t.Helper()
	if s.event != "" {
		return nil
	}
	if strings.HasPrefix(s.path, "/itsme/") { // the service's own paths stand in the app
		words = append(words, s.method, s.path)
	}
	for _, field := range s.header {
		words = append(words, field[0], field[1])
	}
	for _, word := range s.read {
		name, value, _ := strings.Cut(word, "=")
		words = append(words, name, value)
	}
	return append(words, s.fields(t)...)
}

// fields are the names in the body, and the values.
func (s step) fields(t *testing.T) (words []string) {
	t.Helper()
	object := map[string]string{}
	if strings.HasPrefix(s.body, "{") {
		if err := json.Unmarshal([]byte(unquoted.ReplaceAllString(s.body, `:"$1"`)), &object); err != nil {
			t.Fatal(err)
		}
	} else {
		form, err := url.ParseQuery(s.body)
		if err != nil {
			t.Fatal(err)
		}
		for name := range form {
			object[name] = form.Get(name)
		}
	}
	for name, value := range object {
		words = append(words, name, value)
	}
	return words
}

// swiftGateway holds all HTTP of the app for iOS.
const swiftGateway = "ios/Core/ItsmeGateway.swift"

var (
	comment  = regexp.MustCompile(`(?ms)/\*\*.*?\*/|//.*?$`)
	quoted   = regexp.MustCompile(`"((?:[^"\\]|\\.)*)"`)
	variable = regexp.MustCompile(`\{[a-z_]+\}`)
	unquoted = regexp.MustCompile(`:(\{[a-z_]+\})`)
	// swiftValue is how Swift writes a value into a string.
	swiftValue = regexp.MustCompile(`\\\([A-Za-z.]+\)`)
)

// TestTranscriptIsWhatSwiftSays compares the words of the transcript with the strings in the source for
// iOS, which no test compiles. The names of the gateway's errors may stand there, too.
func TestTranscriptIsWhatSwiftSays(t *testing.T) {
	t.Parallel()
	want, got := map[string]bool{}, map[string]bool{}
	for _, s := range readStories(t) {
		for _, step := range s.steps {
			for _, word := range step.words(t) {
				want[variable.ReplaceAllString(word, "{}")] = true
			}
		}
	}
	delete(want, "")
	delete(want, "{}")
	errors := read(t, "../../gateway/failure.go") + `"invalid_client"` // RFC 6749 section 5.2
	for _, word := range quoted.FindAllStringSubmatch(comment.ReplaceAllString(read(t, swiftGateway), ""), -1) {
		said := swiftValue.ReplaceAllString(word[1], "{}")
		if want[said] || !strings.Contains(errors, `"`+said+`"`) {
			got[said] = true
		}
	}
	for word := range want { // the core reads the codes of a 401
		if strings.Contains(read(t, "ios/Core/Itsme.swift"), `"`+word+`"`) {
			got[word] = true
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s says something else (-transcript +source):\n%s", swiftGateway, diff)
	}
}
