package caddymodule

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// level is how much a finding of the doctor matters.
type level string

const (
	levelOK      level = "ok"
	levelNote    level = "note"    // nothing is wrong; a person should know, or look themselves
	levelWarning level = "warning" // something may go wrong, or does not fit
	levelProblem level = "problem" // something does not work, or is not safe
)

// findingName is a finding's name. It never changes, so that a script can look for it.
type findingName string

const (
	configLoads            findingName = "config_loads"
	configRefused          findingName = "config_refused"
	leftOut                findingName = "left_out"
	sitesCovered           findingName = "sites_covered"
	upstreamUncovered      findingName = "upstream_uncovered"
	endpointsUnreachable   findingName = "endpoints_unreachable"
	contentUncovered       findingName = "content_uncovered"
	errorsUncovered        findingName = "errors_uncovered"
	itsmeTooLate           findingName = "itsme_too_late"
	matcherHalf            findingName = "matcher_half"
	matcherRewritten       findingName = "matcher_rewritten"
	publicWithoutEffect    findingName = "public_without_effect"
	logCredentials         findingName = "log_credentials"
	trustedProxiesLenient  findingName = "trusted_proxies_lenient"
	verifyProxyProtocol    findingName = "verify_proxy_protocol"
	cacheInFront           findingName = "cache_in_front"
	headerDeferred         findingName = "header_deferred"
	debugLogsSafe          findingName = "debug_logs_safe"
	debugLogsIdentity      findingName = "debug_logs_identity"
	storageWritable        findingName = "storage_writable"
	storageUnusable        findingName = "storage_unusable"
	gatewayUsed            findingName = "gateway_used"
	gatewayUnused          findingName = "gateway_unused"
	keysFound              findingName = "keys_found"
	keysNotYet             findingName = "keys_not_yet"
	keysUnreadable         findingName = "keys_unreadable"
	keyOlderThanDrop       findingName = "key_older_than_drop"
	keyDroppedCameBack     findingName = "key_dropped_came_back"
	keyForeign             findingName = "key_foreign"
	redirectURL            findingName = "redirect_url"
	publicURLLocal         findingName = "public_url_local"
	storeMemory            findingName = "store_memory"
	storeMemoryReplicas    findingName = "store_memory_replicas"
	redisReady             findingName = "redis_ready"
	redisUnreachable       findingName = "redis_unreachable"
	redisTooOld            findingName = "redis_too_old"
	redisMayEvict          findingName = "redis_may_evict"
	redisPolicyUnknown     findingName = "redis_policy_unknown"
	redisNoLog             findingName = "redis_no_log"
	signicatUnreachable    findingName = "signicat_unreachable"
	signicatElsewhere      findingName = "signicat_elsewhere"
	credentialsAccepted    findingName = "credentials_accepted"
	credentialsRefused     findingName = "credentials_refused"
	accountFits            findingName = "account_fits"
	accountDiffers         findingName = "account_differs"
	permissionGranted      findingName = "permission_granted"
	permissionMissing      findingName = "permission_missing"
	permissionUnknown      findingName = "permission_unknown"
	clockRight             findingName = "clock_right"
	clockOff               findingName = "clock_off"
	clockWrong             findingName = "clock_wrong"
	clockUnknown           findingName = "clock_unknown"
	jwksServed             findingName = "jwks_served"
	jwksDiffers            findingName = "jwks_differs"
	publicURLUnreachable   findingName = "public_url_unreachable"
	discoveryServed        findingName = "discovery_served"
	discoveryWrong         findingName = "discovery_wrong"
	instanceOne            findingName = "instance_one"
	instanceSeveral        findingName = "instance_several"
	instanceUnknown        findingName = "instance_unknown"
	appLinkServed          findingName = "app_link_served"
	appLinkMissing         findingName = "app_link_missing"
	certificateNamesOwner  findingName = "certificate_names_owner"
	certificateNamesDomain findingName = "certificate_names_domain"
	certificateUnknown     findingName = "certificate_unknown"
)

// findingKind is what is always the same about a finding.
type findingKind struct {
	name   findingName
	level  level
	remedy string // empty where nothing is to be done
}

