SHELL       := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

GO       ?= go
PACKAGES ?= ./...
FUZZTIME ?= 20s
# The development tools, pinned in a module of their own.
TOOL     := $(GO) tool -modfile=tools/go.mod

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: test
test: debian node ## Vet, and run every test with the race detector
	$(GO) vet ./...
	$(GO) test -race $(PACKAGES)

.PHONY: check
check: ## Check format, lint, and that go.mod is tidy
	@unformatted="$$($(TOOL) gofumpt -l .)"; \
	if [[ -n "$$unformatted" ]]; then printf 'run gofumpt -w on:\n%s\n' "$$unformatted"; exit 1; fi
	$(TOOL) staticcheck ./...
	$(GO) vet ./...
	$(GO) vet -tags sandbox ./...
	$(GO) mod tidy -diff
	cd tools && $(GO) mod tidy -diff

.PHONY: demo
demo: ## Log in with a simulated itsme, in one process on loopback
	$(GO) run ./cmd/caddy-itsme demo

.PHONY: sandbox
sandbox: ## Run the simulator's conformance suite against Signicat's sandbox (needs credentials)
	$(GO) test -count=1 -tags sandbox ./signicat/signicattest/...

.PHONY: fuzz
fuzz: ## Fuzz every target for FUZZTIME (20s)
	@grep -rno --include='*_test.go' --exclude-dir=node_modules '^func Fuzz[A-Za-z0-9_]*' . | while IFS=: read -r file _ target; do \
		$(GO) test -run '^$$' -fuzz "^$${target#func }$$" -fuzztime $(FUZZTIME) "$$(dirname "$$file")"; \
	done

.PHONY: vulncheck
vulncheck: ## Look for known vulnerabilities in what is linked (asks vuln.go.dev)
	$(TOOL) govulncheck ./...

# Programs that tests start, as command:package of Debian.
NEEDED := redis-server:redis-server chromium:chromium
ifneq ($(wildcard test/node/package-lock.json),)
NEEDED += node:nodejs npm:npm
endif

# A test that needs a program fails without it. So a machine on which nothing can be
# installed is told which ones, and the tests decide.
.PHONY: debian
debian:
	@missing=(); \
	for pair in $(NEEDED); do command -v "$${pair%%:*}" >/dev/null || missing+=("$${pair##*:}"); done; \
	if (( $${#missing[@]} == 0 )); then exit 0; fi; \
	as_root=(); if (( EUID != 0 )); then as_root=(sudo -n); fi; \
	install=("$${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq); \
	if "$${install[@]}" update && "$${install[@]}" install -y --no-install-recommends "$${missing[@]}"; then exit 0; fi; \
	echo "make: could not install $${missing[*]}: the tests that need them will fail. Install them with your system's package manager." >&2

.PHONY: node
node: debian
	@if [[ -f test/node/package-lock.json ]]; then npm --prefix test/node ci --no-audit --no-fund --silent; fi
