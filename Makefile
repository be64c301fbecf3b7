# Needs Python >= 3.11 with venv, and make. Everything else goes into .venv.

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory

UV_VERSION := 0.13.9
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.synced

CODE := verto_resilience tests docs $(wildcard examples)
PROMETHEUS := build/prometheus
BENCH := build/bench-venv
LOWEST := build/lowest-venv
DOWNSTREAM := build/downstream/venv
# Only these are measured: to follow each line takes a test twice its time.
FLOOR_TESTS := tests/machines tests/outcome
# What takes longest stands in the first folders.
SPREAD := --dist loadfile --no-loadscope-reorder

# PYTHON=...          the interpreter for .venv instead of the newest one found
# JOBS=0              everything in one process, instead of two
# WORKERS=0           tests in one process; by default in four, for they wait more than they compute
# PYTEST_ARGS=...     more arguments for pytest
# BENCH_ARGS=--quick  more arguments for bench; --help lists them
# SUITES=requests     which suites downstream runs, instead of all
# FUZZ_SECONDS=600    how long fuzz stays at each target, with each of its two engines
# FUZZ_TARGETS=pages  which targets fuzz has, instead of all
# SOAK_SECONDS=1800   how long 'make soak' goes on
# VERSION=1.2.0       the version that changelog puts the changes under
# FLOOR_COVERAGE=100  the least coverage of the pure floors, in percent, branches included
PYTHON ?=
JOBS ?= 2
WORKERS ?= 4
PYTEST_ARGS ?=
BENCH_ARGS ?=
SUITES ?=
FUZZ_SECONDS ?= 60
FUZZ_TARGETS ?=
INCIDENTS_ARGS ?=
SOAK_SECONDS ?= 60
VERSION ?=
FLOOR_COVERAGE ?= 100

export UV_PROJECT_ENVIRONMENT := $(VENV)
export UV_PYTHON_DOWNLOADS := never
# the machine's certificates, as its other programs use them; 0 for the ones uv brings
export UV_SYSTEM_CERTS ?= 1
UV := env -u VIRTUAL_ENV $(BIN)/uv

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: demo
demo: $(STAMP) ## watch calls meet a throttled, a failing and a recovering server
	@$(BIN)/verto-resilience demo

.PHONY: test
test: lint types ## run every check: style, floors, types, tests, coverage
	$(BIN)/pytest -q -n $(WORKERS) $(SPREAD) --cov --cov-report= $(PYTEST_ARGS) $(FLOOR_TESTS)
	@echo "coverage of the pure floors:"
	@$(BIN)/coverage report --fail-under=$(FLOOR_COVERAGE)
	$(BIN)/pytest -q -n $(WORKERS) $(SPREAD) $(FLOOR_TESTS:%=--ignore=%) $(PYTEST_ARGS)

.PHONY: long-tests
long-tests: $(STAMP) ## try faults of the wire, incidents, simulations, and soak for a minute
	$(BIN)/pytest -q -n $(WORKERS) --dist loadfile -m long $(PYTEST_ARGS)

.PHONY: prometheus-tests
prometheus-tests: $(STAMP) ## run the dashboard's queries and the rules on a real Prometheus
	@tests/prometheus/fetch.sh $(PROMETHEUS) || echo "going on without it" >&2
	$(BIN)/pytest -q -m prometheus $(PYTEST_ARGS) tests/prometheus

.PHONY: otlp-tests
otlp-tests: $(STAMP) ## decode what is exported by OTLP, also through a real collector
	@$(UV) sync --frozen --inexact --all-extras --group dev --group collector --quiet || \
		echo "the collector cannot be had (uv's message is above): going on without it" >&2
	$(BIN)/pytest -q -m otlp $(PYTEST_ARGS) tests/otlp

.PHONY: browser-tests
browser-tests: $(STAMP) ## look at the flight report in a real Chromium
	@tests/browser/install.sh || echo "going on without it" >&2
	@$(UV) sync --frozen --inexact --all-extras --group dev --group browser --quiet
	$(BIN)/pytest -q -m browser $(PYTEST_ARGS) tests/browser

.PHONY: fleet-tests
fleet-tests: $(STAMP) ## share verdicts through a real redis-server, with processes that are killed
	@tests/fleet/install.sh || echo "going on without it" >&2
	$(BIN)/pytest -q -m fleet $(PYTEST_ARGS) tests/fleet

.PHONY: fleet
fleet: $(STAMP) ## play incidents with eight processes, and write the numbers into docs/fleet.md
	@tests/fleet/install.sh
	@$(BIN)/python -m tests.fleet.play

