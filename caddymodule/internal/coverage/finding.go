package coverage

// Finding is a mistake in the sites of a configuration that loads.
type Finding struct {
	// Name is the doctor's name of the finding. The remedy depends on it.
	Name Name
	// Server is the server's name in the http app. Empty when the finding is about all servers.
	Server string
	// Site has the hosts and paths of the route, as a Caddyfile names them.
	Site string
	// Problem describes the mistake.
	Problem string
}

// Name is a finding's name. It never changes, so that a script can look for it.
type Name string

// The names of the findings.
const (
	UpstreamUncovered     Name = "upstream_uncovered"
	ContentUncovered      Name = "content_uncovered"
	ErrorsUncovered       Name = "errors_uncovered"
	ItsmeTooLate          Name = "itsme_too_late"
	MatcherHalf           Name = "matcher_half"
	MatcherRewritten      Name = "matcher_rewritten"
	PublicWithoutEffect   Name = "public_without_effect"
	EndpointsUnreachable  Name = "endpoints_unreachable"
	LogCredentials        Name = "log_credentials"
	TrustedProxiesLenient Name = "trusted_proxies_lenient"
	VerifyProxyProtocol   Name = "verify_proxy_protocol"
	CacheInFront          Name = "cache_in_front"
	HeaderDeferred        Name = "header_deferred"
	ProbeByAddress        Name = "probe_by_address"
	AudienceShared        Name = "audience_shared"
	ClaimsReadable        Name = "claims_readable"
	MinAgeDiffers         Name = "min_age_differs"
)
