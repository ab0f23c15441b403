package main

import (
	"net/http"
	"net/url"
)

// readHeaders believes the gateway's headers. Whoever reaches this service past the gateway can be
// anybody, so nobody may.
func readHeaders(w http.ResponseWriter, r *http.Request) {
	subject, err := claim(r, "X-Itsme-Subject")
	name, malformed := claim(r, "X-Itsme-Name")
	switch {
	case err != nil || malformed != nil:
		http.Error(w, "a header is malformed", http.StatusBadRequest)
	case subject == "": // the path is public, or the request came past the gateway
		http.Error(w, "a login is required", http.StatusUnauthorized)
	default:
		person{subject, name}.greet(w)
	}
}

// claim decodes a header: what does not fit into one is percent-encoded UTF-8. A plus sign is one
// (QueryUnescape would make it a blank). An absent claim is an absent header.
func claim(r *http.Request, header string) (string, error) {
	return url.PathUnescape(r.Header.Get(header))
}
