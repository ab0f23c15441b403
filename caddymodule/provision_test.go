package caddymodule_test

import (
	"strings"
	"testing"

	"github.com/caddy-itsme/caddy-itsme/internal/caddytest"
)

// clientSecret stands literally in the configurations below, so that a test sees it leak.
const clientSecret = "hunter2-4f1f2c"

// A gateway that is right; the rows below replace one line of it, or add one to the site.
const rightConfig = `{
	itsme {
		public_url https://app.example.be
		signicat {
			client_id sandbox-healthy-hat-239
			client_secret hunter2-4f1f2c
		}
		attributes name email
		#gateway
	}
	#global
}
http://app.example.be {
	itsme
	respond ok
}`

// TestProvisionErrors checks that each mistake is reported in one line that begins with the
// subdirective and ends with the remedy.
func TestProvisionErrors(t *testing.T) {
	for _, tt := range []struct{ name, line, with, want string }{
		{
			"public_url missing", "public_url https://app.example.be", "",
			"gateway default: public_url: missing; name the origin that clients use, such as https://app.example.be",
		}, {
			"public_url malformed", "public_url https://app.example.be", "public_url app.example.be",
			`gateway default: public_url: "app.example.be" is not an absolute URL; write it as https://host/path`,
		}, {
			"public_url with plain http", "public_url https://app.example.be", "public_url http://app.example.be",
			`gateway default: public_url: "http://app.example.be" is plain http; use https (http is for loopback hosts only)`,
		}, {
			"public_url with a path", "public_url https://app.example.be", "public_url https://app.example.be/x",
			`gateway default: public_url: "https://app.example.be/x" has more than an origin; drop everything after the host (path sets the prefix of the gateway's endpoints)`,
		}, {
			"public_url from an empty variable", "public_url https://app.example.be", "public_url {env.ITSME_TEST_UNSET}",
			"gateway default: public_url: the placeholder {env.ITSME_TEST_UNSET} is empty; set that environment variable",
		}, {
			"public_url from an unknown placeholder", "public_url https://app.example.be", "public_url {evn.PUBLIC_URL}",
			"gateway default: public_url: the placeholder {evn.PUBLIC_URL} is empty or unknown; use {env.NAME} or {file./path}",
		}, {
			"path with a slash at the end", "#gateway", "path /itsme/",
			`gateway default: path: "/itsme/" cannot be the prefix of the gateway's endpoints; use one like /itsme, without a slash at the end`,
		}, {
			"client_id missing", "client_id sandbox-healthy-hat-239", "",
			"signicat client_id is empty: set the id of an API client of the Signicat Dashboard",
		}, {
			"client_secret missing", "client_secret hunter2-4f1f2c", "",
			"signicat client_secret is empty: set a secret of the API client",
		}, {
			"client_secret from an empty variable", "client_secret hunter2-4f1f2c", "client_secret {env.ITSME_TEST_UNSET}",
			"gateway default: signicat client_secret: the placeholder {env.ITSME_TEST_UNSET} is empty; set that environment variable",
		}, {
			"client_secret from a file that is not there", "client_secret hunter2-4f1f2c", "client_secret {file./nonexistent/secret}",
			"gateway default: signicat client_secret: the placeholder {file./nonexistent/secret} is empty; put the value in that file and make it readable",
		}, {
			"client_secret with braces of its own", "client_secret hunter2-4f1f2c", "client_secret a{hunter2-4f1f2c}b",
			`gateway default: signicat client_secret: the text between the braces is not a placeholder; use {env.NAME} or {file./path}, or write \{ for a literal brace`,
		}, {
			"client_secret with white space", "client_secret hunter2-4f1f2c", "client_secret \"hunter2-4f1f2c \"",
			"signicat client_secret has white space around it or a control character in it: remove it",
		}, {
			"api_url with plain http", "client_id sandbox-healthy-hat-239", "client_id x\napi_url http://api.signicat.com",
			"signicat api_url must be https:// and a host, nothing more; http only for a loopback host",
		}, {
			"timeout too long", "client_id sandbox-healthy-hat-239", "client_id x\ntimeout 2m",
			"signicat timeout must be more than 0s and at most 1m0s",
		}, {
			"state_encoding unknown", "client_id sandbox-healthy-hat-239", "client_id x\nstate_encoding double",
			"signicat state_encoding must be raw or encoded",
		}, {
			"parameter without a code", "client_id sandbox-healthy-hat-239", "client_id x\nparameter itsme_response_type none",
			"signicat parameter: with itsme_response_type none itsme returns no code to a redirect URL",
		}, {
			"parameter of the redirect URL", "client_id sandbox-healthy-hat-239", "client_id x\nparameter itsme_redirect_url https://app.example.be/cb",
			"signicat parameter: itsme_redirect_url is the redirect URL of each login, which the gateway sends; set redirect_url or app_redirect_url",
		}, {
			"attributes missing", "attributes name email", "",
			"gateway default: attributes: missing; name what the upstream needs, such as: attributes name firstName lastName",
		}, {
			"attribute unknown", "attributes name email", "attributes name shoeSize",
			`gateway default: attributes: Signicat has no itsme attribute "shoeSize"; the known ones are name firstName lastName`,
		}, {
			"redirect_url with plain http", "#gateway", "redirect_url http://app.example.be/back",
			`gateway default: redirect_url: "http://app.example.be/back" is plain http; use https (http is for loopback hosts only)`,
		}, {
			"redirect_url with a fragment", "#gateway", "redirect_url https://app.example.be/back#top",
			`gateway default: redirect_url: "https://app.example.be/back#top" has a fragment; remove the # and what follows`,
		}, {
			"redirect_url with a custom scheme", "#gateway", "redirect_url exampleapp://back",
			`gateway default: redirect_url: "exampleapp://back" has the scheme "exampleapp"; only https works, itsme accepts no custom scheme`,
		}, {
			"redirect_url on another host", "#gateway", "redirect_url https://other.example.be/back",
			`gateway default: redirect_url: "https://other.example.be/back" is not on public_url's origin https://app.example.be; a browser's login ends where its cookies are`,
		}, {
			"app_redirect_url with a custom scheme", "#gateway", "app_redirect_url exampleapp://back",
			`gateway default: app_redirect_url: "exampleapp://back" has the scheme "exampleapp"; only https works, itsme accepts no custom scheme`,
		}, {
			"app_redirect_url that is the browser's", "#gateway", "app_redirect_url https://app.example.be/itsme/callback",
			`gateway default: app_redirect_url: "https://app.example.be/itsme/callback" is the browser's redirect_url too; apps need one of their own, claimed by the app`,
		}, {
			"loa unknown", "#gateway", "loa highest",
			`gateway default: loa: "highest" is not a level of assurance; use low, substantial or high`,
		}, {
			"language unknown", "#gateway", "language it",
			`gateway default: language: "it" is not offered; use nl, fr, de or en, or leave it out to follow the request`,
		}, {
			"session_lifetime too short", "#gateway", "session_lifetime 1m",
			"gateway default: session_lifetime: 1m0s is out of bounds; use 5m0s to 1h0m0s",
		}, {
			"issuer with plain http", "#gateway", "token {\nissuer http://app.example.be\n}",
			`gateway default: token issuer: "http://app.example.be" is plain http; use https (http is for loopback hosts only)`,
		}, {
			"audience with blanks", "#gateway", "token {\naudience \"my api\"\n}",
			`gateway default: token audience: "my api" is empty or has blanks; name the API, such as https://api.example.be`,
		}, {
			"token lifetime too long", "#gateway", "token {\nlifetime 48h\n}",
			"gateway default: token lifetime: 48h0m0s is out of bounds; use 1m0s to 24h0m0s",
		}, {
			"algorithm that is symmetric", "#gateway", "token {\nalgorithm HS256\n}",
			`gateway default: token algorithm: algorithm is not accepted: "HS256": use ES256, EdDSA or RS256`,
		}, {
			"rotate too short for the cookie", "#gateway", "token {\nrotate 8h\n}",
			"gateway default: token rotate: 8h0m0s is out of bounds; with tokens that last up to 8h0m0s use 8h37m0s to 8760h0m0s",
		}, {
			"rotate too short for the token", "#gateway", "token {\nlifetime 24h\nrotate 1d\n}",
			"gateway default: token rotate: 24h0m0s is out of bounds; with tokens that last up to 24h0m0s use 24h37m0s to 8760h0m0s",
		}, {
			"rotate too long", "#gateway", "token {\nrotate 366d\n}",
			"gateway default: token rotate: 8784h0m0s is out of bounds; with tokens that last up to 8h0m0s use 8h37m0s to 8760h0m0s",
		}, {
			"rotate with a key file", "#gateway", "token {\nkey /etc/itsme/signing.pem\nrotate 30d\n}",
			"gateway default: token rotate: the key in the file of token key is never rotated; remove rotate, or remove key so that the gateway makes and rotates keys",
		}, {
			"keys nowhere", "#gateway", "token {\nkeys disk\n}",
			`gateway default: token keys: "disk" is unknown; use store or storage`,
		}, {
			"keys in a store that cannot keep them", "#gateway", "token {\nkeys store\n}",
			"gateway default: token keys: only store redis can keep keys; write token { keys storage }, or remove keys",
		}, {
			"keys with a key file", "#gateway", "token {\nkey /etc/itsme/signing.pem\nkeys storage\n}",
			"gateway default: token keys: the key is in the file of token key; remove keys, or remove key so that the gateway makes and rotates keys",
		}, {
			"claim of an attribute that is not asked for", "#gateway", "token {\nclaims nin\n}",
			`gateway default: token claims: "nin" comes from no listed attribute; add its attribute to attributes, or remove the claim`,
		}, {
			"cookie with a name that is none", "#gateway", "cookie my;cookie 8h",
			`gateway default: cookie: "my;cookie" cannot be a cookie's base name; use letters, digits, - and _, at most 40`,
		}, {
			"cookie that lasts too long", "#gateway", "cookie itsme 365d",
			"gateway default: cookie: 8760h0m0s is out of bounds; use 1m0s to 720h0m0s",
		}, {
			"limit with a window out of bounds", "#gateway", "limit {\nstatus_reads 5 48h\n}",
			"gateway default: limit status_reads: the window 48h0m0s is out of bounds; use 1s to 24h",
		}, {
			"page with a colour that is none", "#gateway", "page {\ncolor red\n}",
			`gateway default: page color: "red" is not a color; write six hexadecimal digits, such as 0b5cad`,
		}, {
			"page with an empty placeholder in a text", "#gateway", "page {\ntext login.title nl {env.NOSUCH}\n}",
			"gateway default: page text login.title nl: the placeholder {env.NOSUCH} is empty; set that environment variable",
		}, {
			"name that is none", "#global", strings.Replace(second("https://b.example.be", ""), "itsme second", "itsme Main", 1),
			`gateway Main: the gateway name "Main" is not valid; use 1 to 40 of a-z, 0-9, _ and -, with a letter or digit first`,
		}, {
			"two gateways with one issuer", "#global", second("https://b.example.be", "token {\nissuer https://app.example.be\n}"),
			"gateway second: token issuer: https://app.example.be is the issuer of gateway default too; give each a public_url of its own",
		}, {
			"two gateways with one host", "#global", second("https://app.example.be", "token {\nissuer https://b.example.be\n}"),
			"gateway second: public_url: the host app.example.be already serves the /.well-known documents of gateway default; give each gateway a host of its own, in token issuer and app_redirect_url too",
		}, {
			"two gateways with the app links of one host", "#gateway", "app_redirect_url https://b.example.be/back\napp_link ios A1B2C3D4E5.be.example.app\n}\n" + strings.TrimSuffix(second("https://b.example.be", ""), "}"),
			"gateway second: public_url: the host b.example.be already serves the /.well-known documents of gateway default; give each gateway a host of its own, in token issuer and app_redirect_url too",
		}, {
			"app_link without a team ID", "#gateway", "app_link ios be.example.app",
			`gateway default: app_link ios: "be.example.app" does not begin with a team ID, 10 capital letters and digits; write team ID, dot, bundle ID, such as A1B2C3D4E5.be.example.app (the team ID is under Membership details at developer.apple.com/account)`,
		}, {
			"app_link with a fingerprint from an empty variable", "#gateway", "app_link android be.example.app {env.ITSME_TEST_UNSET}",
			"gateway default: app_link android: the placeholder {env.ITSME_TEST_UNSET} is empty; set that environment variable",
		}, {
			"app_link with a SHA-1 fingerprint", "#gateway", "app_link android be.example.app " + strings.Repeat("ab", 20),
			`gateway default: app_link android: "` + strings.Repeat("ab", 20) + `" is a SHA-1 fingerprint; take the one that keytool -list -v -keystore <file> prints behind SHA256:`,
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			checkRefused(t, strings.Replace(rightConfig, tt.line, tt.with, 1), tt.want)
		})
	}
}

