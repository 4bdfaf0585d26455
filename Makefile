# A newcomer needs only make demo and make test, with Go, git and bash.

# The demo writes here; the golden trees are testdata/golden.
DEMO := out/demo
CANARY := kurator-member1/fleetwright/rollouts/default.rollout-kuma-demo/canary-backend.yaml
STATICCHECK := honnef.co/go/tools/cmd/staticcheck@v0.8.2
GORELEASER := github.com/goreleaser/goreleaser/v2@v2.17.0
VALE := go run github.com/vale-cli/vale/v3/cmd/vale@v3.21.0 --no-global

# The files that make prose checks, and the lowest level that it reports:
# make prose PROSE="templates/diagnostics docs/waves.md" LEVEL=error
PROSE = README.md CONTRIBUTING.md CHANGELOG.md SECURITY.md docs examples cmd/fleetwright/help templates/diagnostics \
	$(shell find cmd internal render schema templates -name '*.go' ! -name '*_test.go')
LEVEL := warning

# More flags for go test: make test TESTFLAGS=-race, make conformance TESTFLAGS=-short
TESTFLAGS :=
# What to measure with make bench, and how often: make bench BENCHFLAGS='-sections start -starts 200'
BENCHFLAGS :=

# How long to run each fuzz target: make fuzz FUZZTIME=1h
FUZZTIME := 1m

# The program that builds the image, the image's name, and more flags for the program: make image BUILDER=podman
BUILDER := docker
IMAGE := fleetwright
IMAGEFLAGS :=

.PHONY: demo test lint prose site bench instructions golden generate conformance fuzz image snapshot release-image checksums

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
	@$(MAKE) --no-print-directory prose LEVEL=error

# Checks the text by the rules in .vale/styles. Only errors make it fail. Vale needs a C compiler.
prose:
	@.vale/test $(VALE)
	@.vale/lint $(VALE) --no-exit --minAlertLevel=$(LEVEL) --output=lines.tmpl $(PROSE)

# The documentation site, in out/site. It needs Node.js and npm. The pages are copied, so that npm
# and VitePress write nothing below docs.
site: out/vitepress/node_modules
	rm -rf out/vitepress/docs
	cp -R docs out/vitepress/docs
	cd out/vitepress && node_modules/.bin/vitepress build docs

out/vitepress/node_modules: docs/.vitepress/package-lock.json
	mkdir -p out/vitepress
	cp docs/.vitepress/package.json docs/.vitepress/package-lock.json docs/.vitepress/.npmrc out/vitepress
	cd out/vitepress && npm ci
	touch $@

# Measures whole processes, next to those of other tools: docs/performance.md.
bench:
	mkdir -p out
	cd bench && go run . $(BENCHFLAGS) >../out/bench.txt
	cd bench && go tool benchstat -col '/by@(other fleetwright)' ../out/bench.txt

# Counts the instructions of a start, which do not depend on the load of the machine, and fails if
# they exceed the recorded number by a tenth. It needs valgrind. UPDATE=1 records the new number.
instructions:
	cd bench && go test -count 1 -run Instructions -v .

# Runs the real programs on the output: docs/conformance.md. It needs strace, Node.js and npm,
# pre-commit, buildah, shellcheck, bash-completion, zsh, fish, Chromium and pdftotext. The first run
# builds an API server, Flux, Flagger, kustomize, kpt and Helm.
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

# Builds a static program, and an image that holds only that program: docs/container.md. The same
# commit gives the same bytes.
ARCH := $(shell go env GOARCH)
image:
	GOOS=linux CGO_ENABLED=0 go build -trimpath -buildvcs=auto -ldflags '-s -w' -o bin/linux/$(ARCH)/fleetwright ./cmd/fleetwright
	$(BUILDER) build $(IMAGEFLAGS) --tag $(IMAGE) \
		--build-arg VERSION="$$(go version -m bin/linux/$(ARCH)/fleetwright | awk '$$1 == "mod" { print $$3 }')" \
		--build-arg REVISION="$$(git rev-parse HEAD 2>/dev/null)" .

# Builds all files of a release in dist, without a tag: docs/releases.md. VERSION=v1.2.3 names the release.
snapshot:
	go run $(GORELEASER) release --snapshot --clean

# Builds the image of a release for two platforms from the programs in dist, as an archive. Each platform is a
# separate build: one build of both would list them in any order.
release-image:
	for arch in amd64 arm64; do \
		mkdir -p bin/linux/$$arch && cp dist/$${arch}_linux_$${arch}_*/fleetwright bin/linux/$$arch && \
		buildah build $(IMAGEFLAGS) --manifest fleetwright-$(VERSION) --platform linux/$$arch \
			--timestamp "$$(git log -1 --format=%ct)" --build-arg VERSION=$(VERSION) --build-arg REVISION="$$(git rev-parse HEAD)" . || exit; \
	done
	buildah manifest push $(IMAGEFLAGS) --all fleetwright-$(VERSION) oci-archive:dist/image.tar

# Writes .github/checksums.txt, which the commit of a release must include: make checksums VERSION=v1.2.3
checksums:
	VERSION=$(VERSION) go run $(GORELEASER) build --snapshot --clean
	sh .github/checksums.sh $(VERSION) >dist/checksums.txt
	mv dist/checksums.txt .github/checksums.txt

# Updates the golden files that tests compare with. Read the difference line by line before committing it.
golden:
	rm -rf testdata/golden
	go test ./render ./internal/sink/plan ./internal/importer -run Golden -update
	UPDATE=1 go test ./schema ./cmd/fleetwright ./render/plain

# Generates the JSON Schemas and CUE shapes from the Go types, and the codes of diagnostics from
# their texts.
generate:
	go generate ./schema
	@failed=$$(UPDATE=1 go test -count=1 ./internal/catalogue ./render/settings) || { echo "$$failed"; exit 1; }
