package main

import (
	"net/http"
	"net/url"
)

// readHeaders trusts the gateway's headers. A client that reaches this service without the gateway can claim
// any identity: the network must allow connections from the gateway only.
func readHeaders(w http.ResponseWriter, r *http.Request) {
	subject, err := claim(r, "X-Itsme-Subject")
	name, malformed := claim(r, "X-Itsme-Name")
	switch {
	case err != nil || malformed != nil:
		http.Error(w, "a header is malformed", http.StatusBadRequest)
	case subject == "": // the path is public, or the request did not come through the gateway
		http.Error(w, "a login is required", http.StatusUnauthorized)
	default:
		person{subject, name}.greet(w)
	}
}

// claim decodes a header. Characters beyond ASCII are percent-encoded UTF-8. A plus sign stays a plus sign
// (QueryUnescape would make it a blank). The header of an absent claim is absent.
func claim(r *http.Request, header string) (string, error) {
	return url.PathUnescape(r.Header.Get(header))
}