func second(publicURL, more string) string {
	return "itsme second {\npublic_url " + publicURL + "\nsignicat {\nclient_id x\nclient_secret hunter2-4f1f2c\n}\nattributes name\n" + more + "\n}"
}

// checkRefused checks that a Caddyfile does not load, for one reason.
func checkRefused(t *testing.T, caddyfile, want string) {
	t.Helper()
	config, err := caddytest.Adapt(caddyfile)
	if err == nil {
		err = caddytest.Validate(config, t.TempDir())
	}
	checkError(t, err, want)
}

func checkInvalid(t *testing.T, config []byte, want string) {
	t.Helper()
	checkError(t, caddytest.Validate(config, t.TempDir()), want)
}

func checkError(t *testing.T, err error, want string) {
	t.Helper()
	if err == nil {
		t.Fatal("the configuration is accepted")
	}
	if !strings.Contains(err.Error(), want) {
		t.Errorf("the error is\n%v\nand does not contain\n%s", err, want)
	}
	if strings.Contains(err.Error(), "\n") {
		t.Errorf("the error is more than one line:\n%v", err)
	}
	if strings.Contains(err.Error(), clientSecret) {
		t.Errorf("the error shows the secret: %v", err)
	}
}

// TestJSONErrors covers what only JSON can get wrong.
func TestJSONErrors(t *testing.T) {
	site := `"http":{"servers":{"s":{"listen":["127.0.0.1:0"],"routes":[{"handle":[{"handler":"itsme"}]}]}}}`
	for _, tt := range []struct{ name, config, want string }{
		{"no app", `{"apps":{` + site + `}}`, "no gateway is defined; add the global option itsme { ... } with public_url, signicat and attributes"},
		{"no gateway", `{"apps":{"itsme":{}}}`, "no gateway is defined; add the global option itsme { ... } with public_url, signicat and attributes"},
		{"gateway that is null", `{"apps":{"itsme":{"gateways":{"default":null}}}}`, "gateway default: public_url: missing; name the origin that clients use, such as https://app.example.be"},
		{"store that is none", `{"apps":{"itsme":{"gateways":{"default":{"store":{"module":"tape"}}}}}}`, "gateway default: store: loading module 'tape': unknown module: itsme.stores.tape"},
		{"key that is none", `{"apps":{"itsme":{"gateways":{"default":{"publicurl":"https://app.example.be"}}}}}`, `unknown field "publicurl"`},
		{"provider without app", `{"apps":{"http":{"servers":{"s":{"routes":[{"handle":[{"handler":"authentication","providers":{"itsme":{}}}]}]}}}}}`, "no gateway is defined; add the global option itsme { ... } with public_url, signicat and attributes"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			checkInvalid(t, []byte(tt.config), tt.want)
		})
	}
}
