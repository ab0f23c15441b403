package doctor

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/caddy-itsme/caddy-itsme/caddymodule/internal/coverage"
	"github.com/caddy-itsme/caddy-itsme/store/redis"
)

// Level is the severity of a finding.
type Level string

// The levels of findings.
const (
	// OK means that a check passed.
	OK Level = "ok"
	// Note means that nothing is wrong, but the operator should know.
	Note Level = "note"
	// Warning means that something may fail, or may be unsafe.
	Warning Level = "warning"
	// Problem means that something fails, or is unsafe.
	Problem Level = "problem"
)

// Name is a finding's name.
type Name = coverage.Name

// The names of the findings, but for those of package coverage.
const (
	configLoads            Name = "config_loads"
	configRefused          Name = "config_refused"
	leftOut                Name = "left_out"
	sitesCovered           Name = "sites_covered"
	debugLogsSafe          Name = "debug_logs_safe"
	debugLogsIdentity      Name = "debug_logs_identity"
	storageWritable        Name = "storage_writable"
	storageUnusable        Name = "storage_unusable"
	storageOwner           Name = "storage_owner"
	loaMissing             Name = "loa_missing"
	gatewayUsed            Name = "gateway_used"
	gatewayUnused          Name = "gateway_unused"
	keysFound              Name = "keys_found"
	keysNotYet             Name = "keys_not_yet"
	keysUnreadable         Name = "keys_unreadable"
	keyOlderThanDrop       Name = "key_older_than_drop"
	keyDroppedCameBack     Name = "key_dropped_came_back"
	keyForeign             Name = "key_foreign"
	redirectURL            Name = "redirect_url"
	publicURLLocal         Name = "public_url_local"
	storeMemory            Name = "store_memory"
	storeMemoryReplicas    Name = "store_memory_replicas"
	redisReady             Name = "redis_ready"
	redisUnreachable       Name = "redis_unreachable"
	redisUnreadable        Name = "redis_unreadable"
	redisSecretOne         Name = "redis_secret_one"
	redisSecretOld         Name = "redis_secret_old"
	redisSecretUnknown     Name = "redis_secret_unknown"
	redisSecretUncounted   Name = "redis_secret_uncounted"
	redisDenied            Name = "redis_denied"
	redisTooOld            Name = "redis_too_old"
	redisMayEvict          Name = "redis_may_evict"
	redisPolicyUnknown     Name = "redis_policy_unknown"
	redisNoLog             Name = "redis_no_log"
	signicatUnreachable    Name = "signicat_unreachable"
	signicatElsewhere      Name = "signicat_elsewhere"
	credentialsAccepted    Name = "credentials_accepted"
	credentialsRefused     Name = "credentials_refused"
	accountFits            Name = "account_fits"
	accountDiffers         Name = "account_differs"
	permissionGranted      Name = "permission_granted"
	permissionMissing      Name = "permission_missing"
	permissionUnknown      Name = "permission_unknown"
	clockRight             Name = "clock_right"
	clockOff               Name = "clock_off"
	clockWrong             Name = "clock_wrong"
	clockUnknown           Name = "clock_unknown"
	jwksServed             Name = "jwks_served"
	jwksDiffers            Name = "jwks_differs"
	publicURLUnreachable   Name = "public_url_unreachable"
	discoveryServed        Name = "discovery_served"
	discoveryWrong         Name = "discovery_wrong"
	instanceOne            Name = "instance_one"
	instanceSeveral        Name = "instance_several"
	instanceUnknown        Name = "instance_unknown"
	appLinkServed          Name = "app_link_served"
	appLinkMissing         Name = "app_link_missing"
	certificateNamesOwner  Name = "certificate_names_owner"
	certificateNamesDomain Name = "certificate_names_domain"
	certificateUnknown     Name = "certificate_unknown"
)

// kind is the level and the remedy of all findings of one name.
type kind struct {
	name   Name
	level  Level
	remedy string // empty if there is nothing to do
}

