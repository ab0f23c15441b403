package signicattest_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/caddy-itsme/caddy-itsme/signicat/signicattest"
)

// with is a well-formed headless request with more members.
func with(members string) string {
	return `{"flow":"headless","allowedProviders":["itsme"],"requestedAttributes":["name"],` + members + `}`
}

func attributes(list string) string { return `{"flow":"headless","requestedAttributes":` + list + `}` }

func TestCreateRefusals(t *testing.T) {
	t.Parallel()
	c := start(t, signicattest.Config{})
	key := `"encryptionPublicKey":{"kty":"RSA","use":"enc","alg":"RSA-OAEP","e":"AQAB","n":"x"}`
	for name, test := range map[string]struct {
		body, wantParam string // the first of invalidParams
	}{
		"trailing comma, as in the guide's example": {`{"flow":"headless","requestedAttributes":["name",]}`, "body"},
		"trailing comma in the object":              {`{"flow":"headless","requestedAttributes":["name"],}`, "body"},
		"something after the object":                {sessionBody + `{}`, "body"},
		"a list":                                    {`[]`, "body"},
		"a string":                                  {`"x"`, "body"},
		"nothing":                                   {` `, "body"},
		"half an object":                            {sessionBody[:40], "body"},
		"not UTF-8":                                 {with("\"externalReference\":\"\xff\""), "body"},
		"a member twice":                            {with(`"flow":"headless"`), "body"},
		"unknown member":                            {with(`"callbackUrl":"https://app.example.be"`), "callbackUrl"},
		"member in another case":                    {with(`"Language":"nl"`), "Language"},
		"no flow":                                   {`{"requestedAttributes":[]}`, "flow"},
		"flow null":                                 {`{"flow":null,"requestedAttributes":[]}`, "flow"},
		"flow that does not exist":                  {`{"flow":"app2app","requestedAttributes":[]}`, "flow"},
		"flow in another case":                      {`{"flow":"Headless","requestedAttributes":[]}`, "flow"},
		"no attributes":                             {`{"flow":"headless"}`, "requestedAttributes"},
		"attributes null":                           {attributes(`null`), "requestedAttributes"},
		"attributes a string":                       {attributes(`"name"`), "requestedAttributes"},
		"attributes of numbers":                     {attributes(`[1]`), "requestedAttributes"},
		"attribute null":                            {attributes(`[null]`), "requestedAttributes"},
		"attribute that does not exist":             {attributes(`["shoeSize"]`), "requestedAttributes"},
		"attribute by its claim's name":             {attributes(`["given_name"]`), "requestedAttributes"},
		"attribute in another case":                 {attributes(`["firstname"]`), "requestedAttributes"},
		"attribute twice":                           {attributes(`["name","name"]`), "requestedAttributes"},
		"another eID":                               {`{"flow":"headless","requestedAttributes":[],"allowedProviders":["nbid"]}`, "allowedProviders"},
		"two eIDs":                                  {`{"flow":"headless","requestedAttributes":[],"allowedProviders":["itsme","nbid"]}`, "allowedProviders"},
		"no eID":                                    {`{"flow":"headless","requestedAttributes":[],"allowedProviders":[]}`, "allowedProviders"},
		"eID of 31 characters":                      {`{"flow":"headless","requestedAttributes":[],"allowedProviders":["` + strings.Repeat("x", 31) + `"]}`, "allowedProviders"},
		"LoA that does not exist":                   {with(`"requestedLoa":"medium"`), "requestedLoa"},
		"LoA in another case":                       {with(`"requestedLoa":"High"`), "requestedLoa"},
		"tags a string":                             {with(`"tags":"x"`), "tags"},
		"tag of 101 characters":                     {with(`"tags":["` + strings.Repeat("é", 101) + `"]`), "tags"},
		"language a number":                         {with(`"language":1`), "language"},
		"lifetime a string":                         {with(`"sessionLifetime":"1200"`), "sessionLifetime"},
		"lifetime with a fraction":                  {with(`"sessionLifetime":1200.5`), "sessionLifetime"},
		"lifetime beyond 32 bits":                   {with(`"sessionLifetime":2147483648`), "sessionLifetime"},
		"lifetime negative":                         {with(`"sessionLifetime":-1`), "sessionLifetime"},
		"unknown parameter of itsme":                {with(`"additionalParameters":{"itsme_redirect_uri":"https://app.example.be/itsme/callback"}`), "additionalParameters"},
		"parameters a list":                         {with(`"additionalParameters":[]`), "additionalParameters"},
		"redirect URL a number":                     {with(`"additionalParameters":{"itsme_redirect_url":1}`), "additionalParameters"},
		"redirect URL empty":                        {with(`"additionalParameters":{"itsme_redirect_url":""}`), "additionalParameters"},
		"response type that does not exist":         {with(`"additionalParameters":{"itsme_response_type":"token"}`), "additionalParameters"},
		"redirect URL not on the list":              {with(`"additionalParameters":{"itsme_redirect_url":"https://app.example.be/other"}`), "itsme_redirect_url"},
		"redirect URL with a slash more":            {with(`"additionalParameters":{"itsme_redirect_url":"https://app.example.be/itsme/callback/"}`), "itsme_redirect_url"},
		"redirect URL with a query more":            {with(`"additionalParameters":{"itsme_redirect_url":"https://app.example.be/itsme/callback?x=1"}`), "itsme_redirect_url"},
		"redirect URL in another case":              {with(`"additionalParameters":{"itsme_redirect_url":"https://app.example.be/itsme/Callback"}`), "itsme_redirect_url"},
		"redirect URL with a fragment":              {with(`"additionalParameters":{"itsme_redirect_url":"https://app.example.be/itsme/callback#x"}`), "itsme_redirect_url"},
		"redirect URL on http":                      {with(`"additionalParameters":{"itsme_redirect_url":"http://app.example.be/itsme/callback"}`), "itsme_redirect_url"},
		"redirect URL of a custom scheme":           {with(`"additionalParameters":{"itsme_redirect_url":"myapp://itsme"}`), "itsme_redirect_url"},
		"domain that is not the account's":          {with(`"requestDomain":"login.example.be"`), "requestDomain"},
		"callback URLs without one":                 {with(`"callbackUrls":{"success":"https://a.be","abort":"https://a.be"}`), "callbackUrls"},
		"callback URLs with another":                {with(`"callbackUrls":{"success":"https://a.be","abort":"https://a.be","error":"https://a.be","x":"y"}`), "callbackUrls"},
		"return URL, of the embedded flow":          {with(`"returnUrl":"https://a.be"`), "returnUrl"},
		"parent domains, of the embedded flow":      {with(`"embeddedParentDomains":["a.be"]`), "embeddedParentDomains"},
		"prefilled input without a value":           {with(`"prefilledInput":{}`), "prefilledInput"},
		"prefilled input that does not exist":       {with(`"prefilledInput":{"phone":"1"}`), "prefilledInput"},
		"prefilled birthdate that is none":          {with(`"prefilledInput":{"dateOfBirth":"24/04/1981"}`), "prefilledInput"},
		"encryption key a string":                   {with(`"encryptionPublicKey":"x"`), "encryptionPublicKey"},
		"not simulated: the redirect flow":          {`{"flow":"redirect","requestedAttributes":[]}`, ""},
		"not simulated: the embedded flow":          {`{"flow":"embedded","requestedAttributes":[]}`, ""},
		"not simulated: encryption":                 {with(key), ""},
		"not simulated: a response without a code":  {with(`"additionalParameters":{"itsme_response_type":"none"}`), ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := c.on(t).do(http.MethodPost, "/auth/rest/sessions", test.body, http.Header{"Content-Type": {"application/json"}})
			if test.wantParam == "" {
				if r.want(http.StatusNotImplemented); r.text("code") != "not_simulated" {
					t.Error(r.body)
				}
				return
			}
			r.want(http.StatusBadRequest)
			params, _ := r.member("invalidParams").([]any)
			if len(params) == 0 || params[0].(map[string]any)["name"] != test.wantParam {
				t.Errorf("want %s: %s", test.wantParam, r.body)
			}
			if r.text("code") != "invalid_request_parameter" || r.member("status") != 400.0 || len(r.text("traceId")) != 32 ||
				r.header.Get("Content-Type") != "application/problem+json" {
				t.Errorf("%v %s", r.header, r.body)
			}
		})
	}
}

