package signicattest

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
)

const (
	provider               = "itsme"
	defaultSessionLifetime = 1200
	minSessionLifetime     = 300

	redirectURLParameter  = "itsme_redirect_url"
	responseTypeParameter = "itsme_response_type"
)

// sessionRequest holds the members of a session request that the headless flow uses.
type sessionRequest struct {
	flow                string
	requestedAttributes []string
	allowedProviders    []string
	redirectURL         string
	responseType        string
	requestedLoa        string
	tags                []string
	language            string
	themeID             string
	externalReference   string
	usageReference      string
	requestDomain       string
	sessionLifetime     int32
	callbackURLs        *callbackURLs
	encrypted           bool
}

// callbackURLs belong to the redirect flow. The headless flow returns them unchanged.
type callbackURLs struct {
	Success string `json:"success"`
	Abort   string `json:"abort"`
	Error   string `json:"error"`
}

// parseSessionRequest reads a body strictly and returns everything that is wrong with it.
// Source: SessionRequestDto of the Authentication REST API, 2025-03.
func (c Config) parseSessionRequest(body []byte) (*sessionRequest, []invalidParam) {
	r := &sessionRequest{sessionLifetime: defaultSessionLifetime}
	wrong := r.fields().read(body, "flow", "requestedAttributes")
	if len(wrong) > 0 {
		return nil, wrong
	}
	wrong = r.check(c)
	r.sessionLifetime = max(r.sessionLifetime, minSessionLifetime)
	r.language = supportedLanguage(r.language)
	return r, wrong
}

// fields returns the members of the body, each with its target.
func (r *sessionRequest) fields() fields {
	return fields{
		"flow":                  oneOf(&r.flow, "headless", "redirect", "embedded"),
		"requestedAttributes":   texts(&r.requestedAttributes, 100),
		"allowedProviders":      nullable(texts(&r.allowedProviders, 30)),
		"additionalParameters":  nullable(r.additionalParameters),
		"requestedLoa":          nullable(oneOf(&r.requestedLoa, loas...)),
		"tags":                  nullable(texts(&r.tags, 100)),
		"language":              nullable(text(&r.language)),
		"themeId":               nullable(text(&r.themeID)),
		"externalReference":     nullable(text(&r.externalReference)),
		"usageReference":        nullable(text(&r.usageReference)),
		"requestDomain":         nullable(text(&r.requestDomain)),
		"sessionLifetime":       nullable(int32s(&r.sessionLifetime)),
		"callbackUrls":          nullable(r.callbacks),
		"prefilledInput":        nullable(prefilledInput),
		"encryptionPublicKey":   nullable(r.encryptionKey),
		"returnUrl":             nullable(embeddedOnly),
		"embeddedParentDomains": nullable(embeddedOnly),
	}
}

// check returns what is wrong with well-formed values.
func (r *sessionRequest) check(c Config) (wrong []invalidParam) {
	add := func(name, reason string) { wrong = append(wrong, invalidParam{name, reason}) }
	known := Attributes()
	seen := map[string]bool{}
	for _, a := range r.requestedAttributes {
		if !slices.Contains(known, a) {
			add("requestedAttributes", fmt.Sprintf("itsme has no attribute %q", a))
		} else if seen[a] {
			add("requestedAttributes", fmt.Sprintf("%q is repeated", a))
		}
		seen[a] = true
	}
	if r.allowedProviders != nil && !slices.Equal(r.allowedProviders, []string{provider}) {
		add("allowedProviders", "the headless flow needs exactly one eID, and this account has itsme only")
	}
	if r.redirectURL != "" {
		if reason := c.redirectURLFault(r.redirectURL); reason != "" {
			add(redirectURLParameter, reason)
		} else if !slices.Contains(c.RedirectURLs, r.redirectURL) {
			add(redirectURLParameter, "is not on the allow-list")
		}
	}
	if r.requestDomain != "" && !slices.Contains(c.RequestDomains, r.requestDomain) {
		add("requestDomain", "is not a domain of the account")
	}
	if r.sessionLifetime < 0 {
		add("sessionLifetime", "must not be negative")
	}
	return wrong
}

// additionalParameters reads the documented parameters of itsme. It refuses any other: an unknown name is more often a
// mistake than a parameter that is not public.
func (r *sessionRequest) additionalParameters(raw json.RawMessage) string {
	return fields{
		redirectURLParameter:  notEmpty(&r.redirectURL),
		responseTypeParameter: oneOf(&r.responseType, "code", "none"),
	}.nested()(raw)
}

func (r *sessionRequest) callbacks(raw json.RawMessage) string {
	r.callbackURLs = &callbackURLs{}
	return fields{
		"success": notEmpty(&r.callbackURLs.Success),
		"abort":   notEmpty(&r.callbackURLs.Abort),
		"error":   notEmpty(&r.callbackURLs.Error),
	}.nested("success", "abort", "error")(raw)
}

func (r *sessionRequest) encryptionKey(raw json.RawMessage) string {
	r.encrypted = true
	if _, err := members(raw); err != nil {
		return err.Error()
	}
	return ""
}

// prefilledInput checks and drops the member: the headless flow of itsme has no form to fill in.
func prefilledInput(raw json.RawMessage) string {
	var given, birthdate string
	f := fields{"dateOfBirth": nullable(text(&birthdate))}
	for _, name := range strings.Fields("nin mobile email userName deviceId firstName lastName bankAccountNumber organisation") {
		f[name] = nullable(text(&given))
	}
	if reason := f.nested()(raw); reason != "" {
		return reason
	}
	if _, err := time.Parse(time.DateOnly, birthdate); birthdate != "" && err != nil {
		return "dateOfBirth: must be YYYY-MM-DD"
	}
	if given == "" && birthdate == "" {
		return "must have at least one value"
	}
	return ""
}

func notEmpty(to *string) field {
	return func(raw json.RawMessage) string {
		if text(to)(raw) != "" || *to == "" {
			return "must be a string that is not empty"
		}
		return ""
	}
}

func embeddedOnly(json.RawMessage) string { return "belongs to the embedded flow" }

// supportedLanguage returns a language of itsme as it is, and English for any other. Empty stays empty.
func supportedLanguage(language string) string {
	if language == "" || slices.Contains([]string{"nl", "fr", "de", "en"}, language) {
		return language
	}
	return "en"
}
