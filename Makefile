# The targets of hapgent. `make help` lists them.
SHELL = /bin/bash
.DELETE_ON_ERROR:
.PHONY: help run demo build check test setup fuzz mutants bench screenshot packages image release verify-release keys role-checksum publish publish-check vulnerabilities clean

FUZZTIME ?= 60000x
DIST ?= dist

# programs are built by the release of Go that go.mod pins, whatever the environment says
export GOTOOLCHAIN := $(shell sed -n 's/^toolchain //p' go.mod)
# only the race detector needs a C compiler
export CGO_ENABLED = 0
RELEASE = GOFLAGS=-buildvcs=false GOWORK=off go run ./cmd/hapgent-release

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-15s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

build: ## build the agent: run/hapgent
	@$(RELEASE) build hapgent

run: build ## run the agent on 127.0.0.1:9777, with a separate state file
	@test/bin/run-agent

demo: build ## show one minute of HAProxy, services and agents at work
	@demo/run

check: ## all checks that need only Go, from format to unit tests
	@unformatted=$$(gofmt -l .); [ -z "$$unformatted" ] || { echo "gofmt would change: $$unformatted"; exit 1; }
	go vet ./...
	go tool -modfile=tools/go.mod staticcheck ./...
	@dead=$$(go tool -modfile=tools/go.mod deadcode ./cmd/... && go tool -modfile=tools/go.mod deadcode -test ./...); \
	  [ -z "$$dead" ] || { printf 'never called:\n%s\n' "$$dead"; exit 1; }
	go tool -modfile=tools/go.mod actionlint
	go test -C tools ./...
	go test ./cmd/... ./internal/... ./bench/... ./test/code
	@go test -v -run TestTheHouse ./test/code | sed -n 's/.*: the house/the house/p'
	$(RELEASE) cross

test: setup ## every test; root gets the Debian packages installed too
	@test/bin/run

setup: ## install the Debian packages that tests need, or name them
	@test/bin/setup

fuzz: ## run each fuzz target for FUZZTIME (60000x, or a time: 10m)
	@test/bin/fuzz $(FUZZTIME)

mutants: setup ## test the tests: apply each fault of test/mutants
	@test/bin/mutants

bench: setup ## measure agent and verifier against C, Go and OpenSSH
	go run ./bench/agent -svg docs/memory.svg
	go run ./bench/imports
	go run ./bench/verify

screenshot: setup ## retake docs/stats.png, HAProxy's page in Chromium
	go test ./test/demo -run TestStatsPage -update

packages: ## make .deb and .rpm for this machine's architecture, in dist
	@$(RELEASE) packages

image: ## make a container image of the agent: run/image
	@$(RELEASE) image

release: ## make a release in dist, with POOL, SIGNING_KEY and GPG_KEY
	@$(RELEASE) release

verify-release: ## check the release in DIST: signatures, and every byte
	@$(RELEASE) verify $(DIST)

keys: ## write GPG_KEY's keyring into packaging, and fingerprints
	@$(RELEASE) keys

role-checksum: ## write the checksum of the agent for amd64 into the role
	@$(RELEASE) role-checksum

publish-check: release ## check how a release is published (minutes, the first time)
	@test/bin/publish-check

publish: ## publish the release in dist, after a rebuild elsewhere
	@tools/bin/publish

vulnerabilities: ## look for known vulnerabilities in all modules
	go build -C tools -o ../run/govulncheck golang.org/x/vuln/cmd/govulncheck
	for module in . kms tools; do run/govulncheck -test -C $$module $(GOVULNCHECK) ./... || failed+=" $$module"; done; [ -z "$$failed" ] || { echo "look at$$failed"; exit 1; }

clean: ## remove what was built
	rm -rf run dist