func TestCreateRefusesMethodAndContentType(t *testing.T) {
	t.Parallel()
	c := start(t, signicattest.Config{})
	for name, contentType := range map[string][]string{
		"none": nil, "a form": {"application/x-www-form-urlencoded"}, "text": {"text/plain"}, "malformed": {"application/json; ="},
	} {
		r := c.do(http.MethodPost, "/auth/rest/sessions", sessionBody, http.Header{"Content-Type": contentType})
		if r.status != http.StatusUnsupportedMediaType {
			t.Errorf("%s: %d", name, r.status)
		}
	}
	for _, contentType := range []string{"application/json; charset=utf-8", "Application/JSON"} {
		c.do(http.MethodPost, "/auth/rest/sessions", sessionBody, http.Header{"Content-Type": {contentType}}).want(http.StatusOK)
	}
	c.do(http.MethodPost, "/auth/rest/sessions", strings.Repeat(" ", 65<<10), nil).want(http.StatusRequestEntityTooLarge)
	l := c.login(sessionBody)
	for path, method := range map[string]string{
		"/auth/rest/sessions": http.MethodGet, "/auth/rest/sessions/" + l.id: http.MethodPost,
		"/auth/rest/sessions/" + l.id + "/cancel": http.MethodGet, tokenPath: http.MethodGet,
		"/idps/oidc-vendor/itsme/login-headless/token": http.MethodPut,
	} {
		if r := c.do(method, path, "", nil); r.status != http.StatusMethodNotAllowed || r.header.Get("Allow") == "" {
			t.Errorf("%s %s: %d", method, path, r.status)
		}
	}
	c.do(http.MethodGet, "/auth/rest/session/"+l.id, "", nil).want(http.StatusNotFound)
	if n := c.sim.Count(signicattest.OperationUnknown); n != 1 {
		t.Errorf("%d unknown calls", n)
	}
}

