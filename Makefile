# `make demo` shows the main job. `make test` runs each test that needs only Go and a C compiler. `make lint` checks the source.

GO      ?= go
BIN     := bin
DEMO    := demo
VENV    ?= .venv
LINT    := github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)

LDFLAGS := -s -w -X main.version=$(VERSION)

.PHONY: all build release demo test verify samples soak lint vulncheck bench bench-sources bench-lookups bench-planning bench-memory generate shots clean

all: build

# Without symbols and debugging information (-s -w). Stack traces keep their names and lines.
build:
	CGO_ENABLED=1 $(GO) build -trimpath -ldflags "$(LDFLAGS)" -o $(BIN)/etl ./cmd/etl

# What is released: dist/etl, dist/sbom.cdx.json, dist/NOTICE and dist/licenses.
release:
	$(MAKE) build BIN=dist
	$(GO) run ./scripts/release -bin dist/etl -out dist -version $(VERSION)

demo: build
	$(GO) build -o $(BIN)/nfwgen ./scripts/nfwgen
	./scripts/demo.sh $(BIN) $(DEMO)

test:
	$(GO) test -timeout 30m ./...

# Compares with third-party software (moto, the AWS CLI, boto3, pyarrow) in its own venv, and with Trino, which Maven downloads once
# into the user's cache folder (450 MB). Builds only the packages that use it.
verify: $(VENV)/.ready
	SILT_VENV=$(abspath $(VENV)) $(GO) test -tags verify -count=1 -timeout 30m -run 'Verify|Moto' \
	  $(shell grep -rl '^//go:build verify' --include='*_test.go' . | xargs -n 1 dirname | sort -u)

# Tries the mappings on logs that other projects publish, and writes docs/samples.md. It fetches the projects from GitHub, or reads
# clones of them: REPOS=folder.
samples: build $(VENV)/.ready
	$(VENV)/bin/pip install --quiet --disable-pip-version-check -r scripts/samples/requirements.txt
	$(VENV)/bin/python scripts/samples/try.py -etl $(BIN)/etl $(if $(REPOS),-repos $(REPOS))
	$(GO) test ./docs -run TestSamples -update

# Takes hours, in parts, and resumes where it stopped: scripts/soak.sh says how to run some of the parts.
soak:
	GO="$(GO)" ./scripts/soak.sh

$(VENV)/.ready: scripts/verify/requirements.txt
	python3 -m venv $(VENV)
	$(VENV)/bin/pip install --quiet --disable-pip-version-check -r scripts/verify/requirements.txt
	touch $@

lint:
	@test -z "$$(gofmt -l .)" || { echo "gofmt would change:"; gofmt -l .; exit 1; }
	$(GO) vet ./...
	$(GO) run $(LINT) run ./...
	GO="$(GO)" ./scripts/deadcode.sh

# Compares what is linked with Go's database of vulnerabilities (GOVULNDB names another one).
vulncheck:
	GO="$(GO)" ./scripts/vulncheck.sh

# The other sources get a figure from fewer records. One source only: make bench-sources BENCH_SOURCES=zeek BENCH_EVENTS=1000000.
BENCH_EVENTS ?= 100000
BENCH_SOURCES ?= aws-waf cisco-asa cloudtrail eks-audit okta route53-resolver security-hub suricata vpc-flow zeek windows-security crowdstrike-falcon entra-signin
bench: build
	$(GO) build -o $(BIN)/ ./scripts/nfwgen ./scripts/loggen ./scripts/bench/perday
	$(GO) run ./scripts/bench -bin $(BIN) -events 1000000
	$(GO) run ./scripts/bench -bin $(BIN) -events 500000 -source aws-alb -pairs 3
	$(GO) run ./scripts/bench -bin $(BIN) -events 500000 -source windows-sysmon -pairs 3
	$(MAKE) bench-sources

bench-sources: build
	$(GO) build -o $(BIN)/ ./scripts/loggen
	for s in $(BENCH_SOURCES); do $(GO) run ./scripts/bench -bin $(BIN) -events $(BENCH_EVENTS) -source $$s -pairs 1 || exit 1; done

# etl run with and without a lookup. With more rows: LOOKUPS="-lookup equal -rows 10000000 -memory 2GiB -pairs 1".
LOOKUPS = -lookup cidr
bench-lookups: build
	$(GO) build -o $(BIN)/nfwgen ./scripts/nfwgen
	$(GO) run ./scripts/bench -bin $(BIN) $(LOOKUPS)

# Peak memory of runs over normal, uneven and hostile input, as a table. A tenth of the records: MEMORY="-divide 10".
bench-memory: build
	$(GO) build -o $(BIN)/nfwgen ./scripts/nfwgen
	$(GO) run ./scripts/memory -bin $(BIN) $(MEMORY)

# Plans against a ledger of a million objects. For more: PLANNING="-objects 10000000 -planned 100000".
bench-planning:
	$(GO) run ./scripts/bench/planning $(PLANNING)

generate:
	$(GO) generate ./...

# Draws the pictures in docs/images from real runs.
shots: build
	./scripts/shots.sh

clean:
	rm -rf $(BIN) dist $(DEMO) $(VENV)
