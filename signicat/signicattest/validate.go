package signicattest

import (
	"net/http"
	"strings"
)

// codeValidation is the body of a call of the token request URL.
type codeValidation struct{ code, state, transactionID string }

// validateCode accepts the code that itsme put on the redirect URL.
// Source of the request: Signicat's guide of the App2App flow. Its answers are not public: see [Switches].
func (s *Server) validateCode(r *request) answer {
	if refused := s.authorize(r); refused != nil {
		return *refused
	}
	if r.Header.Get("Signicat-AccountId") == "" {
		return s.refuse(http.StatusBadRequest, "invalid_account_id", "the header Signicat-AccountId is missing")
	}
	if !hasMediaType(r, "application/json") {
		return s.refuse(http.StatusUnsupportedMediaType, "unsupported_media_type", "the content type is not application/json")
	}
	v, wrong := parseCodeValidation(r.body)
	if len(wrong) > 0 {
		return s.refuse(http.StatusBadRequest, "invalid_request_parameter", "the code validation is wrong", wrong...)
	}
	status, reason := s.settleCode(v)
	switch {
	case status == http.StatusNotFound:
		return s.refuse(status, "invalid_transaction_id", reason)
	case reason != "":
		return s.refuse(status, s.Switches().RefusedCode, reason)
	}
	if status == http.StatusOK && s.Switches().ValidationBody == ValidationBodyObject {
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

// settleCode uses the code up when everything belongs together, and changes nothing when anything does not: a code
// that was sent with another login's state or transaction stays good for its own.
func (s *Server) settleCode(v codeValidation) (status int, reason string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	x := s.present(s.sessions.byTransaction[v.transactionID])
	now := s.cfg.Now()
	switch {
	case x == nil:
		return s.switches.UnknownTransactionStatus, "no such transaction"
	case !stateMatches(s.switches.StateEncoding, v.state, x.state):
		return http.StatusBadRequest, "the state is not the transaction's, or not in the form that is taken"
	case x.code == "" || !equal(v.code, x.code):
		return http.StatusBadRequest, "the code is not the transaction's"
	case x.codeUsed && s.switches.UsedCodeAccepted:
		return s.switches.ValidationStatus, ""
	case x.codeUsed:
		return http.StatusBadRequest, "the code has been used"
	case !now.Before(x.codeEnds):
		return http.StatusBadRequest, "the code has expired"
	case ended(x.status) && !(x.status == StatusSuccess && s.switches.SuccessBeforeValidation):
		return http.StatusBadRequest, "the session has ended: " + x.status
	}
	x.validate(s.switches)
	return s.switches.ValidationStatus, ""
}

// stateMatches compares in the one form that is taken, or in both.
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
