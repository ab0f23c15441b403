// Package docker_test compares the images with what the repository builds and tests.
package docker_test

import (
	"regexp"
	"strings"
	"testing"

	"github.com/caddy-itsme/caddy-itsme/internal/exampletest"
)

var (
	goVersion    = regexp.MustCompile(`(?m)^go (\d+\.\d+)`)
	caddyVersion = regexp.MustCompile(`github.com/caddyserver/caddy/v2 v(\S+)`)
)

func TestImagesBuildTheVersionsThatAreTested(t *testing.T) {
	t.Parallel()
	gomod := exampletest.Read(t, "../../go.mod")
	caddy, language := caddyVersion.FindStringSubmatch(gomod), goVersion.FindStringSubmatch(gomod)
	if caddy == nil || language == nil {
		t.Fatal("go.mod names no version")
	}
	for file, lines := range map[string][]string{
		"Dockerfile":         {"FROM caddy:" + caddy[1] + "-builder AS build", "FROM caddy:" + caddy[1], "RUN xcaddy build v" + caddy[1] + " "},
		"scratch.Dockerfile": {"FROM golang:" + language[1] + " AS build", "RUN /xcaddy build v" + caddy[1] + " ", "USER 65532:65532"},
	} {
		text := exampletest.Read(t, file)
		for _, line := range lines {
			if !strings.Contains(text, "\n"+line) {
				t.Errorf("%s has no line %q", file, line)
			}
		}
		if !strings.HasPrefix(text, "# Unverified:") {
			t.Errorf("%s does not begin with Unverified", file)
		}
	}
}
