# Tapline. `make` lists the targets.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

# The same flags for every target, so that build, test, lint and standalone
# share one build cache:
#   duckdb_arrow        the sandbox reads DuckDB's results as Arrow
#   minicore_disabled   the Snowflake driver does without its native library
#   -buildvcs=false     a build needs no git; the version is linked in below
#   -trimpath           clones in different folders share the build cache
# TAGS may grow by TAGS="$(TAGS) x", at the price of a second build.
TAGS    := minicore_disabled,duckdb_arrow
export GOFLAGS := -buildvcs=false -trimpath -tags=$(TAGS)
# The Snowflake driver would ask cloud metadata services where it runs.
export SNOWFLAKE_DISABLE_PLATFORM_DETECTION := true

VERSION := $(shell git describe --always --dirty 2>/dev/null || echo development)
LDFLAGS := -X tapline.dev/libs/daemon.version=$(VERSION)

SERVICES := scheduler extractor mapper loader importcenter
PROGRAMS := ./cmd/tapline ./sandbox/cmd/sandbox $(foreach s,$(SERVICES),./services/$(s)/cmd/$(s))
TOOLS    := .cache/bin
# The workspace is the list of modules; nothing repeats it.
MODULES  := $(shell go list -m -f '{{.Dir}}' 2>/dev/null | sed 's|^$(CURDIR)/||')

.PHONY: help
help: ## print this
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  make %-22s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

## --- build and run ---

.PHONY: build
build: ## build every program into bin/
	go build -ldflags "$(LDFLAGS)" -o bin/ $(PROGRAMS)

.PHONY: tapline
tapline: ## build the command line with `tapline dev` into bin/tapline
	go build -ldflags "$(LDFLAGS)" -o bin/ ./cmd/tapline

.PHONY: web
web: ## build the web page into services/importcenter/web/dist, which is committed
	services/importcenter/web/with-node.sh ./build.sh

.PHONY: demo
demo: tapline ## run the whole pipeline once, compare, exit
	bin/tapline demo $(ARGS)

.PHONY: dev
dev: tapline ## the same, and keep running
	bin/tapline demo --keep $(ARGS)

# Prometheus and Alertmanager are Debian's packages prometheus and prometheus-alertmanager.
.PHONY: observe
observe: ## run Prometheus, Alertmanager and an installed Grafana beside a running `make dev`
	go run ./tools/observability/observe $(ARGS)

## --- test ---

# The packages that take longest come first, so that none of them runs alone at the end.
# Most tests of services wait for sessions and timeouts, so more of them run beside each
# other than there are cores.
.PHONY: test
PACKAGES ?= tapline.dev/tests/model tapline.dev/tests tapline.dev/services/loader work
test: ## run all tests with the race detector
	go test -race -shuffle=on -parallel 4 -timeout 15m $(ARGS) $(PACKAGES)

# What starts processes, and most histories of the model, are left to `make test`.
.PHONY: test-quick
test-quick: ## run the tests of packages and a few histories, with the race detector
	go test -race -parallel 4 -timeout 10m $(ARGS) tapline.dev/services/loader $$(go list work | grep -v '^tapline.dev/tests$$\|^tapline.dev/tests/\(crash\|capacity\|model\)$$')
	go test -race -timeout 10m -skip 'Disturbed|Interrupted|Suppressed' ./tests/model -model.seeds 10

# Without the race detector, which makes each history five times as slow: `make
# test` runs fewer of them with it.
.PHONY: test-large
LARGE ?= Histories|LivesThroughKills|ComeAfterOthers|ShareSlots|ControlTopics|TenZones|RandomRuns|ARowCosts|$(BOUNDED)
# Tests of package memtest, whose limit of memory the race detector does not live with.
BOUNDED := Hostile|NoMemory|EmptyErrors|UnpacksWithoutEnd
test-large: ## run at full size what make test shortens: the model, the calendar's oracle, rows of random runs, allocations, hostile input in little memory
	go test -timeout 15m -run '$(LARGE)' $(ARGS) ./tests/model ./domain/schedule ./services/importcenter/internal/rowlog ./services/mapper ./services/extractor $(shell grep -rl --include=*_test.go 'memtest\.Little' . | xargs -n1 dirname | sort -u)

