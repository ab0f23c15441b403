package doctor

import (
	"regexp"
	"strings"
)

var (
	// caddyStep is a part of an error in which Caddy names its way to a module.
	caddyStep = regexp.MustCompile(`^(loading .*|provision [a-z0-9_.]+|server [^ ]+|setting up .*|route \d+|position \d+|` +
		`adapting config using [a-z]+|parsing caddyfile tokens for '[^']*'|http_app|[a-z.]+ module)$`)
	// provisioned is the step of one module.
	provisioned = regexp.MustCompile(`^(?:loading module '([^']+)'|provision ([a-z0-9_.]+))$`)
)

// Refused returns the one finding about a configuration that does not load. It begins with the sentence that
// matters: Caddy's way to the module is left out. A module that is not itsme's is named.
func Refused(err error) []Finding { return one(configRefused, "%s", sentence(err.Error())) }

func sentence(text string) string {
	module := ""
	for {
		step, rest, found := strings.Cut(text, ": ")
		if !found || !caddyStep.MatchString(step) {
			break
		}
		if name := provisioned.FindStringSubmatch(step); name != nil {
			module = name[1] + name[2]
		}
		text = rest
	}
	if module == "" || strings.Contains(module, "itsme") || module == "http" {
		return text
	}
	return module + ": " + text
}
