# Usher. The two that matter first: make demo, make test.
#
# Nothing here touches an XMPP server that the machine runs already; packages
# that are missing are installed with apt-get, their services not started.

SHELL      := /bin/bash
VERSION    ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
UPSTREAM   ?= prosody
FUZZTIME   ?= 30s
BENCHTIME  ?= 1s

STATICCHECK := honnef.co/go/tools/cmd/staticcheck@v0.7.0
GOVULNCHECK := golang.org/x/vuln/cmd/govulncheck@v1.1.4

# The archive's tests in which goroutines or processes meet. Under the race detector SQLite, which is Go here, takes twenty
# times as long; the other tests of that package have one goroutine only and run without it.
MEETING := Beside|Writers|HeldUp|Running|Load|Crash|Full|Backup|Open|Query$$

# Without the race detector: the rules of the house, which are a part of check, and the simulated day, which has one goroutine.
ALONE := ^(TestHouse.*|TestDay)$$

# The packages that take longest, in this order, begin first.
LONG := ./gateway ./bench

# vet runs once, in check, and not again with each of the other steps.

.PHONY: build desk widget widget-test demo test test-full check lint unit alloc e2e pictures fuzz bench bench-idle bench-support bench-compare clean

build: ## one static binary
	CGO_ENABLED=0 go build -trimpath -ldflags '-s -w -X usher/gateway.version=$(VERSION)' -o usher .

desk: ## Converse.js for the agents' page: desk/converse, which is not committed and is in the next build
	@.ci/need npm
	@$(MAKE) -s desk/converse/converse.min.js

desk/converse/converse.min.js: desk/package-lock.json desk/copy.mjs
	@$(MAKE) -s desk/node_modules/.package-lock.json
	node desk/copy.mjs
	@touch $@

widget: ## the visitor's chat box: widget/dist, which is committed
	@.ci/need npm
	@$(MAKE) -s widget/node_modules/.package-lock.json
	node widget/build.mjs

widget-test: ## types and tests of the chat box's parts; T="text loader" chooses some
	@.ci/need npm
	@$(MAKE) -s widget/node_modules/.package-lock.json
	cd widget && node_modules/.bin/tsc -p . && node test/run.mjs $(T)

demo: ## Usher, a server of its own, a shop with the widget, the agents' desk; UPSTREAM=ejabberd for the other server
	@.ci/need $(UPSTREAM) npm
	@$(MAKE) -s demo/node_modules/.package-lock.json desk
	@$(MAKE) -s build
	@mkdir -p .demo && go build -o .demo/demo ./demo
	@exec .demo/demo -upstream $(UPSTREAM) $(ARGS)

%/node_modules/.package-lock.json: %/package-lock.json
	cd $* && npm ci --no-audit --no-fund --loglevel=error
	@touch $@

test: ## everything, within 25 minutes on two cores
	@.ci/test

test-full: ## the large forms too
	@USHER_FULL=1 FUZZTIME=$${FUZZTIME:-5m} .ci/test

check: ## format, vet, staticcheck, and the rules of the house
	@unformatted=$$(gofmt -l $$(git ls-files -co --exclude-standard '*.go')); \
		if [ -n "$$unformatted" ]; then echo "gofmt -w these:"; echo "$$unformatted"; exit 1; fi
	go vet ./...
	go run $(STATICCHECK) ./...
	go test -count=1 -run '^TestHouse' .

lint: check ## check, and known vulnerabilities
	@.ci/vulnerabilities $(GOVULNCHECK)

unit: ## every package but e2e, with the race detector, and the desk's simulated day
	@.ci/need gcc prosody ejabberd chromium npm
	@$(MAKE) -s widget-test
	go test -race -count=1 -vet=off -timeout 10m -skip '$(ALONE)' $(LONG) $$(go list ./... | grep -v -e '/e2e' -e '/archive' $(LONG:./%=-e '^usher/%$$'))
	go test -count=1 -vet=off ./archive
	go test -race -count=1 -vet=off -run '$(MEETING)' ./archive
	go test -count=1 -vet=off -v -run '^TestDay$$' ./workgroup

alloc: ## allocation tests (they mean nothing under the race detector), each benchmark once
	go test -vet=off -run Alloc -bench . -benchtime 1x -timeout 10m $$(go list ./... | grep -v '/e2e')

e2e: ## the real binary with real servers and real clients
	@.ci/need prosody ejabberd chromium firefox slixmpp profanity npm
	@$(MAKE) -s e2e/node_modules/.package-lock.json widget/node_modules/.package-lock.json desk
	go test -count=1 -vet=off -timeout $${E2E_TIMEOUT:-20m} ./e2e/...

pictures: desk ## those of the README, from the demo as its test plays it
	@.ci/need prosody chromium npm
	@$(MAKE) -s e2e/node_modules/.package-lock.json
	go test -count=1 -run '^TestDemo$$' ./e2e
	cp e2e/pictures/demo-shop.png docs/pictures/shop.png
	cp e2e/pictures/demo-desk.png docs/pictures/desk.png

fuzz: ## each fuzz target for FUZZTIME
	@FUZZTIME=$(FUZZTIME) .ci/fuzz

bench: ## Go benchmarks
	go test -run '^$$' -bench . -benchmem -benchtime $(BENCHTIME) $$(go list ./... | grep -v '/e2e')

bench-idle: ## memory of 10,000 idle sessions of the real binary; ARGS="-tls -transport ws" and others
	go run ./bench idle $(ARGS)

bench-support: ## 100 support requests a second through the real binary and a real server; ARGS="-rate 50" and others, UPSTREAM=ejabberd
	@.ci/need $(UPSTREAM)
	go run ./bench support -target usher+$(UPSTREAM) $(ARGS)

bench-compare: ## Prosody, ejabberd, and Usher in front of each, the same work side by side; ARGS=-quick: within 5 minutes
	@.ci/need prosody ejabberd
	go run ./bench compare $(ARGS)

clean:
	rm -rf usher .demo bench/out demo/node_modules e2e/node_modules widget/node_modules desk/node_modules