.PHONY: bench-rejects
REJECTS ?= 2000000
bench-rejects: ## write REJECTS=n rejects, build their index, and time the questions to it
	go test -count=1 -v -timeout 4h -run TestRejectsAtSize ./services/importcenter/internal/rejects -rejects $(REJECTS)

# Figures are written to .cache/bench. Nothing else should run on the machine.
BENCH := TAPLINE_TEST_BIN=$(CURDIR)/bin go test -count=1 -v -timeout 60m
.PHONY: bench bench-quick bench-compare
bench: build ## measure the pipeline beside a plain program, a million rows, embedded and Apache Kafka; 1,000 imports
	mkdir -p .cache/bench
	$(BENCH) -run TestPipeline ./tests/bench/pipeline -rows 1000000 -pairs 3 -small 100 -figures $(CURDIR)/.cache/bench/embedded.json
	go run ./tests/servers/withservers env $(BENCH) -run TestPipeline ./tests/bench/pipeline -rows 1000000 -pairs 3 -small 100 -figures $(CURDIR)/.cache/bench/kafka.json
	$(BENCH) -run TestManyImports ./tests/bench/imports -imports 1000 -figures $(CURDIR)/.cache/bench/imports.json

bench-quick: build ## the same in under three minutes: fewer rows and imports, embedded Kafka
	mkdir -p .cache/bench
	$(BENCH) -run TestPipeline ./tests/bench/pipeline -rows 200000 -pairs 2 -small 20 -figures $(CURDIR)/.cache/bench/quick.json
	$(BENCH) -run TestManyImports ./tests/bench/imports -imports 100 -due 20 -idle 10s -figures $(CURDIR)/.cache/bench/quick-imports.json

bench-compare: build ## measure the programs of REV=commit and of this one in alternation
	tests/bench/compare.sh $(REV)

.PHONY: bench-imports
IMPORTS ?= 1000
bench-imports: ## measure what IMPORTS=n imports cost: apply, idle time, a restart, many due at once
	go test -count=1 -v -timeout 30m -run TestManyImports ./tests/bench/imports -imports $(IMPORTS) $(ARGS)

.PHONY: bench-loader
bench-loader: build ## measure the loader against the sandbox CleverTap
	go run ./tests/bench/loader $(ARGS)

# What talks to Kafka or Redis. The race detector for the build cache of `test`.
INTEGRATION := tapline.dev/libs/kafka/... tapline.dev/libs/redis/... tapline.dev/domain/projection tapline.dev/domain/runs \
	$(foreach s,scheduler extractor mapper loader importcenter,tapline.dev/services/$(s)) tapline.dev/tests tapline.dev/tests/model tapline.dev/tests/crash

.PHONY: test-integration
test-integration: ## run all tests of the pipeline on a real Kafka and a real Redis
	go run ./tests/servers/withservers go test -race -count=1 -shuffle=on -timeout 14m $(ARGS) $(INTEGRATION)

# What CI runs of test-integration: the packages that wrap the clients, and two services,
# whole; of the others what depends on the servers themselves, that is takeovers, fencing,
# rebalances, offsets and topics that are gone, outages, rights and failovers; a world of
# the model with crashes and a lost Redis, and one with lost answers. Everything else has
# run on the embedded servers before, and with the race detector, which is left out here.
# TestMakefileNamesTests wants each name to exist.
REAL_WHOLE := tapline.dev/libs/kafka/... tapline.dev/libs/redis/... tapline.dev/domain/projection tapline.dev/domain/runs \
	$(foreach s,scheduler mapper,tapline.dev/services/$(s))
REAL_PARTS := tapline.dev/tests/crash tapline.dev/tests $(foreach s,loader extractor importcenter,tapline.dev/services/$(s))
REAL_TESTS := TestZombies TestTotalLoss TestRebalanceStorm \
	TestSeveralReplicas TestServicesWorkWithTheirRights TestRedisCluster TestRedisSentinel TestAFailoverToAnOldReplica \
	TestKillEachServiceInTheMiddle TestEmptyRedisInTheMiddleChangesNothing \
	TestInvariant6AKilledLoaderLosesNothing TestReceiptsOutliveAnOutageOfKafka TestAMovingPartitionDrains TestATakeoverHoldsIdentities \
	TestOffsetsThatAreGone TestARecreatedTopic TestAnOffsetOfADeletedTopic TestALostPartitionIsNeitherWrittenNorWithdrawn TestSuppressionWithinTheBound \
	TestKilled TestGroup TestAnAttemptThatGoesOnLeavesOutOnce TestResultOfTheEarlierTermIsGone TestAResendOfEvents \
	TestTwoPeopleEditAtOnce TestTwoReplicasChangeOneImport TestKeyOnTwoReplicas TestALostAnswer TestRejects TestRunsWithAndWithoutRedis
