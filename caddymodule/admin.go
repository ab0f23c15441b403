package caddymodule

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"

	"github.com/caddyserver/caddy/v2"
)

func init() { caddy.RegisterModule(Admin{}) }

// Admin serves the state of gateways, revocation and key rotation on Caddy's admin endpoint, under Caddy's
// access control:
//
//	GET  /itsme/gateways     the state of every gateway
//	POST /itsme/revoke       {"gateway": "default", "sub": "…"}
//	POST /itsme/keys/rotate  {"gateway": "default", "drop": ["…"]}
//
// /itsme/revoke revokes all logins of a user (sub), one login with all its tokens (login, the jti of any of
// them), or one token (jti). The revocation applies to every replica that shares the store. The response
// has the number of running logins that ended. Without gateway, the request applies to every gateway.
//
// /itsme/keys/rotate does the same as caddy itsme keys rotate: it makes the next key sign, or drops leaked
// keys. Without gateway, the request applies to the gateway "default".
type Admin struct{}

// CaddyModule returns the Caddy module information.
func (Admin) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "admin.api.itsme", New: func() caddy.Module { return new(Admin) }}
}

// Routes implements caddy.AdminRouter.
func (Admin) Routes() []caddy.AdminRoute {
	routes := []caddy.AdminRoute{{Pattern: "/itsme/", Handler: caddy.AdminHandlerFunc(serveAdminIndex)}}
	for path, e := range adminEndpoints() {
		routes = append(routes, caddy.AdminRoute{Pattern: path, Handler: e})
	}
	return routes
}

// adminEndpoint serves one path, for some methods.
type adminEndpoint struct {
	methods []string
	serve   func(http.ResponseWriter, *http.Request) error
}

func adminEndpoints() map[string]adminEndpoint {
	return map[string]adminEndpoint{
		"/itsme/gateways":    {[]string{http.MethodGet, http.MethodHead}, serveAdminGateways},
		"/itsme/revoke":      {[]string{http.MethodPost}, serveAdminRevoke},
		"/itsme/keys/rotate": {[]string{http.MethodPost}, serveAdminRotate},
	}
}

// ServeHTTP implements caddy.AdminHandler.
func (e adminEndpoint) ServeHTTP(w http.ResponseWriter, r *http.Request) error {
	for _, method := range e.methods {
		if r.Method == method {
			return e.serve(w, r)
		}
	}
	w.Header().Set("Allow", strings.Join(e.methods, ", "))
	return refuseAdmin(http.StatusMethodNotAllowed, "the method must be "+e.methods[0])
}

// serveAdminIndex answers /itsme/ as /itsme/gateways, and other paths below it with 404.
func serveAdminIndex(w http.ResponseWriter, r *http.Request) error {
	if r.URL.Path != "/itsme/" {
		return refuseAdmin(http.StatusNotFound, "there is no such endpoint; see /itsme/gateways")
	}
	return adminEndpoints()["/itsme/gateways"].ServeHTTP(w, r)
}

// maxAdminBody bounds the body of a request, in bytes.
const maxAdminBody = 16 << 10

// readAdmin reads the body of a request. It refuses unknown members, duplicate members, and anything behind
// the object: a misspelled member that names a leaked key must not be ignored.
func readAdmin(w http.ResponseWriter, r *http.Request, into any) error {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxAdminBody))
	if err != nil {
		return refuseAdmin(http.StatusRequestEntityTooLarge, "the body cannot be read, or is over 16 KiB")
	}
	if caddy.StrictUnmarshalJSON(body, into) != nil || !unambiguous(body) {
		return refuseAdmin(http.StatusBadRequest, "the body is not JSON of the form that docs/admin-openapi.yaml shows")
	}
	return nil
}

// unambiguous reports whether a body is one JSON object without duplicate members. Names that differ only
// in case are duplicates, because encoding/json accepts both for one field.
func unambiguous(body []byte) bool {
	if !json.Valid(body) {
		return false
	}
	decoder := json.NewDecoder(bytes.NewReader(body))
	if first, err := decoder.Token(); err != nil || first != json.Delim('{') {
		return false
	}
	seen := make(map[string]bool)
	for decoder.More() {
		var value json.RawMessage
		name, err := decoder.Token()
		text, _ := name.(string)
		text = strings.ToLower(text)
		if err != nil || decoder.Decode(&value) != nil || seen[text] {
			return false
		}
		seen[text] = true
	}
	return true
}

func writeAdmin(w http.ResponseWriter, body any) error {
	text, err := json.Marshal(body)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(text) // an error means that the client closed the connection
	return nil
}

// running returns a gateway of the current configuration. It asks Caddy for that configuration because Caddy
// makes this module before any app.
func running(name string) (*instance, error) {
	i, err := instanceNamed(caddy.ActiveContext(), name)
	if err != nil {
		return nil, refuseAdmin(http.StatusNotFound, strings.TrimPrefix(err.Error(), "use: "))
	}
	return i, nil
}

func refuseAdmin(status int, text string) error {
	return caddy.APIError{HTTPStatus: status, Err: errors.New(text)}
}

var _ caddy.AdminRouter = (*Admin)(nil)
