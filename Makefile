# Short names for the commands in CONTRIBUTING.md. `make check` before a commit, `make ci`
# before a change is sent.
MODULES := $(shell find . -name go.mod -not -path './internal/tools/*' -not -path './.bin/*' -exec dirname {} \; | sort)
PACKAGES := $(MODULES:%=%/...)
LINT_CONFIG := .ci/golangci.yml
FUZZTIME ?= 30s

.PHONY: check ci test test-all race lint fmt tidy outsider release fuzz example tools bench proof engines engines-stop engines-full

check: ## the library's tests, its linters, the integration tests on SQLite: some minutes, no server
	.ci/check

ci: ## everything; brings the servers it needs
	.ci/run

test: ## the library's own tests: Go and a C compiler are enough
	go test ./...

test-all: ## every module; `.ci/with-servers make test-all` for the servers
	go test $(PACKAGES)

race:
	go test -race $(PACKAGES)

tools: ## builds the pinned linters into .bin (a minute or two the first time)
	GOWORK=off GOBIN=$(CURDIR)/.bin go -C internal/tools install tool

lint: tools
	go vet $(PACKAGES)
	.bin/golangci-lint run --config $(LINT_CONFIG) $(PACKAGES)

fmt: tools
	.bin/gofumpt -w $$(git ls-files '*.go')

tidy:
	.ci/tidy

outsider: ## releases into a folder, and uses every module and command from there as others would
	.ci/outsider

release: ## make release VERSION=v0.2.0: sets versions, checks, says which tags to push; pushes nothing
	.ci/release $(VERSION)

fuzz: ## every fuzz target for FUZZTIME
	.ci/fuzz $(FUZZTIME)

example:
	go run ./example

bench: ## tables of medians and ratios, and docs/benchmarks.*; set the two DSNs for the servers
	go run ./test/benchmarks/cmd/writes -twice -write docs
	go run ./test/benchmarks/cmd/ecslog

proof: ## all proof tests in full, with a summary; `.ci/with-servers make proof` for the servers
	go run ./test/integration/cmd/proof

engines: ## servers of other versions, fetched and started on free ports; NAMES="mysql-9.7 …" for some
	.ci/engines start $(NAMES)

engines-stop:
	.ci/engines stop

engines-full: ## all integration tests on each of them; some minutes an engine
	.ci/engines full $(NAMES)