empty :=
space := $(empty) $(empty)

.PHONY: test-integration-quick
test-integration-quick: ## run what depends most on the servers on a real Kafka and a real Redis
	go run ./tests/servers/withservers bash -uc '\
		status=0; \
		go test -count=1 -shuffle=on -parallel 4 -timeout 10m $(ARGS) $(REAL_WHOLE) || status=1; \
		go test -count=1 -shuffle=on -parallel 4 -timeout 10m $(ARGS) -run "^($(subst $(space),|,$(strip $(REAL_TESTS))))$$" $(REAL_PARTS) || status=1; \
		go test -count=1 -timeout 10m -run "^TestHistories$$" ./tests/model -model.from 40 -model.seeds 40 || status=1; \
		exit $$status'

# On a Kafka and a Redis of its own, or on those that the environment names; on
# the embedded ones with the second half of the line alone.
.PHONY: test-crash
test-crash: ## check every invariant by killing, and that its deliberate mistake is noticed
	go run ./tests/servers/withservers env TAPLINE_TEST_CRASH=1 go test -count=1 -timeout 15m -run 'Invariant|Mutant' -skip '$(CRASH_SKIP)' $(ARGS) ./tests/crash

# Kills for MINUTES on a Kafka and a Redis of its own, which it kills as well.
.PHONY: soak
MINUTES ?= 30
soak: ## kill at random for MINUTES=n, with SEED=n if given, and check every 90 seconds
	SOAK_MINUTES=$(MINUTES) SOAK_SEED=$(SEED) go test -count=1 -v -timeout 0 -run TestSoak ./tests/crash

# Without the race detector: the loaders are programs of their own, and a day of
# virtual time is long enough. Not part of .ci/run, which it would make five minutes
# longer: run it after a change of the loader.
.PHONY: test-capacity
test-capacity: ## prove the loader's order, its slots and a day of outage at full size
	go run ./tests/servers/withservers go test -count=1 -timeout 10m $(ARGS) ./tests/capacity
	go test -count=1 -timeout 10m -run TestALongOutage ./services/loader -outage 24h

# The mistakes are patches in tests/mutants. Those that need real programs are
# made by test-crash.
# SHARE=1/2 makes every second mistake, SHARE=2/2 the others.
SHARE ?= 1
.PHONY: test-mutants
test-mutants: ## make known mistakes and see that the tests find each
	TAPLINE_TEST_MUTANTS=$(SHARE) go test -count=1 -timeout 15m -parallel 4 -v -run TestEachIsFound $(ARGS) ./tests/mutants

SEEDS ?= 20000
FROM ?= 1000
.PHONY: soak-extract
soak-extract: ## run SEEDS histories of the extraction's model, from FROM on
	go test -count=1 -timeout 0 -v -run Histories ./tests/model -model.from $(FROM) -model.seeds $(SEEDS)

FUZZTIME ?= 1m
.PHONY: fuzz
fuzz: ## run every fuzz target for FUZZTIME
	grep -rlE '^func Fuzz' --include=*_test.go . | while read -r file; do \
		for target in $$(sed -nE 's/^func (Fuzz[A-Za-z0-9]*)\(.*/\1/p' "$$file"); do \
			echo "=== $${file%/*} $$target"; \
			(ulimit -v 16000000; go test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) "$${file%/*}"); \
		done; \
	done

.PHONY: soak-memory
soak-memory: ## extract ten million rows and look at the extractor's memory
	go test -count=1 -timeout 1h -v -run TestMemoryOfALongExtraction ./tests -memory.rows 10000000

