VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo 0.1.0-dev)
COMMIT  ?= $(shell git rev-parse --short=12 HEAD 2>/dev/null)
DATE    ?= $(shell date -u +%Y-%m-%dT%H:%M:%SZ)
LDFLAGS := -X main.Version=$(VERSION) -X main.Commit=$(COMMIT) -X main.DateBuilt=$(DATE)

# Tools are built once, in a folder of their own for each version.
TOOLS_DIR        ?= $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/ingest-tools
GOLANGCI_VERSION := v2.11.4
GOLANGCI         := $(TOOLS_DIR)/golangci-lint-$(GOLANGCI_VERSION)/golangci-lint

GOVULNCHECK_VERSION := v1.8.0
VULNDB              ?= https://vuln.go.dev
GOVULNCHECK         := $(TOOLS_DIR)/govulncheck-$(GOVULNCHECK_VERSION)/govulncheck

PROTOC_GEN_GO      := google.golang.org/protobuf/cmd/protoc-gen-go@v1.36.12
PROTOC_GEN_GO_GRPC := google.golang.org/grpc/cmd/protoc-gen-go-grpc@v1.6.2

.DEFAULT_GOAL := help

.PHONY: help
help: ## Show this help
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: build
build: ## Build the binary, bin/ingest
	go build -trimpath -ldflags '$(LDFLAGS)' -o bin/ingest ./cmd/ingest

.PHONY: demo
demo: ## Move objects between two throw-away S3 servers, with the embedded queue
	go run ./cmd/ingest demo

.PHONY: cross
cross: ## Compile for every system that releases are made for; slow the first time
	@for target in linux/amd64 linux/arm64 darwin/amd64 darwin/arm64 windows/amd64 windows/arm64; do \
	  echo "$$target"; \
	  CGO_ENABLED=0 GOOS=$${target%/*} GOARCH=$${target#*/} go build -o /dev/null ./cmd/ingest || exit 1; \
	done

.PHONY: test
test: ## Run all tests; the first run builds the servers that they need
	go test -timeout 30m ./...

# The targets of fuzzing, each as package:function. Tests run what is in testdata/fuzz.
FUZZTIME     ?= 1m
FUZZ_TARGETS  = $(shell grep -rHoE --include='*_test.go' '^func Fuzz[A-Za-z0-9]+' . | sed -E 's|^(.*)/[^/]*:func |\1:|' | sort)

.PHONY: fuzz
fuzz: ## Fuzz what reads foreign bytes, each target in turn (FUZZTIME=1m)
	@for target in $(FUZZ_TARGETS); do \
	  echo "$$target"; \
	  go test -run '^$$' -fuzz "^$${target##*:}\$$" -fuzztime $(FUZZTIME) "$${target%:*}" || exit 1; \
	done

.PHONY: load
load: ## Work off a million messages while workers are killed (COUNT= messages, PROCESSES= workers)
	INGEST_LOAD_MESSAGES=$(or $(COUNT),1000000) INGEST_LOAD_PROCESSES=$(or $(PROCESSES),8) \
	  go test -count=1 -v -timeout 24h -run '^TestLoad$$' ./integration

.PHONY: soak
soak: ## Move a million objects with a fault every ten seconds, and draw what that takes (OBJECTS= MINUTES= bound it)
	INGEST_SOAK_OBJECTS=$(or $(OBJECTS),1000000) INGEST_SOAK_MINUTES=$(or $(MINUTES),600) INGEST_SOAK_PERIOD=10 \
	INGEST_SOAK_SAMPLES=$(CURDIR)/docs/reliability-soak.jsonl \
	  go test -count=1 -v -timeout 24h -run '^TestSoak$$' ./integration
	cd bench && go run . -soak ../docs/reliability-soak.jsonl

.PHONY: test-model
test-model: ## Compare the queue with a model of the delivery contract on random walks; longer than in the tests (CHECKS= SEED=)
	go test -count=1 -timeout 0 -run '^TestModel$$' ./queue -rapid.checks=$(or $(CHECKS),5000) -rapid.seed=$(or $(SEED),0)

.PHONY: test-bench
test-bench: ## Run the tests of the bench, which is a module of its own
	cd bench && go test ./...

.PHONY: bench
bench: build ## Measure beside other tools, and write docs/benchmarks.md; takes long (WORKLOADS= TOOLS= ROUNDS= do a part)
	cd bench && go run . -cache $(TOOLS_DIR) $(if $(WORKLOADS),-workloads $(WORKLOADS)) $(if $(TOOLS),-tools $(TOOLS)) $(if $(ROUNDS),-rounds $(ROUNDS)) $(BENCH_FLAGS)

.PHONY: lint
lint: fmt-check vet $(GOLANGCI) ## Check format, vet, and lint
	$(GOLANGCI) run ./...
	cd bench && $(GOLANGCI) run ./...

.PHONY: fmt-check
fmt-check: ## Fail if gofmt would change a file
	@unformatted=$$(gofmt -l .); \
	if [ -n "$$unformatted" ]; then echo "gofmt would change:"; echo "$$unformatted"; exit 1; fi

.PHONY: fmt
fmt: ## Format the code
	gofmt -w .

.PHONY: vet
vet: ## Run go vet
	go vet ./...
	cd bench && go vet ./...

# govulncheck asks a database what is known by now.
.PHONY: vulncheck
vulncheck: $(GOVULNCHECK) ## Look for known vulnerabilities in code that is reached; needs the network
	$(GOVULNCHECK) -db $(VULNDB) ./... || { status=$$?; \
	  if [ $$status -eq 3 ]; then echo "vulnerabilities were found"; \
	  else echo "no answer: the database $(VULNDB) must be reachable; VULNDB=file:///PATH names a copy"; fi; \
	  exit $$status; }

$(GOVULNCHECK):
	GOBIN=$(dir $@) go install golang.org/x/vuln/cmd/govulncheck@$(GOVULNCHECK_VERSION)

$(GOLANGCI):
	GOBIN=$(dir $@) go install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(GOLANGCI_VERSION)

.PHONY: tidy
tidy: ## Bring go.mod and go.sum up to date, also those of the modules beside the root
	go mod tidy
	cd integration/distro && go mod tidy
	cd examples/plugins/folder && go mod tidy
	cd bench && go mod tidy

.PHONY: docs-check
docs-check: ## Check the documents: links, configurations, make targets, names of tests, stale pages
	go test -count=1 -run '^TestDocs' ./cmd/ingest ./internal/docsgen

.PHONY: docs
docs: ## Generate the reference of the components, docs/components
	go run ./internal/docsgen

.PHONY: proto
proto: ## Generate the protocol of plugins, internal/pluginpb; needs protoc
	GOBIN=$(TOOLS_DIR)/protoc go install $(PROTOC_GEN_GO)
	GOBIN=$(TOOLS_DIR)/protoc go install $(PROTOC_GEN_GO_GRPC)
	PATH="$(TOOLS_DIR)/protoc:$$PATH" protoc -Iingest/plugin/v3=internal/pluginpb \
	  --go_out=. --go_opt=module=github.com/ingest-bundle/ingest \
	  --go-grpc_out=. --go-grpc_opt=module=github.com/ingest-bundle/ingest \
	  ingest/plugin/v3/plugin.proto

.PHONY: clean
clean: ## Remove what was built here; the cache of tools stays
	rm -rf bin dist
