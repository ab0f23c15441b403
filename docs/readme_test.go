package docs_test

import (
	"encoding/base64"
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"maps"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/caddy-itsme/caddy-itsme/gateway"
	"github.com/caddy-itsme/caddy-itsme/internal/gatewaytest"
	"github.com/caddy-itsme/caddy-itsme/internal/repotest"
	jwt "github.com/caddy-itsme/caddy-itsme/token"
	"github.com/google/go-cmp/cmp"
)

// maxREADME is the number of lines that fit a page for a first visit.
const maxREADME = 150

func TestREADMEIsOnePage(t *testing.T) {
	t.Parallel()
	text := repotest.ReadFile(t, "README.md")
	if lines := strings.Count(text, "\n"); lines > maxREADME {
		t.Errorf("README has %d lines, want at most %d", lines, maxREADME)
	}
	commands, heading := strings.Index(text, "```sh\n"), strings.Index(text, "\n## ")
	if commands < 0 || commands > heading {
		t.Error("a heading stands before the commands")
	}
}

// TestREADMEShowsWhatAServiceGets logs in the user of README, and compares the headers and the claims.
func TestREADMEShowsWhatAServiceGets(t *testing.T) {
	t.Parallel()
	front := gatewaytest.Start(t, gateway.Config{Attributes: []string{"name"}})
	app := front.NewApp()
	token := app.Login(t, "adult")
	app.Call(t, "/", token)
	got, text := front.Upstream.Last(), repotest.ReadFile(t, "README.md")

	lines := regexp.MustCompile(`(?m)^(X-Itsme-[A-Za-z-]+|Authorization): (.+)$`).FindAllStringSubmatch(text, -1)
	if len(lines) != 4 {
		t.Errorf("README shows %d headers, want 4", len(lines))
	}
	for _, line := range lines {
		shown, all, _ := strings.Cut(line[2], "Bearer ")
		if value := got.Get(line[1]); value != line[2] && (all == "" || !strings.HasPrefix(value, shown+"Bearer ey")) {
			t.Errorf("README shows %s, the service got %q", line[0], value)
		}
	}

	_, block, _ := strings.Cut(text, "```json\n")
	block, _, _ = strings.Cut(block, "```")
	shown, claims := make(map[string]any), claimsOf(t, strings.TrimPrefix(got.Get("Authorization"), "Bearer "))
	if err := json.Unmarshal([]byte(block), &shown); err != nil {
		t.Fatal(err)
	}
	names := cmp.Diff(slices.Sorted(maps.Keys(claims)), slices.Sorted(maps.Keys(shown)))
	if names != "" {
		t.Errorf("README shows other claims (-gateway +README):\n%s", names)
	}
	for _, claim := range []string{"sub", "idp", "acr", "name"} {
		if claims[claim] != shown[claim] {
			t.Errorf("README shows %s %v, the token has %v", claim, shown[claim], claims[claim])
		}
	}
	if life := shown["exp"].(float64) - shown["iat"].(float64); life != jwt.MaxMintedLifetime.Seconds() {
		t.Errorf("README shows a token of %v s", life)
	}
}

// claimsOf returns the claims of a token.
func claimsOf(t *testing.T, token string) (claims map[string]any) {
	t.Helper()
	payload, err := base64.RawURLEncoding.DecodeString(strings.Split(token, ".")[1])
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(payload, &claims); err != nil {
		t.Fatal(err)
	}
	return claims
}

// TestPicturesHaveTexts reads the diagrams. Each has a description for readers who do not see it, with every step, and
// loads nothing.
func TestPicturesHaveTexts(t *testing.T) {
	t.Parallel()
	for picture, steps := range map[string]int{"docs/images/login.svg": 10, "docs/images/privacy.svg": 7} {
		texts := textsOf(t, picture)
		for step := range steps {
			number := strconv.Itoa(step + 1)
			if !strings.Contains(texts["desc"], number+". ") || !strings.Contains(texts["text"], number+"  ") {
				t.Errorf("%s: step %s is missing in the picture or its description", picture, number)
			}
		}
	}
	images := regexp.MustCompile(`!\[([^\]]*)\]\(|<img [^>]*alt="([^"]*)"`)
	for _, page := range repotest.FilesMatching(t, ".", "*.md") {
		for _, image := range images.FindAllStringSubmatch(repotest.ReadFile(t, page), -1) {
			if len(image[1]+image[2]) < 40 {
				t.Errorf("%s: %q describes no picture", page, image[1]+image[2])
			}
		}
	}
}

// textsOf returns the texts of a picture by element.
func textsOf(t *testing.T, picture string) map[string]string {
	t.Helper()
	texts := make(map[string]string)
	decoder := xml.NewDecoder(strings.NewReader(repotest.ReadFile(t, picture)))
	for name := ""; ; {
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			return texts
		} else if err != nil {
			t.Fatal(err)
		}
		switch token := token.(type) {
		case xml.StartElement:
			name = token.Name.Local
			for _, a := range token.Attr {
				if a.Name.Local == "href" || name == "script" {
					t.Errorf("%s loads %q", picture, a.Value)
				}
			}
		case xml.CharData:
			texts[name] += string(token)
		}
	}
}

// TestScreenshotShowsTheTexts compares the description of the screenshot with the texts of the login page.
func TestScreenshotShowsTheTexts(t *testing.T) {
	t.Parallel()
	front := gatewaytest.Start(t, gateway.Config{Attributes: []string{"name"}})
	html := front.NewApp().Get(t, "/login?language=en").Body
	for _, text := range []string{"Log in with itsme", "Continue with itsme"} {
		if !strings.Contains(html, text) || !strings.Contains(repotest.ReadFile(t, "README.md"), text) {
			t.Errorf("the page or README lacks %q: take the screenshot again", text)
		}
	}
}

// TestIndexNamesEveryPage looks for pages and examples that no reader of the index finds.
func TestIndexNamesEveryPage(t *testing.T) {
	t.Parallel()
	index := repotest.ReadFile(t, "docs/README.md")
	pages := repotest.FilesMatching(t, "docs", "*.md")
	for _, page := range append(pages, repotest.FilesMatching(t, "docs", "*.yaml")...) {
		if name := strings.TrimPrefix(page, "docs/"); name != "README.md" && !strings.Contains(index, "]("+name+")") {
			t.Errorf("docs/README.md does not name %s", name)
		}
	}
	examples, err := os.ReadDir("examples")
	if err != nil {
		t.Fatal(err)
	}
	for _, example := range examples {
		if example.IsDir() && !strings.Contains(index, "](../examples/"+example.Name()+"/README.md)") {
			t.Errorf("docs/README.md does not name examples/%s", example.Name())
		}
	}
}
