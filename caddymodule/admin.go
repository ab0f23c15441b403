package caddymodule

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"

	"github.com/caddyserver/caddy/v2"

	"github.com/caddy-itsme/caddy-itsme/internal/strictjson"
	"github.com/caddy-itsme/caddy-itsme/keyring"
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
	if slices.Contains(e.methods, r.Method) {
		return e.serve(w, r)
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

// gatewayList is the response of /itsme/gateways.
type gatewayList struct {
	Gateways []gatewayState `json:"gateways"`
}

// gatewayState is the state of one gateway. It holds no secret and no data about users.
type gatewayState struct {
	Name      string           `json:"name"`
	PublicURL string           `json:"public_url"`
	Issuer    string           `json:"issuer"`
	Breaker   string           `json:"breaker"`
	Store     storeState       `json:"store"`
	Keys      []keyring.Status `json:"keys"`
}

type storeState struct {
	Module string `json:"module"`
	Up     bool   `json:"up"`
	// PendingSessions is nil while the store does not answer.
	PendingSessions *int `json:"pending_sessions,omitempty"`
}

func serveAdminGateways(w http.ResponseWriter, _ *http.Request) error {
	list := gatewayList{Gateways: []gatewayState{}}
	module, err := caddy.ActiveContext().AppIfConfigured("itsme")
	if err != nil && !errors.Is(err, caddy.ErrNotConfigured) {
		return err
	}
	if app, ok := module.(*App); ok {
		for _, i := range app.all() {
			list.Gateways = append(list.Gateways, i.state())
		}
	}
	return writeAdmin(w, list)
}

func (i *instance) state() gatewayState {
	s := gatewayState{
		Name:      i.name,
		PublicURL: i.gateway.PublicURL(),
		Issuer:    i.gateway.Issuer(),
		Breaker:   i.gateway.Breaker(),
		Store:     storeState{Module: i.store.CaddyModule().ID.Name()},
		Keys:      i.keyStates(i.keyState()),
	}
	if waiting, err := i.pending(); err == nil {
		s.Store.Up, s.Store.PendingSessions = true, &waiting
	}
	return s
}

// keyStates returns the state of the keys in storage, or of the key in a key file.
func (i *instance) keyStates(state keyring.State) []keyring.Status {
	if set := i.inForce.KeySet(); i.keys == nil && set != nil {
		return []keyring.Status{keyring.FileStatus(set)}
	}
	return keyring.Statuses(state, i.rotation(), clock())
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
	members, err := strictjson.Object(body)
	for name := range members {
		// encoding/json would take SUB and sub for one field, and a long s for an s.
		if strings.ContainsFunc(name, func(r rune) bool { return r < 'a' || r > 'z' }) {
			err = strictjson.ErrMalformed
		}
	}
	if err != nil || caddy.StrictUnmarshalJSON(body, into) != nil {
		return refuseAdmin(http.StatusBadRequest, "the body is not JSON of the form that docs/admin-openapi.yaml shows")
	}
	return nil
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

// running returns the gateways of the current configuration: that of a name, or all for the empty name. It asks
// Caddy for that configuration because Caddy makes this module before any app.
func running(name string) ([]*instance, error) {
	app, err := appOf(caddy.ActiveContext())
	if err == nil && name == "" {
		return app.all(), nil
	}
	var one *instance
	if err == nil {
		one, err = app.instance(name)
	}
	if err != nil {
		return nil, refuseAdmin(http.StatusNotFound, err.Error())
	}
	return []*instance{one}, nil
}

func refuseAdmin(status int, text string) error {
	return caddy.APIError{HTTPStatus: status, Err: errors.New(text)}
}

var _ caddy.AdminRouter = (*Admin)(nil)
