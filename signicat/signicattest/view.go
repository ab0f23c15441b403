package signicattest

import (
	"encoding/json"
	"net/http"
	"slices"
	"time"
)

// sessionView is the JSON of a session. Members that are null are left out, as in every published sample.
// Source: SessionDataDto and SessionData of the Authentication REST API, 2025-03; loa from the App2App guide, 2026-03.
type sessionView struct {
	ID                  string         `json:"id"`
	AccountID           string         `json:"accountId"`
	Status              string         `json:"status"`
	StatusDetail        string         `json:"statusDetail,omitempty"`
	Provider            string         `json:"provider,omitempty"`
	Subject             map[string]any `json:"subject,omitempty"`
	CallbackURLs        *callbackURLs  `json:"callbackUrls,omitempty"`
	Environment         *environment   `json:"environment,omitempty"`
	IDPData             idpData        `json:"idpData"`
	Error               *SessionError  `json:"error,omitempty"`
	Tags                []string       `json:"tags,omitempty"`
	AllowedProviders    []string       `json:"allowedProviders,omitempty"`
	LoA                 string         `json:"loa,omitempty"`
	Language            string         `json:"language,omitempty"`
	Flow                string         `json:"flow"`
	ThemeID             string         `json:"themeId,omitempty"`
	RequestedAttributes []string       `json:"requestedAttributes"`
	ExternalReference   string         `json:"externalReference,omitempty"`
	UsageReference      string         `json:"usageReference,omitempty"`
	SessionLifetime     int32          `json:"sessionLifetime"`
	RequestDomain       string         `json:"requestDomain,omitempty"`
	ExpiresAt           string         `json:"expiresAt"`
	TransactionID       string         `json:"transactionId,omitempty"`
}

// environment describes the person's device. userAgent is empty in the headless flow.
type environment struct {
	IPAddress string `json:"ipAddress"`
	UserAgent string `json:"userAgent"`
}

type idpData struct {
	AuthorizationRequestURL string `json:"authorizationRequestUrl"`
	TokenRequestURL         string `json:"tokenRequestUrl"`
	TransactionID           string `json:"transactionId"`
}

// view returns the session as the API shows it. The caller holds the mutex.
func (s *sessions) view(x *session) sessionView {
	r, sw := x.request, s.Switches()
	v := sessionView{
		ID: x.id, AccountID: s.cfg.AccountID, Status: x.status, Error: x.failed,
		IDPData:      idpData{x.authorizationURL, x.tokenURL, x.transactionID},
		CallbackURLs: r.callbackURLs, Tags: r.tags, AllowedProviders: r.allowedProviders, Language: r.language,
		Flow: r.flow, ThemeID: r.themeID, RequestedAttributes: reordered(r.requestedAttributes),
		ExternalReference: r.externalReference, UsageReference: r.usageReference,
		SessionLifetime: r.sessionLifetime, RequestDomain: r.requestDomain, ExpiresAt: dotnetTime(x.expires),
	}
	switch x.status {
	case statusSuccess:
		if sw.IDPIDAlways && !slices.Contains(v.RequestedAttributes, idpIDAttribute) {
			v.RequestedAttributes = append(v.RequestedAttributes, idpIDAttribute)
		}
		v.Provider, v.LoA = provider, x.persona.LoA
		v.Subject = x.persona.subject(v.RequestedAttributes, sw)
		v.Environment = &environment{IPAddress: x.ipAddress}
	case statusError:
		v.StatusDetail = x.failed.Detail
	}
	return v
}

// answerSession returns the answer with a session and its overrides.
func answerSession(v sessionView, overrides ...Override) answer {
	a := jsonAnswer(http.StatusOK, "application/json; charset=utf-8", v)
	for _, o := range overrides {
		a.body = o.apply(a.body)
	}
	return a
}

// dotnetTime writes a time as .NET does: up to seven digits of a second, trailing zeros left out, offset +00:00.
func dotnetTime(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.9999999") + "+00:00" }

// expiry returns the end of a session that is created now. It falls up to two seconds short of the lifetime, with 1 to 7 digits of a
// second, so that a client meets every length whatever its clock.
func (r *random) expiry(now time.Time, lifetimeSeconds int32) time.Time {
	end := now.Add(time.Duration(lifetimeSeconds) * time.Second).Truncate(time.Second)
	unit := time.Second
	for range 1 + r.below(7) {
		unit /= 10
	}
	units := int(time.Second / unit)
	n := 1 + r.below(units-1)
	if n%10 == 0 {
		n++ // a trailing zero would be left out
	}
	return end.Add(time.Duration(n)*unit - time.Second)
}

// Override changes members of a session's answer, by name. A nil value removes the member; any other must be one that
// encoding/json can encode.
type Override struct {
	// Session changes the answer's own members: {"status": "STARTED"}, {"loa": nil}.
	Session map[string]any `json:"session,omitempty"`

	// Subject changes members of subject, where there is one: {"id": nil}, {"email": 5}.
	Subject map[string]any `json:"subject,omitempty"`

	// IDPData changes members of idpData: {"authorizationRequestUrl": "http://example.be"}.
	IDPData map[string]any `json:"idpData,omitempty"`
}

func (o Override) apply(body []byte) []byte {
	if len(o.Session)+len(o.Subject)+len(o.IDPData) == 0 {
		return body
	}
	var members map[string]any
	if err := json.Unmarshal(body, &members); err != nil {
		panic(err) // this package encoded it
	}
	merge(members["subject"], o.Subject)
	merge(members["idpData"], o.IDPData)
	merge(members, o.Session)
	return encode(members)
}

// merge writes changes into an object. It leaves any other value unchanged.
func merge(to any, changes map[string]any) {
	object, ok := to.(map[string]any)
	for name, value := range changes {
		if ok && value == nil {
			delete(object, name)
		} else if ok {
			object[name] = value
		}
	}
}
