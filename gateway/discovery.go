package gateway

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"sync"

	"github.com/caddy-itsme/caddy-itsme/gateway/internal/dpop"
	"github.com/caddy-itsme/caddy-itsme/gateway/internal/login"
	"github.com/caddy-itsme/caddy-itsme/token"
)

// metadataMaxAge lets clients keep discovery documents for an hour.
const metadataMaxAge = "public, max-age=3600"

// serverMetadata holds the members of RFC 8414 section 2, and userinfo_endpoint of OpenID Connect Discovery.
// It adds other members of OpenID Connect Discovery for verifiers that read only that document. The gateway
// issues no ID token.
type serverMetadata struct {
	Issuer                   string   `json:"issuer"`
	TokenEndpoint            string   `json:"token_endpoint"`
	JWKSURI                  string   `json:"jwks_uri"`
	RevocationEndpoint       string   `json:"revocation_endpoint"`
	UserinfoEndpoint         string   `json:"userinfo_endpoint"`
	IntrospectionEndpoint    string   `json:"introspection_endpoint,omitempty"`
	IntrospectionAuthMethods []string `json:"introspection_endpoint_auth_methods_supported,omitempty"`
	ResponseTypes            []string `json:"response_types_supported"`
	GrantTypes               []string `json:"grant_types_supported"`
	TokenEndpointAuthMethods []string `json:"token_endpoint_auth_methods_supported"`
	CodeChallengeMethods     []string `json:"code_challenge_methods_supported"`
	SubjectTypes             []string `json:"subject_types_supported,omitempty"`
	IDTokenSigningAlgorithms []string `json:"id_token_signing_alg_values_supported,omitempty"`
	DPoPAlgorithms           []string `json:"dpop_signing_alg_values_supported"`
}

// resourceMetadata holds the members of RFC 9728 section 2.
type resourceMetadata struct {
	Resource             string   `json:"resource"`
	AuthorizationServers []string `json:"authorization_servers"`
	JWKSURI              string   `json:"jwks_uri"`
	BearerMethods        []string `json:"bearer_methods_supported"`
	DPoPAlgorithms       []string `json:"dpop_signing_alg_values_supported"`
	DPoPRequired         bool     `json:"dpop_bound_access_tokens_required,omitempty"`
	metadata             string   // the URL of this document
}

// discoveryDocuments returns the discovery documents by host and path. Each is at the root of the host that
// it describes.
func (c Config) discoveryDocuments() map[string]endpoint {
	issuer, err := url.Parse(c.Token.Issuer)
	if err != nil {
		return nil
	}
	host := originHost(issuer)
	documents := make(map[string]endpoint)

	oauth := c.serverMetadata()
	openID := oauth
	openID.SubjectTypes = []string{"public"}
	openID.IDTokenSigningAlgorithms = []string{"ES256", "EdDSA", "RS256"}
	path := strings.TrimSuffix(issuer.EscapedPath(), "/")
	// RFC 8414 section 3.1 inserts the well-known part before an issuer's path; OpenID Connect
	// Discovery section 4 appends it.
	documents[host+"/.well-known/oauth-authorization-server"+path] = document(oauth)
	documents[host+"/.well-known/openid-configuration"+path] = document(openID)
	documents[host+path+"/.well-known/openid-configuration"] = document(openID)

	for _, audience := range c.Token.Audience {
		if r, at, ok := c.resource(audience); ok {
			documents[at] = document(r)
		}
	}
	return documents
}

func (c Config) serverMetadata() serverMetadata {
	grants := []string{appGrantType}
	if c.Token.Refresh > 0 {
		grants = append(grants, "refresh_token")
	}
	metadata := serverMetadata{
		Issuer:                   c.Token.Issuer,
		TokenEndpoint:            c.endpointURL("/token"),
		JWKSURI:                  c.PublicURL + "/.well-known/jwks.json",
		RevocationEndpoint:       c.endpointURL("/revoke"),
		UserinfoEndpoint:         c.endpointURL("/userinfo"),
		ResponseTypes:            []string{"code"},
		GrantTypes:               grants,
		TokenEndpointAuthMethods: []string{"none"},
		CodeChallengeMethods:     []string{"S256"},
		DPoPAlgorithms:           []string{dpop.Algorithm},
	}
	if len(c.Verify) > 0 {
		// The gateway authenticates the caller by its address. Without the second member, its method would be
		// client_secret_basic (RFC 8414 section 2).
		metadata.IntrospectionEndpoint, metadata.IntrospectionAuthMethods = c.endpointURL("/introspect"), []string{"none"}
	}
	return metadata
}

// resourceDocuments begins the path of every document of a resource (RFC 9728 section 3).
const resourceDocuments = "/.well-known/oauth-protected-resource"

