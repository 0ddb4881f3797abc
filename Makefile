# Short names for the commands in CONTRIBUTING.md. .ci/run runs all of them.
MODULES := $(shell find . -name go.mod -not -path './internal/tools/*' -not -path './.bin/*' -exec dirname {} \; | sort)
FUZZTIME ?= 30s

.PHONY: check test test-all race lint fmt tidy fuzz example ci tools bench proof

check: ## what to run before every commit: a few minutes, no servers
	.ci/check

test: ## the library's own tests: Go and a C compiler are enough
	go test ./...

test-all: ## every module; set AUDIT_POSTGRES_DSN and AUDIT_MYSQL_DSN for the servers
	@for m in $(MODULES); do (cd $$m && echo "$$m" && go test ./...) || exit 1; done

race:
	@for m in $(MODULES); do (cd $$m && echo "$$m" && go test -race ./...) || exit 1; done

tools: ## builds the pinned linters into .bin (a minute or two the first time)
	GOWORK=off GOBIN=$(CURDIR)/.bin go -C internal/tools install tool

lint: tools
	@for m in $(MODULES); do (cd $$m && echo "$$m" && go vet ./... && $(CURDIR)/.bin/golangci-lint run --config $(CURDIR)/.ci/golangci.yml ./...) || exit 1; done

fmt: tools
	.bin/gofumpt -w $$(git ls-files '*.go')

tidy:
	@for m in $(MODULES) ./internal/tools; do (cd $$m && GOWORK=off go mod tidy) || exit 1; done

fuzz: ## every fuzz target for FUZZTIME
	.ci/fuzz $(FUZZTIME)

example:
	go run ./example

ci:
	.ci/run

bench: ## tables of medians and ratios, and docs/benchmarks.*; set the two DSNs for the servers
	go run ./test/benchmarks/cmd/writes -twice -write docs
	go run ./test/benchmarks/cmd/ecslog

proof: ## all proof tests in full, with a summary; set the two DSNs for the servers
	go run ./test/integration/cmd/proof
