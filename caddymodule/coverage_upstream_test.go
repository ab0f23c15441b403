package caddymodule_test

// uncoveredRows are sites with upstreams, files, responses or error pages that requests reach without itsme,
// and sites whose gateway endpoints no request reaches.
var uncoveredRows = []coverageRow{
	{"itsme at site level", `SITE {
		itsme
		reverse_proxy /api/* 127.0.0.1:9
		handle /more/* {
			reverse_proxy 127.0.0.1:9
		}
		handle {
			file_server
		}
	}`, nil},
	{"itsme with a matcher, which is the handler's own", `SITE {
		@in path /private /private/*
		itsme @in
		reverse_proxy 127.0.0.1:9
	}`, nil},
	{"itsme in one part of a site", `SITE {
		handle /api/* {
			itsme
			reverse_proxy 127.0.0.1:9
		}
		handle {
			reverse_proxy 127.0.0.1:9 127.0.0.1:10
		}
	}`, []string{"upstream_uncovered site 127.0.0.1: reverse_proxy to 127.0.0.1:9 127.0.0.1:10 is reachable without itsme", "endpoints_unreachable site URL/itsme/token: " + notReached}},
	{"itsme behind a matcher of a route", `SITE {
		route /api/* {
			itsme
		}
		reverse_proxy /other/* 127.0.0.1:9
	}`, []string{"upstream_uncovered site 127.0.0.1 /other/*: " + openUpstream, "endpoints_unreachable site URL/itsme/token: " + notReached}},
	{"itsme after the upstream", `SITE {
		route {
			reverse_proxy /early/* 127.0.0.1:9
			itsme
			reverse_proxy 127.0.0.1:9
		}
	}`, []string{"itsme_too_late site 127.0.0.1 /early/*: reverse_proxy to 127.0.0.1:9 answers before itsme"}},
	{"order itsme last", `SITE {
		itsme
		file_server /files/*
		reverse_proxy 127.0.0.1:9
	}`, []string{
		"itsme_too_late site 127.0.0.1: reverse_proxy to 127.0.0.1:9 answers before itsme",
		"itsme_too_late site 127.0.0.1 /files/*: file_server answers before itsme",
	}},
	{"the own endpoints apart", `SITE {
		handle /itsme/* {
			itsme
		}
		handle {
			itsme
			respond ok
		}
	}`, nil},
	{"the keys left out", `SITE {
		handle /itsme/* {
			itsme
		}
		respond 404
	}`, []string{"endpoints_unreachable site URL/.well-known/jwks.json: " + notReached}},
	{"the own endpoints excluded", `SITE {
		@rest not path /itsme/*
		handle @rest {
			itsme
			respond ok
		}
	}`, []string{"endpoints_unreachable site URL/itsme/token: " + notReached}},
	{"everything but something else excluded", `SITE {
		@rest not path /assets/*
		handle @rest {
			itsme
			respond ok
		}
	}`, nil},
	{"PHP on another site", `SITE {
		itsme
		respond ok
	}
	http://other.example:PORT {
		php_fastcgi 127.0.0.1:9
	}`, []string{"upstream_uncovered site other.example *.php: php_fastcgi to 127.0.0.1:9 is reachable without itsme"}},
	{"another host", `SITE {
		respond ok
	}
	http://other.example:PORT {
		itsme
		respond ok
	}`, []string{"endpoints_unreachable site URL/itsme/token: " + notReached}},
	{"an error page from an upstream", `SITE {
		itsme
		respond ok
		handle_errors {
			reverse_proxy 127.0.0.1:9
		}
	}`, []string{"errors_uncovered site 127.0.0.1: reverse_proxy to 127.0.0.1:9 in handle_errors is reachable without itsme"}},
	{"an error page from an upstream, covered", `SITE {
		itsme
		respond ok
		handle_errors {
			itsme {
				optional
			}
			reverse_proxy 127.0.0.1:9
		}
	}`, nil},
	{"error pages of files and of text", `SITE {
		itsme
		respond ok
		handle_errors 404 {
			rewrite * /404.html
			file_server
		}
		handle_errors {
			respond "{err.status_code}"
		}
	}`, nil},
	{"files in the place of error pages", `SITE {
		itsme
		respond ok
		handle_errors {
			file_server
		}
	}`, []string{"content_uncovered site 127.0.0.1: file_server in handle_errors is reachable without itsme, and serves more than an error page"}},
	{"forward_auth, which is no upstream", `SITE {
		forward_auth 127.0.0.1:9 {
			uri /auth
		}
		itsme
		reverse_proxy 127.0.0.1:9
	}`, nil},
	{"named routes", `&(upstream) {
		reverse_proxy 127.0.0.1:9
	}
	&(guarded) {
		itsme
	}
	SITE {
		route {
			invoke /early/* upstream
			invoke guarded
			invoke upstream
		}
	}`, []string{"itsme_too_late site 127.0.0.1 /early/*: reverse_proxy to 127.0.0.1:9 answers before itsme"}},
	{"no itsme anywhere", `SITE {
		reverse_proxy 127.0.0.1:9
	}`, nil},
	{"browser logins on the right host", `SITE {
		itsme {
			mode browser
		}
		respond ok
	}`, nil},

	{"files and responses beside itsme", `SITE {
		handle /itsme/* {
			itsme
		}
		handle /.well-known/* {
			itsme
		}
		handle /api/* {
			itsme
			reverse_proxy 127.0.0.1:9
		}
		handle /files/* {
			root * /srv
			file_server
		}
		respond /a/* ok
		respond /b ok
		respond /forbidden/* no 403
		handle /health {
			respond ok
		}
		handle /php/* {
			php_fastcgi 127.0.0.1:9
		}
		redir /old/* /new
		redir /page/* /new html
	}`, []string{
		"content_uncovered site 127.0.0.1 /files/*: file_server is reachable without itsme",
		"upstream_uncovered site 127.0.0.1 /php/* *.php: php_fastcgi to 127.0.0.1:9 is reachable without itsme",
		"content_uncovered site 127.0.0.1 /a/*: respond is reachable without itsme",
	}},
	{"files of a site without itsme", `SITE {
		itsme
		respond ok
	}
	http://other.example:PORT {
		file_server
	}`, nil},
}