// TestCreateCarriesEveryMember sends what the headless flow can carry and reads it back, on create and on a read.
func TestCreateCarriesEveryMember(t *testing.T) {
	t.Parallel()
	c := start(t, signicattest.Config{RequestDomains: []string{"login.example.be"}})
	body := with(`"additionalParameters":{"itsme_redirect_url":"https://app.example.be/itsme/app/callback","itsme_response_type":"code"},
		"requestedLoa":"high","tags":["a","b"],"language":"nl","themeId":"t","externalReference":"e","usageReference":"u",
		"sessionLifetime":600,"requestDomain":"login.example.be","prefilledInput":{"mobile":"+32 470000000","dateOfBirth":"1981-04-24"},
		"callbackUrls":{"success":"https://a.be/s","abort":"https://a.be/a","error":"https://a.be/e"}`)
	r := c.do(http.MethodPost, "/auth/rest/sessions", body, nil).want(http.StatusOK)
	read := c.do(http.MethodGet, "/auth/rest/sessions/"+r.text("id"), "", nil).want(http.StatusOK)
	if diff := cmp.Diff(r.json, read.json); diff != "" {
		t.Errorf("create and read differ: %s", diff)
	}
	for _, m := range []string{"id", "idpData", "expiresAt"} {
		delete(r.json, m)
	}
	want := map[string]any{
		"accountId": signicattest.DefaultAccountID, "status": "CREATED", "flow": "headless", "allowedProviders": []any{"itsme"},
		"requestedAttributes": []any{"name"}, "tags": []any{"a", "b"}, "language": "nl", "themeId": "t",
		"externalReference": "e", "usageReference": "u", "sessionLifetime": 600.0, "requestDomain": "login.example.be",
		"callbackUrls": map[string]any{"success": "https://a.be/s", "abort": "https://a.be/a", "error": "https://a.be/e"},
	}
	if diff := cmp.Diff(want, r.json); diff != "" {
		t.Error(diff)
	}
}

// TestCreateTakesNull sends null wherever the schema allows it.
func TestCreateTakesNull(t *testing.T) {
	t.Parallel()
	c := start(t, signicattest.Config{})
	var members []string
	for _, m := range strings.Fields("additionalParameters requestedLoa tags language themeId externalReference usageReference " +
		"sessionLifetime requestDomain prefilledInput callbackUrls encryptionPublicKey returnUrl embeddedParentDomains") {
		members = append(members, fmt.Sprintf("%q:null", m))
	}
	r := c.do(http.MethodPost, "/auth/rest/sessions", with(strings.Join(members, ",")), nil).want(http.StatusOK)
	if r.member("sessionLifetime") != 1200.0 || strings.Contains(r.body, "null") && !strings.Contains(r.body, "%3Anull") {
		t.Error(r.body)
	}
}

func TestCreateAdjusts(t *testing.T) {
	t.Parallel()
	c := start(t, signicattest.Config{})
	for name, test := range map[string]struct {
		members, answer string
		want            any
	}{
		"no lifetime":           {`"tags":[]`, "sessionLifetime", 1200.0},
		"short lifetime":        {`"sessionLifetime":60`, "sessionLifetime", 300.0},
		"no lifetime at all":    {`"sessionLifetime":0`, "sessionLifetime", 300.0},
		"long lifetime":         {`"sessionLifetime":7200`, "sessionLifetime", 7200.0},
		"no language":           {`"tags":[]`, "language", nil},
		"language of itsme":     {`"language":"de"`, "language", "de"},
		"unsupported language":  {`"language":"sv"`, "language", "en"},
		"language with country": {`"language":"nl-BE"`, "language", "en"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := c.on(t).do(http.MethodPost, "/auth/rest/sessions", with(test.members), nil).want(http.StatusOK)
			if got := r.member(test.answer); got != test.want {
				t.Errorf("%v, want %v", got, test.want)
			}
		})
	}
}

func TestRefusalIsRecorded(t *testing.T) {
	t.Parallel()
	c := start(t, signicattest.Config{})
	c.do(http.MethodPost, "/auth/rest/sessions?signicat-accountId="+signicattest.DefaultAccountID, with(`"themeID":"x"`), nil).want(http.StatusBadRequest)
	calls := c.sim.Calls()
	got := calls[len(calls)-1]
	if got.Operation != signicattest.OperationCreateSession || got.Number != 1 || got.Status != 400 || got.Processed != 400 ||
		!strings.Contains(got.Problem, "themeID: unknown member") || got.Query.Get("signicat-accountId") == "" ||
		!strings.Contains(string(got.Body), "themeID") {
		t.Errorf("%+v", got)
	}
	if got.Header.Get("Authorization") != "Bearer" {
		t.Errorf("Authorization recorded as %q", got.Header.Get("Authorization"))
	}
	for _, call := range calls {
		if s := fmt.Sprintf("%+v", call); strings.Contains(s, signicattest.DefaultClientSecret) || strings.Contains(s, c.token) {
			t.Errorf("a credential was recorded: %s", s)
		}
	}
}