// resource returns the metadata of an audience that is a URL, and the host and path at which they are served.
func (c Config) resource(audience string) (r resourceMetadata, at string, ok bool) {
	u, err := url.Parse(audience)
	if err != nil || u.Host == "" || (u.Scheme != "https" && u.Scheme != "http") {
		return resourceMetadata{}, "", false
	}
	at = originHost(u) + resourceDocuments + strings.TrimSuffix(u.EscapedPath(), "/")
	return resourceMetadata{
		Resource:             audience,
		AuthorizationServers: []string{c.Token.Issuer},
		JWKSURI:              c.PublicURL + "/.well-known/jwks.json",
		BearerMethods:        []string{"header"},
		DPoPAlgorithms:       []string{dpop.Algorithm},
		DPoPRequired:         c.Token.DPoP == DPoPRequired,
		metadata:             u.Scheme + "://" + at,
	}, at, true
}

// resourceOf returns the metadata of that one of the audiences which is on a host. The host that a client sends only
// chooses among them.
func (c Config) resourceOf(host string, audiences []string) (resourceMetadata, bool) {
	for _, audience := range audiences {
		if r, at, ok := c.resource(audience); ok && strings.HasPrefix(at, host+"/") {
			return r, true
		}
	}
	return resourceMetadata{}, false
}

// document returns an endpoint that serves a JSON document that never changes.
func document(body any) endpoint {
	text, err := json.Marshal(body)
	return endpoint{methods: get, serve: func(x exchange) error {
		if err != nil {
			return err
		}
		h := x.w.Header()
		h.Set("Content-Type", "application/json")
		h.Set("Cache-Control", metadataMaxAge)
		h.Set("Access-Control-Allow-Origin", "*")
		_, _ = x.w.Write(text) // fails when the client hung up
		return nil
	}}
}

// JWKSMaxAge is the time that a verifier may keep the JWKS, in seconds.
const JWKSMaxAge = token.JWKSMaxAge

// serveJWKS serves the public keys of the gateway's tokens.
func (g *Gateway) serveJWKS(x exchange) error {
	keys := g.config.Keys.KeySet()
	if keys == nil {
		return login.ErrStarting
	}
	h := x.w.Header()
	h.Set("Cache-Control", jwksCacheControl)
	h.Set("Access-Control-Allow-Origin", "*")
	if serveUnchanged(x, keys.ETag()) {
		return nil
	}
	h.Set("Content-Type", "application/jwk-set+json")
	_, _ = x.w.Write(keys.JWKS()) // fails when the client hung up
	return nil
}

var jwksCacheControl = fmt.Sprintf("public, max-age=%d", JWKSMaxAge)

// siteAudiences holds the audiences of a gateway's sites. Sites are added one by one, while others may serve already.
type siteAudiences struct {
	mu        sync.RWMutex
	names     []string
	documents map[string]endpoint // by host and path
}

func (s *siteAudiences) has(audience string) bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return slices.Contains(s.names, audience)
}

// document returns the endpoint of a site's RFC 9728 document.
func (s *siteAudiences) document(at string) (e endpoint, ok bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	e, ok = s.documents[at]
	return e, ok
}

// OwnAudiences returns the audiences of the tokens and cookies that clients present to a gateway with this
// configuration. No site may have one of them.
func (c Config) OwnAudiences() []string {
	c = c.WithDefaults()
	return append(slices.Clone(c.Token.Audience), c.PublicURL+c.Path)
}

// OwnAudiences returns the audiences of the tokens and cookies that clients present to the gateway.
func (g *Gateway) OwnAudiences() []string { return g.config.OwnAudiences() }

// ResourceDocument returns the host and path of the RFC 9728 document of an audience, and false for an audience that is
// no http(s) URL.
func ResourceDocument(audience string) (at string, ok bool) {
	_, at, ok = Config{}.resource(audience)
	return at, ok
}

// add adds the audience of one more site, and its document. It refuses what [CheckAudience] refuses, and an audience
// whose document is that of another site's.
func (s *siteAudiences) add(c Config, audience string) error {
	if audience == "" {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if slices.Contains(s.names, audience) {
		return nil
	}
	if err := CheckAudience(audience, map[string][]string{c.Name: c.OwnAudiences()}); err != nil {
		return err
	}
	if err := checkDocument(audience, s.names); err != nil {
		return err
	}
	s.names = append(s.names, audience)
	if r, at, ok := c.resource(audience); ok {
		if s.documents == nil {
			s.documents = make(map[string]endpoint)
		}
		s.documents[at] = document(r)
	}
	return nil
}

// CheckAudience refuses an audience for a site that is one of a gateway's own tokens or cookies, and one whose document
// is that of such an audience. own has those audiences by the name of their gateway. Its error is an [ErrConfig].
func CheckAudience(audience string, own map[string][]string) error {
	for _, name := range slices.Sorted(maps.Keys(own)) {
		if slices.Contains(own[name], audience) {
			return configErrorf("audience: %q is the audience of the tokens or cookies of gateway %s; name the service, such as https://orders.example.be", audience, name)
		}
		if err := checkDocument(audience, own[name]); err != nil {
			return err
		}
	}
	return nil
}

// checkDocument refuses an audience whose document is that of another one.
func checkDocument(audience string, others []string) error {
	at, ok := ResourceDocument(audience)
	for _, other := range others {
		if place, published := ResourceDocument(other); ok && published && place == at && other != audience {
			return configErrorf("audience: %q and %q would publish one document, https://%s (RFC 9728); use one of the two", audience, other, at)
		}
	}
	return nil
}