# A real Prometheus and a real Alertmanager watch Tapline's programs, with the windows of
# all rules shortened. BREAKINGS=quick makes four of the breakings.
.PHONY: test-observability test-observability-quick
BREAKINGS ?= all
test-observability: ## break Tapline and see that exactly the alerts about it are told, and end
	TAPLINE_TEST_OBSERVABILITY=$(BREAKINGS) go test -count=1 -timeout 45m -v -run TestAlertsOnBrokenTapline $(ARGS) ./tests

test-observability-quick: ## the same for four breakings, in under three minutes
	$(MAKE) test-observability BREAKINGS=quick

.PHONY: test-connector
test-connector: ## prove the sandbox with Snowflake's own Python connector
	sandbox/connectortest/run.sh

.PHONY: test-api
test-api: build ## drive the API from its OpenAPI document, with each role and without
	tests/api/run.sh

# The tools take minutes and 2 GB to install: not part of .ci/run.
.PHONY: test-orchestrators
test-orchestrators: build ## run the examples for dbt, Dagster, Airflow and GitHub Actions with their tools
	tests/orchestrators/run.sh

.PHONY: test-web
test-web: tapline ## test the web page, with Chromium against the demo
	go build -o bin/ ./services/importcenter/cmd/importcenter ./services/importcenter/web/journeys/provider
	services/importcenter/web/with-node.sh ./test.sh

.PHONY: web-screenshots
web-screenshots: tapline ## draw the page's main screens anew into docs/images, from the demo
	go build -o bin/ ./services/importcenter/cmd/importcenter ./services/importcenter/web/journeys/provider
	TAPLINE=$(CURDIR)/bin/tapline ROOT=$(CURDIR) SCREENSHOTS=1 services/importcenter/web/with-node.sh vitest run --config journeys/vitest.config.ts

.PHONY: test-sandbox-sql
test-sandbox-sql: ## compare the sandbox's answers to SQL with another Snowflake on DuckDB
	sandbox/analysttest/run.sh

## --- keep in order ---

.PHONY: check
check: lint tidy-check test-quick ## what has to pass before a commit; CI adds the rest

# golangci-lint does not understand the pattern `work`, and without modules it
# prints "0 issues" and checks nothing: so name every module.
.PHONY: lint
lint: $(TOOLS)/golangci-lint deadcode metric-names observability-check ## run the linters over all modules
	$(TOOLS)/golangci-lint run --allow-parallel-runners $(addprefix ./,$(addsuffix /...,$(MODULES)))

# Dashboards, alerts, runbooks and pages may name only metrics of schemas/metrics.
.PHONY: metric-names
metric-names: ## fail if a metric is named that the code does not have
	go test -run 'Metric' ./tests/reference ./schemas/metrics

.PHONY: observability-check
observability-check: ## fail if deploy/observability is not what tools/observability writes
	go run ./tools/observability -check

# tools/apidiff/released.yaml is schemas/openapi.yaml of the last release. It is copied
# anew at a release, and a change that the changelog calls breaking renews it too. Codes
# may be added: the document says so.
.PHONY: api-breaks
api-breaks: $(TOOLS)/oasdiff ## fail if the API has a change that breaks clients of the last release
	$(TOOLS)/oasdiff breaking --fail-on ERR --format singleline --severity-levels tools/apidiff/levels.txt tools/apidiff/released.yaml schemas/openapi.yaml

$(TOOLS)/oasdiff: tools/apidiff/go.mod tools/apidiff/go.sum
	GOWORK=off go build -C tools/apidiff -o $(CURDIR)/$(TOOLS)/oasdiff github.com/oasdiff/oasdiff

# What no program reaches is deleted, or stands in tools/deadcode.txt with a reason.
.PHONY: deadcode
deadcode: $(TOOLS)/deadcode ## fail on functions that no program reaches
	@$(TOOLS)/deadcode -tags $(TAGS) -f '{{range .Funcs}}{{.Position.File}} {{.Name}}{{"\n"}}{{end}}' $(PROGRAMS) | awk ' \
		NR == FNR { if (NF && $$1 != "#") { kept[$$1 " " $$2]; if (NF < 4) { print "tools/deadcode.txt: " $$0 ": give the reason"; bad = 1 } } next } \
		NF { if (($$1 " " $$2) in kept) { delete kept[$$1 " " $$2] } else { print $$1 ": no program reaches " $$2 ": delete it, or give a reason in tools/deadcode.txt"; bad = 1 } } \
		END { for (k in kept) { print "tools/deadcode.txt: " k " is reached now, or gone: remove the line"; bad = 1 } exit bad }' tools/deadcode.txt -