// audienceRows are sites whose upstreams receive tokens of one audience, or of their own.
var audienceRows = []coverageRow{
	{"two services share an audience", `SITE {
		handle /orders/* {
			itsme
			reverse_proxy 127.0.0.1:9
		}
		handle {
			itsme
			reverse_proxy 127.0.0.1:10
		}
	}
	http://other.example:PORT {
		itsme
		reverse_proxy 127.0.0.1:11
	}`, []string{"audience_shared site 127.0.0.1, 127.0.0.1 /orders/*, other.example: their upstreams share the audience URL: each can use the tokens that it receives at the others"}},
	{"two sites of one service", `SITE {
		itsme
		reverse_proxy 127.0.0.1:9
	}
	http://other.example:PORT {
		itsme
		reverse_proxy 127.0.0.1:9
	}`, nil},
	{"an audience for each service, and a service that only reads headers", `SITE {
		handle /orders/* {
			itsme {
				audience https://orders.example.be
			}
			reverse_proxy 127.0.0.1:9
		}
		handle /old/* {
			itsme {
				forward_token off
			}
			reverse_proxy 127.0.0.1:10
		}
		handle {
			itsme
			reverse_proxy 127.0.0.1:11
		}
	}`, nil},
	{"an audience that two services were given", `SITE {
		itsme {
			audience https://api.example.be
		}
		reverse_proxy 127.0.0.1:9
	}
	http://other.example:PORT {
		itsme {
			audience https://api.example.be
		}
		reverse_proxy 127.0.0.1:10
	}`, []string{"audience_shared site 127.0.0.1, other.example: their upstreams share the audience https://api.example.be: each can use the tokens that it receives at the others"}},
	{"an audience from the last site of a chain", `SITE {
		itsme
		handle /orders/* {
			itsme {
				audience https://orders.example.be
			}
			reverse_proxy 127.0.0.1:9
		}
		reverse_proxy 127.0.0.1:10
	}`, nil},
}
