package firstlogin

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// Report is what a login at Signicat showed, without what is personal or secret.
type Report struct {
	// Version is that of caddy-itsme.
	Version string `json:"version"`
	// Redirect is browser or app.
	Redirect string `json:"redirect"`
	// Attributes, LoA and StateEncoding are those of the configuration.
	Attributes    []string `json:"attributes"`
	LoA           string   `json:"loa"`
	StateEncoding string   `json:"state_encoding"`
	// Organization reports whether organization_id is set.
	Organization bool `json:"organization"`
	// Answers answers what the code marks as Unverified, by question.
	Answers map[string]string `json:"answers"`
	// Calls are all calls in order.
	Calls []Call `json:"calls"`
}

// answers derives the answers from the calls.
func (l *login) answers() map[string]string {
	a := map[string]string{
		"start":                describe(l.calls.last(stepStart)),
		"statuses":             l.statuses(),
		"access_token_scope":   present(l.calls.last(stepAccessToken), "scope"),
		"validation":           describe(l.calls.last(l.validated)),
		"state_encoding":       l.encoding,
		"validation_refused":   describe(l.calls.last(stepOtherEncoding)),
		"same_code_again":      describe(l.calls.last(stepSameCode)),
		"unknown_transaction":  describe(l.calls.last(stepUnknownTransaction)),
		"before_validation":    l.calls.last(stepReturned).text("status"),
		"reads_before_success": l.readsBeforeSuccess(),
		"after_a_refusal":      l.calls.last(stepRefused).text("status"),
		"after_expiry":         describe(l.calls.last(stepExpired)),
		"cancel_of_ended":      describe(l.calls.last(stepCancelEnded)),
		"cancel_of_unknown":    describe(l.calls.last(stepCancelUnknown)),
		"read_of_unknown":      describe(l.calls.last(stepReadUnknown)),
		"token_without_scope":  describe(l.calls.last(stepNoScope)),
		"wrong_client_secret":  describe(l.calls.last(stepWrongSecret)),
		"wrong_access_token":   describe(l.calls.last(stepWrongToken)),
		"subject":              l.subject(),
		"transaction_in_read":  l.read,
		"result":               describe(l.calls.last(stepResult)),
		"loa":                  l.calls.last(stepResult).text("loa"),
		"account_in_token":     l.account,
		"link_opens_again":     l.again,
	}
	maps.DeleteFunc(a, func(_, answer string) bool { return answer == "" })
	return a
}

// statuses lists each change of the session's status with its time.
func (l *login) statuses() string {
	var all []string
	before := ""
	for _, c := range l.calls.all() {
		status := c.text("status")
		if !slices.Contains(sessionSteps, c.Step) || status == "" || status == before || c.Status > 299 {
			continue
		}
		before = status
		all = append(all, fmt.Sprintf("%s at %.1f s", status, c.Seconds))
	}
	return strings.Join(all, ", ")
}

// readsBeforeSuccess counts the reads after the validation that did not show the end of the session.
func (l *login) readsBeforeSuccess() string {
	reads := l.calls.of(stepResult)
	if len(reads) == 0 {
		return ""
	}
	return strconv.Itoa(len(reads) - 1)
}

// subject lists the attributes of the user by name and type, and marks those that were not requested.
func (l *login) subject() string {
	body, _ := l.calls.last(stepResult).Body.(map[string]any)
	members, _ := body["subject"].(map[string]any)
	var all []string
	for _, name := range slices.Sorted(maps.Keys(members)) {
		text := name + " " + typeOf(members[name])
		if name != "id" && !slices.Contains(l.config.Attributes, name) {
			text += " (not requested)"
		}
		all = append(all, text)
	}
	return strings.Join(all, ", ")
}

func typeOf(shape any) string {
	if members, ok := shape.(map[string]any); ok {
		return "object of " + strings.Join(slices.Sorted(maps.Keys(members)), " ")
	}
	return fmt.Sprint(shape)
}

// describe returns an answer in a line: status, media type, form of the body and its words.
func describe(c Call) string {
	if c.Step == "" {
		return ""
	}
	if c.Status == 0 {
		return "no answer"
	}
	parts := []string{strconv.Itoa(c.Status)}
	if c.MediaType != "" {
		parts = append(parts, c.MediaType)
	}
	members, isObject := c.Body.(map[string]any)
	switch {
	case c.Body == nil:
		parts = append(parts, "empty body")
	case !isObject:
		parts = append(parts, fmt.Sprint(c.Body))
	case len(members) == 0:
		parts = append(parts, "empty object")
	}
	for _, name := range []string{"status", "code", "error"} {
		if text := c.text(name); text != "" && text != "(text)" {
			parts = append(parts, name+" "+text)
		}
	}
	return strings.Join(parts, ", ")
}

// present reports whether the body of a call has a member.
func present(c Call, member string) string {
	members, ok := c.Body.(map[string]any)
	if !ok {
		return ""
	}
	_, has := members[member]
	return strconv.FormatBool(has)
}
