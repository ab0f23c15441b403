package signicat

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"
)

// Bounds of [Config].Parameters.
const (
	// MaxParameters is the largest number of parameters.
	MaxParameters = 20
	// maxParameterName and maxParameterValue bound a parameter, in bytes.
	maxParameterName  = 100
	maxParameterValue = 1000
)

// parameterResponseType selects itsme's flow: code is App2App, none is without a redirect URL.
// Source: https://developer.signicat.com/identity-methods/itsme/integration/implement/authentication-api/saba/.
const parameterResponseType = "itsme_response_type"

// checkParameters returns the remedy for the first parameter that cannot be sent, or "". Names compare
// without case, because Signicat may read them so. The remedy names no value, which may be a secret.
func checkParameters(parameters map[string]string) string {
	if len(parameters) > MaxParameters {
		return fmt.Sprintf("parameter: there are more than %d; remove some", MaxParameters)
	}
	var before string
	for _, name := range slices.SortedFunc(maps.Keys(parameters), compareFolded) {
		switch value := parameters[name]; {
		case len(name) > maxParameterName || name == "" || strings.ContainsFunc(name, func(r rune) bool { return !wordRune(r) && r != '.' }):
			return fmt.Sprintf("parameter: a name has characters other than letters, digits, - _ and ., or more than %d of them; copy the name from Signicat's pages", maxParameterName)
		case strings.EqualFold(name, before):
			return fmt.Sprintf("parameter: %s is set twice; remove one", name)
		case strings.EqualFold(name, ParameterRedirectURL):
			return "parameter: " + ParameterRedirectURL + " is the redirect URL of each login, which the gateway sends; set redirect_url or app_redirect_url"
		case strings.EqualFold(name, parameterResponseType) && strings.EqualFold(strings.TrimSpace(value), "none"):
			return "parameter: with " + parameterResponseType + " none itsme returns no code to a redirect URL, and this gateway binds a login to its client by that code; remove the parameter, or set it to code"
		case len(value) > maxParameterValue || !utf8.ValidString(value) || !clean(value):
			return fmt.Sprintf("parameter: the value of %s has white space around it, a control character in it, or more than %d bytes; correct it", name, maxParameterValue)
		}
		before = name
	}
	return ""
}

func compareFolded(a, b string) int { return strings.Compare(strings.ToLower(a), strings.ToLower(b)) }

// withParameters returns the parameters of a session: those of the configuration, and over them its own.
func (c *Client) withParameters(own map[string]string) map[string]string {
	if len(c.config.Parameters) == 0 {
		return own
	}
	all := maps.Clone(c.config.Parameters)
	maps.Copy(all, own)
	return all
}
