# Coachwhip: `make run` and `make test` are all one needs to begin with; `make help` lists the rest.
# The Python to build for: make PYTHON=/path/to/python3.13 ... ; without it tools/find-python looks for one.

SHELL := /bin/sh
ENVIRONMENT := .venv
TARGET := $(or $(CARGO_TARGET_DIR),target)
WHEELS := $(TARGET)/wheels
INSIDE := $(ENVIRONMENT)/bin/python
# Programs or benchmarks to run, separated by commas; all if empty.
BENCH ?=
# Test modules for test-cpython and conformance, separated by spaces; all of the tool's list if empty.
TESTS ?=
# What leaks looks at; everything if empty.
LEAKS ?=
# Packages for packages, separated by commas; all of its table if empty.
PACKAGES ?=

.DEFAULT_GOAL := help
.PHONY: help run test test-rust test-python bench micro startup test-cpython conformance packages fuzz leaks docs check build environment bench-environment clean

help: ## list what can be made
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)$$/  make \1|\2/p' $(MAKEFILE_LIST) | awk -F'|' '{printf "%-20s %s\n", $$1, $$2}'

run: build ## build in release mode and run real programs without and with Coachwhip: outputs compared, times and ratios
	@$(INSIDE) benches/run.py $(if $(BENCH),--only $(BENCH)) $(RUN_OPTIONS)

test: test-rust test-python ## build and run all tests, Rust and Python

test-rust: environment ## the Rust tests alone
	tools/cargo-test $(CURDIR)/$(INSIDE) --workspace --locked --no-fail-fast

test-python: build ## the Python tests alone
	$(INSIDE) -m pytest $(PYTEST_OPTIONS)

bench: build bench-environment ## pyperformance's own scripts without and with Coachwhip (BENCH=name,name for some)
	@$(INSIDE) benches/pyperformance.py $(if $(BENCH),--only $(BENCH)) $(BENCH_OPTIONS)

micro: build ## what single operations cost without and with Coachwhip
	@$(INSIDE) benches/micro.py $(if $(BENCH),--only $(BENCH))

startup: build ## what Coachwhip costs at the start of a program
	@$(INSIDE) benches/startup.py

test-cpython: build ## CPython's own test modules without and with everything compiled, results compared (TESTS="test_int test_str" for some)
	@$(INSIDE) tools/test_cpython.py $(TEST_OPTIONS) $(TESTS)

conformance: build ## CPython's whole test suite without and with Coachwhip in three modes, resumable, with a report (TESTS="test_int" for some)
	@$(INSIDE) tools/conformance.py $(CONFORMANCE_OPTIONS) $(TESTS)

packages: build ## the test suites of packages from PyPI without and with Coachwhip, resumable, with a report (PACKAGES=attrs,lxml for some)
	@$(INSIDE) tools/packages.py $(if $(PACKAGES),--only $(PACKAGES)) $(PACKAGES_OPTIONS)

fuzz: build ## written programs without and with Coachwhip, compared (FUZZ_OPTIONS="--programs 200000 --seed 1 --workers 2")
	@$(INSIDE) -m tools.fuzz run $(FUZZ_OPTIONS)

leaks: build ## functions, programs and written programs thousands of times: does anything grow? (LEAKS="functions --stress 7" for one of them)
	@$(if $(LEAKS),$(INSIDE) -m tools.leaks $(LEAKS),set -e; for what in functions "functions --stress 7" programs fuzz tests; do $(INSIDE) -m tools.leaks $$what; done)

docs: environment ## write the generated pages of docs/reference
	PYO3_PYTHON=$(CURDIR)/$(INSIDE) cargo run --locked --package coachwhip-xtask -- docs

check: environment ## format check and lints of the Rust code
	cargo fmt --all --check
	PYO3_PYTHON=$(CURDIR)/$(INSIDE) cargo clippy --workspace --all-targets --locked

build: environment ## build the module in release mode and install it into the environment
	@rm -rf $(WHEELS)
	@echo "building the module in release mode (the first time takes some minutes)"
	@$(ENVIRONMENT)/bin/maturin build --release --locked --quiet --auditwheel skip --interpreter $(INSIDE) --out $(WHEELS)
	@$(INSIDE) -m pip install --quiet --no-deps --force-reinstall $(WHEELS)/coachwhip-*.whl

environment: ## make the virtual environment .venv for a CPython 3.13
	@python=$$(PYTHON="$(PYTHON)" tools/find-python) && tools/make-environment "$$python" $(ENVIRONMENT)

bench-environment: environment
	@cksum < tools/requirements-bench.txt | cmp -s - $(ENVIRONMENT)/bench-requirements || \
		{ $(INSIDE) -m pip install --quiet --requirement tools/requirements-bench.txt && cksum < tools/requirements-bench.txt > $(ENVIRONMENT)/bench-requirements; }

clean: ## remove everything that was built
	rm -rf $(ENVIRONMENT) target .cache