.PHONY: fmt
fmt: $(TOOLS)/golangci-lint ## format all Go files
	$(TOOLS)/golangci-lint fmt $(MODULES)

.PHONY: vet
vet: ## run go vet over all modules
	go vet work

# The workspace builds with the highest version that any module asks for; a
# module that builds alone, as images do, must ask for the same.
.PHONY: guard-oracle
guard-oracle: ## read the SQL guard's corpus anew with the independent lexer (pip install sqlglot==30.30.0)
	python3 services/extractor/internal/sqlguard/testdata/oracle.py

.PHONY: schedule-oracle
schedule-oracle: ## compute anew when schedules are due (pip install croniter==7.0.0 python-dateutil==4.0.0)
	python3 domain/schedule/testdata/oracle.py

.PHONY: tidy
tidy: ## tidy every module and give all the same versions
	@for dir in $(MODULES); do echo "tidy $$dir"; GOWORK=off go -C $$dir mod tidy; done
	go work sync
	@for dir in $(MODULES) tools; do GOWORK=off go -C $$dir mod tidy; done

.PHONY: tidy-check
tidy-check: ## fail if `make tidy` would change something, or if the tree holds a file that is built
	@git ls-files -z | xargs -0 -r stat -c '%s %n' | awk '$$1 > 1048576 { print $$2 ": " $$1 " bytes; what is built does not belong into the tree"; bad = 1 } END { exit bad }'
	@for dir in $(MODULES) tools; do echo "tidy-check $$dir"; GOWORK=off go -C $$dir mod tidy -diff; done
	@awk '$$1 == "go" { if (want == "") want = $$2; if ($$2 != want) { print FILENAME ": go " $$2 ", want " want; bad = 1 } } END { exit bad }' \
		go.work $(addsuffix /go.mod,$(MODULES)) tools/go.mod
	@awk '/^require|^\t|^\)/ { if ($$1 == "require" && $$2 != "(") { mod = $$2; ver = $$3 } else { mod = $$1; ver = $$2 } \
		if (ver ~ /^v[0-9]/) { if ((mod in have) && have[mod] != ver) { print mod ": " have[mod] " and " ver " (" FILENAME "); run make tidy"; bad = 1 } have[mod] = ver } } \
		END { exit bad }' $(addsuffix /go.mod,$(MODULES))

# What the tests import is only looked up: they were compiled within the workspace, whose
# versions are the same (tidy-check).
.PHONY: standalone
standalone: ## build each module without the workspace, and find what its tests import
	@set -e; for dir in $(MODULES); do echo "standalone $$dir"; (cd $$dir && GOWORK=off go build ./... && GOWORK=off go list -deps -test ./... >/dev/null); done
	cd cmd/tapline && CGO_ENABLED=0 GOWORK=off go build -o /dev/null .

.PHONY: tools
tools: $(TOOLS)/golangci-lint $(TOOLS)/deadcode ## build the tools into .cache/bin

# Outside the workspace, so that tools do not choose the services' versions.
$(TOOLS)/golangci-lint $(TOOLS)/deadcode &: tools/go.mod tools/go.sum
	cd tools && GOWORK=off GOFLAGS=-buildvcs=false GOBIN=$(CURDIR)/$(TOOLS) go install tool
	touch $(TOOLS)/golangci-lint $(TOOLS)/deadcode

.PHONY: docs
docs: ## write the reference pages from the code
	go run ./tests/reference
	go test ./cmd/tapline/internal/cli -run TestReferenceIsCurrent -update
	go test ./services/importcenter -run "TestAPI.*IsCurrent" -update
	TAPLINE_WRITE_DOCS=1 go test ./services/importcenter/internal/access >/dev/null || go test ./services/importcenter/internal/access

.PHONY: observability
observability: ## write the rules, routes and dashboards of deploy/observability
	go run ./tools/observability

.PHONY: clean
clean: ## remove what was built and the local data
	rm -rf bin .cache .tapline