// kinds are all findings, in the order of the checks. docs/doctor.md has the same table.
func kinds() []kind {
	return []kind{
		{configLoads, OK, ""},
		{configRefused, Problem, "Correct the configuration and run the doctor again: the other checks need a configuration that loads."},
		{leftOut, Note, "Run the doctor without --offline."},
		{sitesCovered, OK, ""},
		{coverage.UpstreamUncovered, Warning, "Put itsme at the top level of the site; list paths that need no login in public, or use a matcher."},
		{coverage.ContentUncovered, Warning, "Put itsme at the top level of the site; list paths that need no login in public, or use a matcher."},
		{coverage.ErrorsUncovered, Warning, "Put itsme { optional } before it in handle_errors: itsme then strips identity headers and refuses no error page."},
		{coverage.ItsmeTooLate, Warning, "Put itsme before it: first in its route, and without order itsme in the global options."},
		{coverage.MatcherHalf, Warning, "List both in the matcher, such as: @in path /x /x/*."},
		{coverage.MatcherRewritten, Warning, "Use itsme without a matcher, and list paths that need no login in public."},
		{coverage.PublicWithoutEffect, Warning, "Write the path with the stripped prefix, and at least one more segment, such as: public /app/assets/*."},
		{coverage.EndpointsUnreachable, Problem, "Let a site answer for the host of public_url, with itsme at its top level."},
		{coverage.LogCredentials, Problem, "Remove log_credentials from servers in the global options."},
		{coverage.TrustedProxiesLenient, Warning, "Add trusted_proxies_strict to servers in the global options."},
		{coverage.VerifyProxyProtocol, Warning, "Let the proxies send requests to /verify on a server without proxy_protocol, or remove from verify every address that a client may have."},
		{coverage.CacheInFront, Warning, "Exclude the gateway's path, and every path that needs a login, with a matcher of cache."},
		{coverage.HeaderDeferred, Warning, "Exclude the gateway's path, and every path that needs a login, with a matcher of header, or put header after itsme in a route block."},
		{coverage.ProbeByAddress, Note, "Let the probe send the Host of the site, or add a site without a host at that port, such as http://:8080 { itsme }. A load balancer or Kubernetes would take a gateway without keys or store for ready."},
		{coverage.AudienceShared, Warning, "Give each service an audience of its own, such as: audience https://orders.example.be, or use forward_token off where it reads only the headers."},
		{coverage.ClaimsReadable, Warning, "Add encrypted to token, or leave the claims out of token claims."},
		{coverage.MinAgeDiffers, Warning, "Add the claim to token claims, or add encrypted to token."},
		{debugLogsSafe, OK, ""},
		{debugLogsIdentity, Warning, "Raise the level of that log, or add to it: format filter { request itsme }."},
		{storageWritable, OK, ""},
		{storageUnusable, Problem, "Make Caddy's storage reachable and writable for the user that Caddy runs as, and run the doctor as that user."},
		{storageOwner, Problem, "Let the files belong to the user that Caddy runs as: chown -R --reference=<Caddy's storage> <Caddy's storage>/itsme. Run the doctor and all commands as that user, or as root."},
		{gatewayUsed, OK, ""},
		{gatewayUnused, Warning, "Add itsme to the site that answers for the host of public_url, with use <name> if the gateway has a name."},
		{loaMissing, Warning, "Set loa substantial or loa high, as your service needs. Without it, only a site with require loa refuses a lower level."},
		{keysFound, OK, ""},
		{keysNotYet, Note, "Start Caddy, which makes the keys. If Caddy runs already, run the doctor as its user and with its environment."},
		{keysUnreadable, Problem, "Do what the message says. If it is about Redis or Caddy's storage, mend that first: it has a finding of its own."},
		{keyDroppedCameBack, Warning, "Nothing to do: the key neither signs nor verifies, and a running gateway removes it within a minute."},
		{keyForeign, Warning, "The key neither signs nor verifies. Give each gateway its own store prefix. If public_url or prefix changed, all users must log in again."},
		{keyOlderThanDrop, Note, "If a backup was restored since, drop again every key that was dropped before: caddy itsme keys rotate --drop <kid>."},
		{redirectURL, Note, "Check that exactly this string is on the allow-list (Signicat Dashboard > Products > eID and Wallet Hub > eIDs > itsme). The doctor cannot read that list."},
		{publicURLLocal, Warning, "For real logins, set public_url to the https origin that clients use: itsme does not send users back to a loopback host."},
		{storeMemory, Note, "If you run more than one replica, use store redis."},
		{storeMemoryReplicas, Warning, "If you run more than one replica, use store redis: a login that starts on one cannot finish on another."},
		{redisReady, OK, ""},
		{redisUnreachable, Problem, "Do what the message says; else correct address, sentinel, user, password and tls in store redis, or start Redis."},
		{redisDenied, Problem, "Give the ACL user of store redis the permissions that examples/redis/users.acl lists: correct them in the file that aclfile in redis.conf names, and run ACL LOAD."},
		redisRefuses(redis.CauseReadOnly),
		redisRefuses(redis.CauseMemory),
		redisRefuses(redis.CauseReplicas),
		redisRefuses(redis.CauseDisk),
		redisRefuses(redis.CauseLoading),
		redisRefuses(redis.CauseClusterDown),
		{redisUnreadable, Problem, "Correct secret or prefix in store redis. Gateways with this configuration are not ready: they could miss revocations."},
		{redisSecretOne, OK, ""},
		{redisSecretOld, Note, "Keep both secrets until this finding is gone. Replicas seal keys and revocations anew at once when secret names the new one first, and logins when they are used. Pending sessions end within minutes."},
		{redisSecretUnknown, Problem, "Give all replicas of this gateway the same secret, and every other gateway its own prefix. If the secret was changed, add the old one: secret <new> <old>. If a wrong replica put its canary up, stop it and delete the key that ends in }:canary."},
		{redisSecretUncounted, Note, "Allow the command SCAN to the ACL user, as in examples/redis/users.acl. If Redis holds very much, run the doctor on a machine nearer to it."},
		{redisTooOld, Problem, "Update Redis to 6 or newer."},
		{redisMayEvict, Problem, "Set maxmemory-policy to noeviction. Otherwise logins fail, and revoked tokens become valid again."},
		{redisPolicyUnknown, Warning, "Allow the command INFO to the ACL user, or check yourself that maxmemory-policy is noeviction."},
		{redisNoLog, Note, "Set appendonly yes, unless a restart of Redis may lose logins."},
		{signicatUnreachable, Problem, "Check that this machine reaches signicat api_url over https. If it does, see Signicat's status page and try again."},
		{signicatElsewhere, Problem, "Correct signicat api_url, or remove it. If it is right, look for a proxy that answers instead of Signicat."},
		{credentialsAccepted, OK, ""},
		{credentialsRefused, Problem, "Copy client_id from the API client in the Signicat Dashboard, and check client_secret, or make a new secret there."},
		{accountFits, OK, ""},
		{accountDiffers, Warning, "Copy the account ID from the Signicat Dashboard, or remove account_id."},
		{permissionGranted, OK, ""},
		{permissionMissing, Problem, "Give the API client the permission Authentication REST API in the Signicat Dashboard, and check account_id and organization_id."},
		{permissionUnknown, Warning, "Try again. If the finding stays, log in once and read Caddy's log."},
		{clockRight, OK, ""},
		{clockOff, Warning, "Synchronise this machine's clock with NTP."},
		{clockWrong, Problem, "Set this machine's clock, and synchronise it with NTP. Otherwise valid tokens are refused as expired or not yet valid."},
		{clockUnknown, Note, "Check yourself that the clocks of any two machines differ by at most a minute."},
		{jwksServed, OK, ""},
		{jwksDiffers, Problem, "If keys changed in the last minute, try again. Otherwise let every replica and the doctor use one storage, and reload Caddy."},
		{publicURLUnreachable, Problem, "Start Caddy. Check that DNS, firewall and certificate let this machine reach it at public_url."},
		{discoveryServed, OK, ""},
		{discoveryWrong, Problem, "Let this gateway answer for the host of token issuer. If the configuration changed, reload Caddy."},
		{instanceOne, OK, ""},
		{instanceSeveral, Problem, "Stop all processes but one, or use store redis: a login that starts in one process cannot finish in another. ss -ltnp lists the processes that listen. If Caddy has just restarted, try again."},
		{instanceUnknown, Note, "Check yourself that only one process answers. A proxy in between must pass the response header Itsme-Instance of /health/ready."},
		{appLinkServed, OK, ""},
		{appLinkMissing, Problem, "Let the host answer 200 with application/json, without a redirect. If app_link is new, reload Caddy."},
		{certificateNamesOwner, OK, ""},
		{certificateNamesDomain, Note, "Ask Signicat whether itsme accepts this certificate: itsme's guide requires the organisation's name in it (OV or EV)."},
		{certificateUnknown, Warning, "Let the host of the redirect URL answer over https with a certificate that phones trust."},
	}
}