// findingKinds are all that the doctor can find, in the order in which it looks.
// docs/operations.md has the same table.
func findingKinds() []findingKind {
	return []findingKind{
		{configLoads, levelOK, ""},
		{configRefused, levelProblem, "Correct what the message names; everything else is looked at when the configuration loads."},
		{leftOut, levelNote, "Run the doctor without --offline."},
		{sitesCovered, levelOK, ""},
		{upstreamUncovered, levelWarning, "Put itsme at the top level of the site, with public or a matcher for what needs no login."},
		{contentUncovered, levelWarning, "Put itsme at the top level of the site, with public or a matcher for what needs no login."},
		{errorsUncovered, levelWarning, "Put itsme { optional } into handle_errors, in front of it: it strips identity headers and refuses no error page."},
		{itsmeTooLate, levelWarning, "Put itsme in front of it: first in its route, and without order itsme in the global options."},
		{matcherHalf, levelWarning, "Name both in the matcher, such as: @in path /x /x/*."},
		{matcherRewritten, levelWarning, "Write itsme without a matcher, and name what needs no login in public."},
		{publicWithoutEffect, levelWarning, "Write the path with the stripped prefix in front, and at least one segment behind it, such as: public /app/assets/*."},
		{endpointsUnreachable, levelProblem, "Put itsme at the top level of the site that answers for the host of public_url."},
		{logCredentials, levelProblem, "Remove log_credentials from servers in the global options."},
		{trustedProxiesLenient, levelWarning, "Add trusted_proxies_strict to servers in the global options."},
		{verifyProxyProtocol, levelWarning, "Answer the proxies that ask verify on a server without proxy_protocol, or name no address in verify from which a client may come."},
		{cacheInFront, levelWarning, "Let a matcher of cache leave out the gateway's path and what needs a login."},
		{headerDeferred, levelWarning, "Let a matcher of header leave out the gateway's path and what needs a login, or put header behind itsme in a route block."},
		{debugLogsSafe, levelOK, ""},
		{debugLogsIdentity, levelWarning, "Raise the level, or write in that log: format filter { request itsme }."},
		{storageWritable, levelOK, ""},
		{storageUnusable, levelProblem, "Make Caddy's storage reachable and writable for the user that Caddy runs as, and run the doctor as that user."},
		{gatewayUsed, levelOK, ""},
		{gatewayUnused, levelWarning, "Put itsme into the site that answers for the host of public_url, with use if the gateway has a name."},
		{keysFound, levelOK, ""},
		{keysNotYet, levelNote, "Start Caddy, which makes them; if it runs already, run the doctor as its user and with its environment."},
		{keysUnreadable, levelProblem, "Do what the message says."},
		{keyDroppedCameBack, levelWarning, "A backup was restored. The key neither signs nor verifies; a running gateway takes it away within a minute."},
		{keyForeign, levelWarning, "The key neither signs nor verifies. Give each gateway a store prefix of its own; if public_url or prefix changed, everybody logs in again."},
		{keyOlderThanDrop, levelNote, "If a backup was restored since, drop again every key that was dropped before: caddy itsme keys rotate --drop <kid>."},
		{redirectURL, levelNote, "Have exactly this string on the allow-list (Signicat Dashboard > Products > eID and Wallet Hub > eIDs > itsme); that cannot be seen from here."},
		{publicURLLocal, levelWarning, "For real logins set public_url to the https origin that clients use; itsme sends nobody back to this machine."},
		{storeMemory, levelNote, "If you run more than one replica, use store redis."},
		{storeMemoryReplicas, levelWarning, "If you run more than one replica, use store redis: a login that starts on one cannot finish on another."},
		{redisReady, levelOK, ""},
		{redisUnreachable, levelProblem, "Correct address, user, password and tls in store redis, or start Redis."},
		{redisTooOld, levelProblem, "Update Redis to 6 or newer."},
		{redisMayEvict, levelProblem, "Set its maxmemory-policy to noeviction: else logins fail, and revoked tokens come back."},
		{redisPolicyUnknown, levelWarning, "Allow INFO to the user, or make sure yourself that maxmemory-policy is noeviction."},
		{redisNoLog, levelNote, "Set appendonly yes, unless Redis may forget logins when it restarts."},
		{signicatUnreachable, levelProblem, "Let this machine reach signicat api_url over https; if it can, look at Signicat's status page and try again."},
		{signicatElsewhere, levelProblem, "Correct signicat api_url, or leave it out; if it is right, look for a proxy that answers in Signicat's place."},
		{credentialsAccepted, levelOK, ""},
		{credentialsRefused, levelProblem, "Copy client_id from the API client in the Signicat Dashboard, and give it a new secret if client_secret is not at hand."},
		{accountFits, levelOK, ""},
		{accountDiffers, levelWarning, "Copy the account ID from the Signicat Dashboard, or leave account_id out."},
		{permissionGranted, levelOK, ""},
		{permissionMissing, levelProblem, "Give the API client the permission Authentication REST API in the Signicat Dashboard, and check account_id and organization_id."},
		{permissionUnknown, levelWarning, "Try again; if it stays, log in once and look at what Caddy logs."},
		{clockRight, levelOK, ""},
		{clockOff, levelWarning, "Keep this machine's clock right with NTP."},
		{clockWrong, levelProblem, "Set this machine's clock, and keep it right with NTP: tokens look expired, or are not yet valid."},
		{clockUnknown, levelNote, "Make sure yourself that the clocks of any two machines differ by at most a minute."},
		{jwksServed, levelOK, ""},
		{jwksDiffers, levelProblem, "If keys changed in the last minute, try again; else let every replica and the doctor use one storage, and reload Caddy."},
		{publicURLUnreachable, levelProblem, "Start Caddy, and let DNS, firewall and certificate lead this machine to it at public_url."},
		{discoveryServed, levelOK, ""},
		{discoveryWrong, levelProblem, "Serve the issuer's host with this gateway, as it is configured here; reload Caddy if the configuration changed."},
		{instanceOne, levelOK, ""},
		{instanceSeveral, levelProblem, "Stop all but one, or use store redis: a login that starts at one cannot finish at another. ss -ltnp shows which processes listen. If Caddy has just restarted, try again."},
		{instanceUnknown, levelNote, "Make sure yourself that one process answers, and let the header Itsme-Instance of /health/ready through."},
		{appLinkServed, levelOK, ""},
		{appLinkMissing, levelProblem, "Let the host answer 200 with application/json, without a redirect; reload Caddy if app_link is new."},
		{certificateNamesOwner, levelOK, ""},
		{certificateNamesDomain, levelWarning, "Ask Signicat whether itsme accepts it: itsme's own guide wants certificates with the organisation's name (OV or EV)."},
		{certificateUnknown, levelWarning, "Let the host of the redirect URL answer https with a certificate that phones trust."},
	}
}

