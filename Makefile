# make help lists what there is. Everything runs from a clean checkout.
SHELL := bash
GO    ?= go
TOOL  := $(GO) tool -modfile=tools/go.mod
PKGS  ?= ./...

# The race detector needs cgo and so a C compiler; the binary itself has none.
RACE := $(shell command -v $${CC:-cc} >/dev/null 2>&1 && echo -race)

# Programs that tests talk to, as Debian packages. A test whose program is
# missing is skipped by name, unless FLAGSTAFF_REQUIRE_ALL=1.
DEBS := gcc:gcc libc6-dev nc.openbsd:netcat-openbsd nc.traditional:netcat-traditional ncat:ncat socat:socat \
	strace:strace openssl:openssl ip:iproute2 ss:iproute2 tmux:tmux zsh:zsh fish:fish microsocks:microsocks tinyproxy:tinyproxy-bin haproxy:haproxy xinetd:xinetd tcpserver:ucspi-tcp xxd:xxd \
	node:nodejs npm:npm python3:python3 python3-pwntools python3-gmpy2

.PHONY: help run lint check test test-vm bench fuzz generate cross install-test-programs
help: ## what can be made
	@awk -F':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: ## serve the demo on 127.0.0.1:1337
	$(GO) run ./cmd/flagstaff serve

lint: ## format, vet, staticcheck
	@unformatted=$$($(TOOL) gofumpt -l $$(git ls-files '*.go')); \
	  if [ -n "$$unformatted" ]; then echo "not formatted (gofumpt -w):"; echo "$$unformatted"; exit 1; fi
	$(GO) vet $(PKGS)
	$(TOOL) staticcheck $(PKGS)

check: lint ## lint, floors, all quick tests: before every commit
	$(GO) test $(RACE) -short -shuffle=on $(PKGS)

test: install-test-programs ## everything, after installing what it needs
	@# evaluated anew: the compiler may just have been installed
	race=$$(command -v $${CC:-cc} >/dev/null 2>&1 && echo -race); \
	  $(TOOL) gotestsum --format pkgname -- $$race -shuffle=on -timeout 15m $(PKGS)

test-vm: ## the sandbox's tests on a kernel with control groups of version 2, in qemu
	@.ci/vm

install-test-programs:
	@.ci/install $(DEBS)
	@# the hostile programs are also compiled for 32 bits
	@[ "$$(dpkg --print-architecture 2>/dev/null)" != amd64 ] || .ci/install gcc-$$(gcc -dumpversion | cut -d. -f1)-multilib

cross: ## build and vet for every system players and hosts have
	@for os in linux darwin windows freebsd; do for arch in amd64 arm64; do \
	  echo "$$os/$$arch"; \
	  CGO_ENABLED=0 GOOS=$$os GOARCH=$$arch $(GO) build -o /dev/null ./cmd/flagstaff && \
	  CGO_ENABLED=0 GOOS=$$os GOARCH=$$arch $(GO) vet $(PKGS) || exit 1; \
	done; done

bench: DEBS += bwrap:bubblewrap
bench: install-test-programs ## measure beside the peers into bench/RESULTS.md; ROW=accept runs one row
	$(GO) run ./bench -row '$(ROW)'

fuzz: ## fuzz every parser for FUZZTIME each (default 1m)
	@.ci/fuzz $(or $(FUZZTIME),1m)

generate: ## make the generated files anew (needs npm)
	$(GO) generate $(PKGS)
