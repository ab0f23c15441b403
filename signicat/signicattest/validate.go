package signicattest

import (
	"net/http"
	"strings"
)

// codeValidation is the body of a call of the token request URL.
type codeValidation struct{ code, state, transactionID string }

// validateCode validates the code that itsme put on the redirect URL.
// Source of the request: Signicat's guide of the App2App flow. Its answers are not public: see [Switches].
func (a *api) validateCode(r *request) answer {
	if r.Header.Get("Signicat-AccountId") == "" {
		return a.refuse(http.StatusBadRequest, "invalid_account_id", "the header Signicat-AccountId is missing")
	}
	v, wrong := parseCodeValidation(r.body)
	if len(wrong) > 0 {
		return a.refuse(http.StatusBadRequest, "invalid_request_parameter", "the code validation is wrong", wrong...)
	}
	status, reason := a.sessions.validate(v)
	switch {
	case status == http.StatusNotFound:
		return a.refuse(status, "invalid_transaction_id", reason)
	case reason != "":
		return a.refuse(status, a.Switches().RefusedCode, reason)
	}
	if status == http.StatusOK && a.Switches().ValidationBody == ValidationBodyObject {
		return jsonAnswer(status, "application/json", struct{}{})
	}
	return answer{status: status}
}

func parseCodeValidation(body []byte) (v codeValidation, wrong []invalidParam) {
	wrong = fields{
		"code":          notEmpty(&v.code),
		"state":         notEmpty(&v.state),
		"transactionId": notEmpty(&v.transactionID),
	}.read(body, "code", "state", "transactionId")
	return v, wrong
}

// validate uses the code up when code, state and transaction belong together. Otherwise it changes nothing: a code that
// was sent with another login's state or transaction stays valid for its own login.
func (s *sessions) validate(v codeValidation) (status int, reason string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	x := s.present(s.index.byTransaction[v.transactionID])
	now, sw := s.cfg.Now(), s.Switches()
	switch {
	case x == nil:
		return sw.UnknownTransactionStatus, "no such transaction"
	case !stateMatches(sw.StateEncoding, v.state, x.state):
		return http.StatusBadRequest, "the state is not the transaction's, or not in the accepted form"
	case x.code == "" || !equal(v.code, x.code):
		return http.StatusBadRequest, "the code is not the transaction's"
	case x.codeUsed && sw.UsedCodeAccepted:
		return sw.ValidationStatus, ""
	case x.codeUsed:
		return http.StatusBadRequest, "the code has been used"
	case !now.Before(x.codeEnds):
		return http.StatusBadRequest, "the code has expired"
	case ended(x.status) && !(x.status == statusSuccess && sw.SuccessBeforeValidation):
		return http.StatusBadRequest, "the session has ended: " + x.status
	}
	x.validate(sw)
	return sw.ValidationStatus, ""
}

// stateMatches reports whether the state is right in the form that is accepted.
func stateMatches(form, got, want string) bool {
	encoded := strings.ReplaceAll(want, ":", "%3A")
	switch form {
	case StateEncoded:
		return got == encoded
	case StateEither:
		return got == want || got == encoded
	}
	return got == want
}