.PHONY: mutants
mutants: $(STAMP) ## change the pure floors place by place, and see whether a test fails
	@$(UV) sync --frozen --inexact --all-extras --group dev --group mutants --quiet
	JOBS=$(JOBS) $(BIN)/python docs/generate/mutants.py

.PHONY: incidents
incidents: $(STAMP) ## play incidents, and write figures, plots and table into docs/reliability*
	@$(BIN)/python -m docs.generate.incidents $(INCIDENTS_ARGS)

.PHONY: soak
soak: $(STAMP) ## call origins that misbehave at random, and see that nothing is lost or grows
	@$(BIN)/python -m tests.soak --seconds $(SOAK_SECONDS)

.PHONY: bench
bench: $(BENCH)/.synced ## measure what it costs, as ratios to plain clients
	@$(BENCH)/bin/python -m tests.bench $(BENCH_ARGS)

.PHONY: bench-docs
bench-docs: $(BENCH)/.synced ## measure, and write the table into docs/performance.md
	@$(BENCH)/bin/python -m tests.bench --docs $(BENCH_ARGS)

.PHONY: comparison
comparison: $(BENCH)/.synced ## look whether others keep our promises, and write docs/comparison.md
	@$(BENCH)/bin/python -m tests.comparison --docs --jobs $(or $(filter-out 0,$(JOBS)),1)

.PHONY: breakdown
breakdown: $(BENCH)/.synced ## show which part of the code a call spends its time in
	@$(BENCH)/bin/python -m tests.bench.breakdown $(BENCH_ARGS)

.PHONY: instructions
instructions: $(BENCH)/.synced ## count instructions with valgrind, to compare two commits
	@$(BENCH)/bin/python -m tests.bench.instructions $(BENCH_ARGS)

# The rivals are kept out of .venv.
$(BENCH)/.synced: pyproject.toml uv.lock $(VENV)/.uv-$(UV_VERSION)
	@$(UV) sync --frozen --python $(BIN)/python --no-default-groups --extra otel \
		--extra httpx --group bench --quiet
	@touch $@
$(BENCH)/.synced: export UV_PROJECT_ENVIRONMENT := $(BENCH)

.PHONY: downstream
downstream: $(STAMP) $(DOWNSTREAM)/.synced ## run the suites of requests, urllib3 and packages around them, bare and mounted
	@$(BIN)/python -m tests.downstream --jobs $(or $(filter-out 0,$(JOBS)),1) $(SUITES)

$(DOWNSTREAM)/.synced: pyproject.toml uv.lock tests/downstream/dummyserver.txt $(VENV)/.uv-$(UV_VERSION)
	@$(UV) sync --frozen --python $(BIN)/python --no-default-groups --group downstream --quiet
	@$(UV) pip install --quiet --python $(DOWNSTREAM)/bin/python -r tests/downstream/dummyserver.txt
	@touch $@
$(DOWNSTREAM)/.synced: export UV_PROJECT_ENVIRONMENT := $(DOWNSTREAM)

.PHONY: fuzz
fuzz: $(STAMP) ## hand in what nobody would write, and see whether a promise breaks
	@$(UV) sync --frozen --inexact --all-extras --group dev --group fuzz --quiet || \
		echo "atheris cannot be had (uv's message is above): going on without it" >&2
	@$(BIN)/python -m tests.fuzz --seconds $(FUZZ_SECONDS) --jobs $(or $(filter-out 0,$(JOBS)),1) \
		$(FUZZ_TARGETS)

# The newest are tested by 'make test'. Left out: pure floors, the simulation that plays with them,
# and what is compared with the newest.
LOWEST_ARGS := --ignore=tests/machines --ignore=tests/outcome --ignore=tests/pipeline \
	--ignore=tests/simulation --ignore=tests/cli/test_simulate.py \
	--ignore=tests/fuzz --ignore=tests/downstream --ignore=tests/incidents --ignore=tests/bench \
	--ignore=tests/clients --ignore=tests/telemetry/dashboards --ignore=tests/test_floors.py \
	--ignore=tests/telemetry/test_registry.py --ignore=tests/docs --ignore=tests/comparison \
	--ignore=tests/release/test_reproducible.py

.PHONY: test-lowest
test-lowest: $(LOWEST)/.synced ## run the tests with the lowest versions that are declared
	$(LOWEST)/bin/python -m pytest -q -p no:cacheprovider -n $(JOBS) --dist loadfile \
		$(LOWEST_ARGS) $(PYTEST_ARGS)

$(LOWEST)/.synced: pyproject.toml tests/release/lowest.txt $(VENV)/.uv-$(UV_VERSION)
	@$(UV) venv --quiet --clear --python $(BIN)/python $(LOWEST)
	@$(UV) pip sync --quiet --python $(LOWEST) tests/release/lowest.txt
	@$(UV) pip install --quiet --python $(LOWEST) --no-deps --editable .
	@touch $@

