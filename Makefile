# make demo and make test are all that a newcomer needs, with Go, git and bash.

# The demo writes here; the golden trees are testdata/golden.
DEMO := out/demo
CANARY := kurator-member1/fleetwright/rollouts/default.rollout-kuma-demo/canary-backend.yaml
STATICCHECK := honnef.co/go/tools/cmd/staticcheck@v0.8.2

# More flags for go test: make test TESTFLAGS=-race, make conformance TESTFLAGS=-short
TESTFLAGS :=
# What make bench measures, and how often: make bench BENCHFLAGS='-sections start -starts 200'
BENCHFLAGS :=

# How long make fuzz runs each target: make fuzz FUZZTIME=1h
FUZZTIME := 1m

# What builds the image, its name, and more flags for it: make image BUILDER=podman
BUILDER := docker
IMAGE := fleetwright
IMAGEFLAGS :=

.PHONY: demo test lint bench instructions golden generate conformance fuzz image

demo:
	@go run ./cmd/fleetwright render examples/kuma-rollout -o $(DEMO) --path clusters
	@echo
	@cd $(DEMO) && find kurator-member1 -type f | LC_ALL=C sort
	@echo
	@cat $(DEMO)/$(CANARY)
	@echo
	@go run ./cmd/fleetwright plan examples/kuma-rollout | sed -n '1,24p'

test:
	go test -timeout 30m $(TESTFLAGS) ./...

lint:
	@unformatted=$$(gofmt -l .); if [ -n "$$unformatted" ]; then echo "gofmt these: $$unformatted"; exit 1; fi
	go vet ./...
	go run $(STATICCHECK) ./...
	go mod tidy -diff
	cd bench && go vet ./... && go run $(STATICCHECK) ./... && go mod tidy -diff
	cd conformance && go vet ./... && go run $(STATICCHECK) ./... && go mod tidy -diff

# Whole processes beside those of other tools: docs/performance.md.
bench:
	mkdir -p out
	cd bench && go run . $(BENCHFLAGS) >../out/bench.txt
	cd bench && go tool benchstat -col '/by@(other fleetwright)' ../out/bench.txt

# Counts the instructions of a start, which no other load of the machine changes, and fails
# where there are a tenth more than recorded. It needs valgrind. UPDATE=1 records them.
instructions:
	cd bench && go test -count 1 -run Instructions -v .

# What is rendered, taken by the real things: docs/conformance.md. It needs
# strace, Node.js and npm, pre-commit, buildah, shellcheck, bash-completion, zsh, fish,
# Chromium and pdftotext, and builds an API server, Flux, Flagger, kustomize, kpt and Helm at the first time.
conformance:
	cd conformance && go test $(TESTFLAGS) ./internal/... && go test -timeout 75m $(TESTFLAGS)

fuzz:
	go test ./schema -run '^$$' -fuzz FuzzLoad -fuzztime $(FUZZTIME) -fuzzminimizetime 10x
	go test ./schema -run '^$$' -fuzz FuzzScalars -fuzztime $(FUZZTIME) -fuzzminimizetime 10x
	go test ./schema -run '^$$' -fuzz FuzzCUEAgrees -fuzztime $(FUZZTIME) -fuzzminimizetime 10x
	go test ./render -run '^$$' -fuzz FuzzCompile -fuzztime $(FUZZTIME) -fuzzminimizetime 10x
	go test ./render -run '^$$' -fuzz FuzzCanaries -fuzztime $(FUZZTIME) -fuzzminimizetime 10x
	go test ./internal/blockyaml -run '^$$' -fuzz FuzzReadBack -fuzztime $(FUZZTIME) -fuzzminimizetime 10x
	go test ./internal/excerpt -run '^$$' -fuzz FuzzExcerpt -fuzztime $(FUZZTIME) -fuzzminimizetime 10x
	go test ./internal/flagger -run '^$$' -fuzz FuzzNew -fuzztime $(FUZZTIME) -fuzzminimizetime 10x
	go test ./internal/sink/krm -run '^$$' -fuzz FuzzFunction -fuzztime $(FUZZTIME) -fuzzminimizetime 10x

# A program that needs nothing, and an image of it alone: docs/container.md. The same
# commit gives the same bytes.
image:
	CGO_ENABLED=0 go build -trimpath -buildvcs=auto -ldflags '-s -w' -o bin/fleetwright ./cmd/fleetwright
	$(BUILDER) build $(IMAGEFLAGS) --tag $(IMAGE) \
		--build-arg VERSION="$$(bin/fleetwright --version | cut -d ' ' -f 2)" \
		--build-arg REVISION="$$(git rev-parse HEAD 2>/dev/null)" .

# What tests compare with. Read the difference, line by line, before committing it.
golden:
	rm -rf testdata/golden
	go test ./render ./internal/sink/plan ./internal/importer -run Golden -update
	UPDATE=1 go test ./schema ./cmd/fleetwright ./render/plain

# The JSON Schemas and CUE shapes, from the Go types; the codes of diagnostics, from their
# texts.
generate:
	go generate ./schema
	@failed=$$(UPDATE=1 go test -count=1 ./internal/catalogue ./render/settings) || { echo "$$failed"; exit 1; }
