# Needs Python 3.11 or later and make. Everything else is installed into .venv.
PYTHON ?= python3
BIN := .venv/bin
SIZE ?= 1m
DATABASE ?= duckdb
ROUNDS ?= 200
JOBS ?= 2

UV := 0.13.9
PIP := $(BIN)/python -m pip --disable-pip-version-check
# Wheels alone: nothing is built. Where a wheel is missing (musl; tests on a Mac with Intel): make WHEELS=
WHEELS ?= --only-binary :all:
# Nothing is compiled ahead but what a server imports, which saves some 20 seconds and 25 MB. Python would compile it at
# every start where the environment keeps it from writing.
LOCKED := $(PIP) install --no-compile --require-hashes --no-deps $(WHEELS) --requirement
# One file of tests at a time for each worker, in the order of tests/conftest.py. Three workers (JOBS=3) are faster on two
# cores, but tests of browsers may then wait too long. The tests start hundreds of commands: what Python compiles is kept, also where the environment says otherwise, as images of containers do.
PYTEST := PYTHONDONTWRITEBYTECODE= $(BIN)/python -m pytest --numprocesses $(JOBS) --dist loadfile --no-loadscope-reorder
LOCK = $(PYTHON) -c 'import tomllib; print(*tomllib.load(open("pyproject.toml", "rb"))["build-system"]["requires"], sep="\n")' \
	| .venv/lock/bin/uv pip compile pyproject.toml - --universal --python-version 3.11 --generate-hashes --quiet \
	--no-annotate --no-emit-index-url --custom-compile-command "make lock" $(if $(UPGRADE),--upgrade)

.PHONY: help run test check bench crash lock vendor screenshots clean node-tools

help:
	@echo "make run    install and serve on 127.0.0.1:8000, data in ./data"
	@echo "make test   install and run all tests (JOBS=4: in four processes)"
	@echo "make check  format, lint, types, shape, tests with coverage: what CI runs"
	@echo "make bench  measure (SIZE=1m or 10m, DATABASE=duckdb or postgres; WRITE=1 writes docs/benchmarks.md)"
	@echo "make bench BASE=REVISION  measure recording by an older revision and by this checkout, turn by turn"
	@echo "make crash  kill a server under load ROUNDS times and compare"
	@echo "make lock   write requirements/ anew from pyproject.toml (UPGRADE=1: with the newest versions)"
	@echo "make vendor fetch the files of other projects from npm, as VENDOR.toml names them"
	@echo "make screenshots  take the pictures of docs/images anew, with Chromium"

.venv/run: pyproject.toml requirements/run.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Clicktrail needs Python 3.11 or later: make PYTHON=python3.12 $(or $(MAKECMDGOALS),run)")'
	@echo "Making .venv with $$($(PYTHON) --version): some 10 seconds without a word."
	$(PYTHON) -m venv .venv
	$(LOCKED) requirements/run.txt
	$(PIP) install --no-compile --quiet --no-deps --no-build-isolation --editable .
	$(PIP) check
	PYTHONDONTWRITEBYTECODE= $(BIN)/python -c 'import clicktrail.cli.serve'
	@touch $@

.venv/dev: .venv/run requirements/dev.txt
	$(LOCKED) requirements/dev.txt
	$(PIP) check
	@touch $@

run: .venv/run
	$(BIN)/clicktrail serve --data ./data

# What tests/clients runs under node: pinned, and left out where there is no npm.
.venv/clients/done: tests/clients/package-lock.json | .venv/dev
	@mkdir -p .venv/clients
	cp tests/clients/package.json tests/clients/package-lock.json tests/clients/.npmrc .venv/clients/
	cd .venv/clients && npm ci --silent
	@touch $@

ifneq ($(shell command -v npm),)
node-tools: .venv/clients/done
else
node-tools:
	@echo "There is no npm: the tests of a TypeScript client, and of the OpenAPI document by spectral and redocly, are skipped."
endif

test: .venv/dev node-tools
	$(PYTEST)

check: .venv/dev node-tools
	$(BIN)/ruff format --check src tests bench tools
	$(BIN)/ruff check src tests bench tools
	$(BIN)/mypy
	$(PYTEST) --cov --cov-report term

.venv/bench: .venv/dev requirements/bench.txt
	$(LOCKED) requirements/bench.txt
	@touch $@

bench: .venv/bench
	$(if $(BASE),$(BIN)/python -m bench.compare $(BASE) $(if $(TURNS),--rounds $(TURNS)),$(BIN)/python -m bench --size $(SIZE) --database $(DATABASE) $(if $(WRITE),--write))

crash: .venv/dev
	$(BIN)/python -m tests.crash.harness $(ROUNDS)

.venv/lock/bin/uv: Makefile
	$(PYTHON) -m venv .venv/lock
	.venv/lock/bin/python -m pip --disable-pip-version-check install --quiet uv==$(UV)
	@touch $@

lock: .venv/lock/bin/uv
	$(LOCK) --extra dev --extra bench --output-file requirements/bench.txt
	$(LOCK) --extra dev --constraint requirements/bench.txt --output-file requirements/dev.txt
	$(LOCK) --constraint requirements/bench.txt --output-file requirements/run.txt

# No package runs a script. For a new version change VENDOR.toml, then look at /docs and /dashboard.
vendor:
	$(PYTHON) -m tools.vendor

screenshots: .venv/dev
	$(BIN)/python -m tools.screenshots

clean:
	rm -rf .venv .mypy_cache .ruff_cache .hypothesis