.PHONY: audit
audit: $(STAMP) ## look for vulnerabilities, and for dependencies that are declared wrongly
	@$(UV) sync --frozen --inexact --all-extras --group dev --group audit --quiet
	$(BIN)/python -m tests.release.audit

.PHONY: dist
dist: $(STAMP) ## build wheel and source distribution into dist, and try the wheel
	@$(UV) sync --frozen --inexact --all-extras --group dev --group audit --quiet
	$(BIN)/python -m tests.release.build

.PHONY: changelog
changelog: $(STAMP) ## show what is not released; with VERSION=1.2.0 put it into CHANGELOG.md
	@$(BIN)/python -m docs.generate.changelog $(VERSION)

.PHONY: pictures
pictures: $(STAMP) ## draw the pictures of the site that are made of a run
	@tests/prometheus/fetch.sh $(PROMETHEUS)
	@tests/browser/install.sh
	@$(UV) sync --frozen --inexact --all-extras --group dev --group browser --quiet
	$(BIN)/python -m docs.generate.trace_picture
	$(BIN)/python -m docs.generate.dashboard_picture
	$(BIN)/python -m docs.generate.report_picture

.PHONY: lint
lint: $(STAMP) ## check style, the lock and the floors
	@$(UV) lock --check --quiet || { echo "uv.lock does not fit pyproject.toml: run 'make lock'" >&2; exit 1; }
	$(BIN)/ruff check $(CODE)
	$(BIN)/ruff format --check $(CODE)
	$(BIN)/lint-imports --no-logo

.PHONY: types
types: $(STAMP) lint ## check types with mypy
	$(BIN)/mypy $(CODE)

.PHONY: format
format: $(STAMP) ## sort imports, fix what ruff can fix, format
	$(BIN)/ruff check --fix-only $(CODE)
	$(BIN)/ruff format $(CODE)

.PHONY: tables
tables: $(STAMP) ## write the generated tables and the state diagram into README and docs
	$(BIN)/python docs/generate/tables.py
	$(BIN)/python -m docs.generate.state_diagram

.PHONY: docs
docs: $(STAMP) ## build the site into build/docs; a warning is an error
	$(BIN)/sphinx-build -E -a -n -W --keep-going -q -b html -d build/doctrees docs build/docs
	@echo "open build/docs/index.html"

.PHONY: lock
lock: $(VENV)/.uv-$(UV_VERSION) ## bring uv.lock in line with pyproject.toml
	$(UV) lock
	$(UV) pip compile --quiet --resolution lowest-direct --all-extras --group lowest --universal \
		--python-version 3.11 --no-header --no-annotate --no-emit-index-url \
		--output-file tests/release/lowest.txt pyproject.toml >/dev/null

.PHONY: venv
venv: $(STAMP) ## make .venv with the package and the development tools

.PHONY: clean
clean: ## remove .venv, caches and builds
	rm -rf .venv .coverage .coverage.* .hypothesis .import_linter_cache .mypy_cache .pytest_cache \
		.ruff_cache htmlcov build dist *.egg-info
	find verto_resilience tests $(wildcard examples) -name __pycache__ -type d -prune -exec rm -rf {} +

$(STAMP): pyproject.toml uv.lock $(VENV)/.uv-$(UV_VERSION)
	@echo "installing what uv.lock names into .venv"
	@$(UV) sync --frozen --all-extras --group dev --quiet || { \
		echo "error: uv could not install the development environment (its message is above)." >&2; \
		echo "It needs the package index, or a copy of it named by UV_DEFAULT_INDEX; if certificates" >&2; \
		echo "are at fault, try UV_SYSTEM_CERTS=0." >&2; \
		exit 1; }
	@touch $@

$(VENV)/.uv-$(UV_VERSION):
	@python=''; \
	for candidate in $(or $(PYTHON),python3.14 python3.13 python3.12 python3.11 python3); do \
		if "$$candidate" -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))' \
			>/dev/null 2>&1; then python="$$candidate"; break; fi; \
	done; \
	if [ -z "$$python" ]; then \
		echo "error: no Python >= 3.11 with the venv module found. Install one (Debian: python3-venv" >&2; \
		echo "as well) or name it: make PYTHON=/path/to/python3.11" >&2; \
		exit 1; \
	fi; \
	echo "making .venv with $$("$$python" --version)"; \
	"$$python" -m venv --clear $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check "uv==$(UV_VERSION)" || { \
		echo "error: pip could not install uv $(UV_VERSION) into .venv (its message is above)." >&2; \
		echo "Is the package index reachable, and is there a uv for this platform?" >&2; \
		exit 1; }
	@touch $@
