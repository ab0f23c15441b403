package signicattest

import (
	"bytes"
	"encoding/json"
	"maps"
	"net/http"
	"strconv"
	"strings"
)

// answer is the response of an operation. Faults change it before it is sent.
type answer struct {
	status  int
	header  http.Header
	body    []byte
	problem string // why the request was refused, for [Call].Problem; empty when it was not
}

func (a answer) write(w http.ResponseWriter) {
	maps.Copy(w.Header(), a.header)
	if len(a.body) > 0 && w.Header().Get("Content-Length") == "" {
		w.Header().Set("Content-Length", strconv.Itoa(len(a.body)))
	}
	w.WriteHeader(a.status)
	_, _ = w.Write(a.body) // the caller may have closed the connection
}

func jsonAnswer(status int, contentType string, v any) answer {
	return answer{status: status, header: http.Header{"Content-Type": {contentType}}, body: encode(v)}
}

// encode leaves & < > as they are, as the published samples do.
func encode(v any) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		panic(err) // values of this package and overrides can be encoded
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}

// problem is Signicat's generic error object.
// Source: https://developer.signicat.com/docs/error-codes/
type problem struct {
	Type          string         `json:"type"`
	Title         string         `json:"title"`
	Status        int            `json:"status"`
	Detail        string         `json:"detail,omitempty"`
	Code          string         `json:"code"`
	TraceID       string         `json:"traceId"`
	InvalidParams []invalidParam `json:"invalidParams,omitempty"`
}

// invalidParam names one wrong member of a request.
type invalidParam struct {
	Name   string `json:"name"`
	Reason string `json:"reason"`
}

const errorCodesPage = "https://developer.signicat.com/docs/error-codes/"

func problemTitle(code string) string {
	switch code {
	case "invalid_token":
		return "Invalid authentication token."
	case "invalid_account_id":
		return "Invalid Account ID Error"
	case "invalid_request_parameter":
		return "Invalid request parameter"
	}
	words := strings.ReplaceAll(code, "_", " ")
	return strings.ToUpper(words[:1]) + words[1:]
}

// refuse returns the answer to a request that Signicat would not accept.
func (a *api) refuse(status int, code, detail string, params ...invalidParam) answer {
	sw := a.Switches()
	if sw.EmptyAuthErrors && (status == http.StatusUnauthorized || status == http.StatusForbidden) {
		return answer{status: status, problem: code + ": " + detail}
	}
	contentType := "application/problem+json"
	if sw.PlainProblems {
		contentType = "application/json"
	}
	refused := jsonAnswer(status, contentType, problem{
		Type: errorCodesPage, Title: problemTitle(code), Status: status,
		Detail: detail, Code: code, TraceID: a.random.trace(), InvalidParams: params,
	})
	refused.problem = code + ": " + detail
	for _, p := range params {
		refused.problem += "; " + p.Name + ": " + p.Reason
	}
	return refused
}

// oauthError is an error of the token endpoint: RFC 6749 section 5.2 with Signicat's error_uri.
type oauthError struct {
	Error    string `json:"error"`
	ErrorURI string `json:"error_uri"`
}

func refuseOAuth(status int, code, reason string) answer {
	a := jsonAnswer(status, "application/json", oauthError{
		Error: code, ErrorURI: "https://api.signicat.com/auth/open/config/errors/" + code,
	})
	a.header.Set("Cache-Control", "no-store")
	a.problem = code + ": " + reason
	return a
}
