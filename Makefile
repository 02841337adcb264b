# longhaul: every target documents itself; `make help` lists them.

# Pinned versions, in this one place (Go modules are pinned by go.mod).
TEMPORAL_VERSION      := v1.5.1
STATICCHECK_VERSION   := v0.8.2
WORKFLOWCHECK_VERSION := v0.6.0
GOFUMPT_VERSION       := v0.12.0
# What docker-compose.yml runs, and make e2e-postgres builds: Temporal's server, and its Web UI.
TEMPORAL_SERVER_VERSION := v1.29.1
TEMPORAL_UI_VERSION   := v2.42.1
POSTGRESQL_MAJOR      := 15

SHELL       := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.PHONY: help run build test lint unit integration crash e2e-postgres bench peers microbench histories keep-histories screenshots fmt clean counterparts typescript FORCE

BIN   := $(CURDIR)/bin
TOOLS := $(BIN)/tools
GO    ?= go
# The temporal program: the one on PATH, else our own build of it.
TEMPORAL := $(or $(shell command -v temporal 2>/dev/null),$(BIN)/temporal)

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: build ## build everything and run the main job: the seed programs, then 2,000 requests to a slow API
	@examples/main.sh

build: $(TEMPORAL) $(BIN)/longhaul $(BIN)/longhaul-worker $(BIN)/slowapi ## build the programs into bin/

test: lint unit integration ## pass every test

lint: $(TOOLS)/staticcheck $(TOOLS)/workflowcheck $(TOOLS)/gofumpt ## formatting, vet, staticcheck, workflow determinism
	@unformatted=$$($(TOOLS)/gofumpt -l .); if [ -n "$$unformatted" ]; then echo "not formatted (make fmt): $$unformatted"; exit 1; fi
	$(GO) vet ./...
	$(TOOLS)/staticcheck ./...
	$(TOOLS)/workflowcheck -config workflowcheck.yaml ./workflows/...

unit: ## unit, property, workflow and replay tests, under the race detector
	$(GO) test -race $$($(GO) list ./... | grep -vE '/tests/(e2e|browser|crash|compose|postgres)')

integration: $(TEMPORAL) counterparts typescript ## tests with real processes against a real development server, a short crash schedule among them
	PATH="$$PATH:$(BIN)" $(GO) test -count=1 -timeout 40m ./tests/e2e/... ./tests/browser/... ./tests/crash/... ./tests/compose/...

# Debian packages with what the tests meet that is no Go module. A test that misses one says so.
COUNTERPARTS := python3-aiohttp parallel nginx tmux chromium prometheus
counterparts:
	@missing=$$(for p in $(COUNTERPARTS); do dpkg -s "$$p" > /dev/null 2>&1 || echo "$$p"; done; command -v npm > /dev/null || echo nodejs npm); \
	if [ -n "$$missing" ]; then bench/install.sh $$missing > /dev/null || echo "not installed: $$missing; a test will fail for want of it"; fi

KILLS ?= 200
crash: $(TEMPORAL) ## a long crash schedule: make crash KILLS=1000
	PATH="$$PATH:$(BIN)" $(GO) test -count=1 -timeout 0 -v ./tests/crash/... -args -kills $(KILLS)