// remedy is what to do about a finding, for the end of a sentence.
func (name findingName) remedy() string {
	for _, kind := range findingKinds() {
		if kind.name == name && kind.remedy != "" {
			first, size := utf8.DecodeRuneInString(kind.remedy)
			return string(unicode.ToLower(first)) + strings.TrimSuffix(kind.remedy[size:], ".")
		}
	}
	return ""
}

// diagnosis is one thing that the doctor found.
type diagnosis struct {
	Level   level       `json:"level"`
	Gateway string      `json:"gateway,omitempty"` // none when it is about the whole configuration
	Finding findingName `json:"finding"`
	Message string      `json:"message"`
	Remedy  string      `json:"remedy,omitempty"`
}

// diagnose makes a diagnosis.
func diagnose(name findingName, format string, args ...any) diagnosis {
	for _, kind := range findingKinds() {
		if kind.name == name {
			return diagnosis{Level: kind.level, Finding: name, Message: line(fmt.Sprintf(format, args...)), Remedy: kind.remedy}
		}
	}
	panic("caddymodule: no such finding: " + string(name))
}

// line is text in one line, without what a terminal would take for a command: some of it is from
// other servers.
func line(text string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, text)
}

// one is what a check returns that found one thing.
func one(name findingName, format string, args ...any) []diagnosis {
	return []diagnosis{diagnose(name, format, args...)}
}
