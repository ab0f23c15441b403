package caddymodule_test

// matcherRows are sites whose matcher of itsme leaves out a path, and sites that rewrite paths.
var matcherRows = []coverageRow{
	{"a matcher without the folder itself", `SITE {
		itsme /private/*
		reverse_proxy 127.0.0.1:9
	}`, []string{"matcher_half site 127.0.0.1: the matcher of itsme includes /private/* but not /private"}},
	{"a matcher without what is below the folder", `SITE {
		itsme /private
		reverse_proxy 127.0.0.1:9
	}`, []string{"matcher_half site 127.0.0.1: the matcher of itsme includes /private but not /private/*"}},
	{"several matchers", `SITE {
		@in {
			path /a /a/* /b/* /c /file.pdf /d* /e/ *.json /f/*/g /x* /x/y
			method POST
		}
		itsme @in
		reverse_proxy 127.0.0.1:9
	}`, []string{"matcher_half site 127.0.0.1: the matcher of itsme includes /b/* but not /b", "matcher_half site 127.0.0.1: the matcher of itsme includes /c but not /c/*"}},
	{"a negated matcher", `SITE {
		@in not path /assets/*
		itsme @in
		reverse_proxy 127.0.0.1:9
	}`, nil},

	{"a matcher beside handle_path", `SITE {
		@in path /private /private/*
		itsme @in
		handle_path /x/* {
			reverse_proxy 127.0.0.1:9
		}
	}`, []string{"matcher_rewritten site 127.0.0.1: itsme has a path matcher, but the site rewrites paths"}},
	{"a matcher behind try_files", `SITE {
		@in path_regexp ^/private
		itsme @in
		try_files {path} /index.html
		file_server
	}`, []string{"matcher_rewritten site 127.0.0.1: itsme has a path matcher, but the site rewrites paths"}},
	{"a matcher in front of PHP", `SITE {
		@in not path /assets /assets/*
		itsme @in
		php_fastcgi 127.0.0.1:9
	}`, []string{"matcher_rewritten site 127.0.0.1: itsme has a path matcher, but the site has a fastcgi transport"}},
	{"a matcher in front of a proxy that rewrites", `SITE {
		@in expression ` + "`path('/private*')`" + `
		itsme @in
		reverse_proxy 127.0.0.1:9 {
			rewrite /x{uri}
		}
	}`, []string{"matcher_rewritten site 127.0.0.1: itsme has a path matcher, but its reverse_proxy rewrites paths"}},
	{"rewrites that no matcher is about", `SITE {
		@in method POST
		itsme @in
		uri strip_prefix /x
		reverse_proxy 127.0.0.1:9
		handle_errors {
			rewrite * /{err.status_code}.html
			file_server
		}
	}
	http://other.example:PORT {
		@in path /x /x/*
		itsme @in
		method GET
		uri query -a
		reverse_proxy 127.0.0.1:9
	}
	http://third.example:PORT {
		itsme
		rewrite * /x
		php_fastcgi 127.0.0.1:9
	}`, nil},
}

// publicRows are public paths in routes that strip a prefix.
var publicRows = []coverageRow{
	{"public paths of a stripped route", `SITE {
		itsme
		handle_path /app/* {
			itsme {
				public /assets/* /app/health /app/*
			}
			reverse_proxy 127.0.0.1:9
		}
	}`, []string{
		"public_without_effect site 127.0.0.1 /app/*: public /assets/* matches no path of this route",
		"public_without_effect site 127.0.0.1 /app/*: public /app/* matches no path of this route",
	}},
	{"public paths of a stripped route, in both spellings", `SITE {
		itsme
		handle_path /app/* {
			itsme {
				public /assets/* /app/assets/*
			}
			reverse_proxy 127.0.0.1:9
		}
	}`, nil},
	{"public paths of a site that strips where it can", `SITE {
		uri strip_prefix /app
		itsme {
			public /assets/*
		}
		reverse_proxy 127.0.0.1:9
	}`, nil},
}