SERVER := $(BIN)/server
e2e-postgres: $(TEMPORAL) $(SERVER)/temporal-server $(SERVER)/temporal-sql-tool $(SERVER)/temporal-ui ## what docker-compose.yml runs, as processes; kill -9 of each in turn while a job runs
	@ls -d /usr/lib/postgresql/*/bin > /dev/null 2>&1 || bench/install.sh postgresql > /dev/null
	PATH="$$PATH:$(BIN)" $(GO) test -count=1 -timeout 20m -v ./tests/postgres -args -programs $(SERVER)

bench: build peers ## measure longhaul against its peers, an hour or so on an idle machine (LOAD=http,echo: some of it)
	$(GO) build -o $(BIN)/bench ./bench
	PATH="$$PATH:$(BIN)" $(BIN)/bench -docs docs -load "$(LOAD)"

# Debian packages that the peers are in. One that cannot be installed is named as missing in the table.
PEERS := python3-aiohttp parallel curl wrk
peers:
	@missing=$$(for p in $(PEERS); do dpkg -s "$$p" >/dev/null 2>&1 || echo "$$p"; done); \
	if [ -n "$$missing" ]; then bench/install.sh $$missing || echo "not installed: $$missing"; fi

MICROBENCH_COUNT ?= 10
microbench: ## Go benchmarks of the hot packages, in the form that benchstat compares: make microbench > old.txt
	@$(GO) test -run '^$$' -bench . -benchmem -count $(MICROBENCH_COUNT) ./input ./task ./internal/h1 ./slots ./segment ./output ./activities

histories: $(TEMPORAL) ## record the workflow histories that the replay test keeps, anew
	PATH="$$PATH:$(BIN)" $(GO) test -count=1 ./tests/e2e/ -run TestHistories -record

screenshots: $(TEMPORAL) counterparts ## take the pictures of the Web UI in docs/images anew
	PATH="$$PATH:$(BIN)" $(GO) test -count=1 ./tests/browser/ -args -screenshots

keep-histories: ## keep the present histories for good, as those of a release: make keep-histories VERSION=v1.2.3
	@[[ "$(VERSION)" =~ ^v[0-9]+\.[0-9]+\.[0-9]+ ]] || { echo "which release? make keep-histories VERSION=v1.2.3"; exit 1; }
	cd tests/replay/testdata && mkdir $(VERSION) && cp *.json $(VERSION)/ && cd $(VERSION) && sha256sum *.json > SHA256SUMS

fmt: $(TOOLS)/gofumpt ## format the code
	$(TOOLS)/gofumpt -w .

clean: ## remove what was built and run
	rm -rf bin tmp

$(BIN)/longhaul: FORCE
	$(GO) build -trimpath -o $@ ./starter

$(BIN)/longhaul-worker: FORCE
	$(GO) build -trimpath -o $@ ./worker

$(BIN)/slowapi: FORCE
	$(GO) build -trimpath -o $@ ./examples/slowapi

typescript: $(BIN)/typescript/lib/worker.js ## build the worker of examples/typescript, with the TypeScript SDK, into bin/

# The worker of examples/typescript, with the TypeScript SDK.
$(BIN)/typescript/lib/worker.js: $(wildcard examples/typescript/*.ts examples/typescript/*.json) | counterparts
	@command -v npm > /dev/null || { echo "node and npm are missing: install Node.js 20 or later"; exit 1; }
	mkdir -p $(BIN)/typescript && cp $^ $(BIN)/typescript/
	cd $(BIN)/typescript && npm install --no-audit --no-fund --ignore-scripts && npx tsc
	@touch $@

$(BIN)/temporal:
	@echo "building Temporal's own program, once; this takes some minutes"
	GOBIN=$(BIN) $(GO) install github.com/temporalio/cli/cmd/temporal@$(TEMPORAL_VERSION)

# Each is named server or sql by its package.
$(SERVER)/temporal-server:
	@echo "building Temporal's server, once; this takes some minutes"
	GOBIN=$(SERVER)/build $(GO) install go.temporal.io/server/cmd/server@$(TEMPORAL_SERVER_VERSION)
	mv $(SERVER)/build/server $@

$(SERVER)/temporal-sql-tool:
	GOBIN=$(SERVER)/build $(GO) install go.temporal.io/server/cmd/tools/sql@$(TEMPORAL_SERVER_VERSION)
	mv $(SERVER)/build/sql $@

$(SERVER)/temporal-ui:
	GOBIN=$(SERVER)/build-ui $(GO) install github.com/temporalio/ui-server/v2/cmd/server@$(TEMPORAL_UI_VERSION)
	install -m 644 "$$($(GO) env GOMODCACHE)/github.com/temporalio/ui-server/v2@$(TEMPORAL_UI_VERSION)/config/docker.yaml" $@.yaml
	mv $(SERVER)/build-ui/server $@

$(TOOLS)/staticcheck:
	GOBIN=$(TOOLS) $(GO) install honnef.co/go/tools/cmd/staticcheck@$(STATICCHECK_VERSION)

$(TOOLS)/workflowcheck:
	GOBIN=$(TOOLS) $(GO) install go.temporal.io/sdk/contrib/tools/workflowcheck@$(WORKFLOWCHECK_VERSION)

$(TOOLS)/gofumpt:
	GOBIN=$(TOOLS) $(GO) install mvdan.cc/gofumpt@$(GOFUMPT_VERSION)