// redisRefuses is the finding of a Redis that refuses for that cause.
func redisRefuses(cause redis.Cause) kind {
	remedy := cause.Remedy()
	return kind{Name("redis_" + cause), Problem, strings.ToUpper(remedy[:1]) + remedy[1:] + "."}
}

// Remedy returns the remedy of a finding about sites, for the end of a sentence.
func Remedy(of Name) string {
	for _, kind := range kinds() {
		if kind.name == of && kind.remedy != "" {
			first, size := utf8.DecodeRuneInString(kind.remedy)
			return string(unicode.ToLower(first)) + strings.TrimSuffix(kind.remedy[size:], ".")
		}
	}
	return ""
}

// Finding is one result of a check.
type Finding struct {
	Level   Level  `json:"level"`
	Gateway string `json:"gateway,omitempty"` // empty when the finding is about the whole configuration
	Name    Name   `json:"finding"`
	Message string `json:"message"`
	Remedy  string `json:"remedy,omitempty"`
}

// find makes a finding.
func find(name Name, format string, args ...any) Finding {
	for _, kind := range kinds() {
		if kind.name == name {
			return Finding{Level: kind.level, Name: name, Message: line(fmt.Sprintf(format, args...)), Remedy: kind.remedy}
		}
	}
	panic("doctor: no such finding: " + string(name))
}

// line replaces control characters by spaces. Other servers wrote parts of the text, and could control the
// operator's terminal.
func line(text string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, text)
}

// one returns the result of a check with one finding.
func one(name Name, format string, args ...any) []Finding {
	return []Finding{find(name, format, args...)}
}
