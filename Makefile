# Needs Python 3.11 or later and make. Everything else is installed into .venv.
PYTHON ?= python3
BIN := .venv/bin
SIZE ?= 1m
DATABASE ?= duckdb
ROUNDS ?= 200

.PHONY: help run test check bench crash clean

help:
	@echo "make run    install and serve on 127.0.0.1:8000, data in ./data"
	@echo "make test   install and run all tests"
	@echo "make check  format, lint, types, shape, tests with coverage: what CI runs"
	@echo "make bench  measure (SIZE=1m or 10m, DATABASE=duckdb or postgres; WRITE=1 writes docs/benchmarks.md)"
	@echo "make crash  kill a server under load ROUNDS times and compare"

.venv/run: pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Clicktrail needs Python 3.11 or later: make PYTHON=python3.12 …")'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable .
	@touch $@

.venv/dev: .venv/run
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@

run: .venv/run
	$(BIN)/clicktrail serve --data ./data

test: .venv/dev
	$(BIN)/python -m pytest

check: .venv/dev
	$(BIN)/ruff format --check src tests bench
	$(BIN)/ruff check src tests bench
	$(BIN)/mypy
	$(BIN)/coverage run -m pytest
	$(BIN)/coverage report

.venv/bench: .venv/dev
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[bench]'
	@touch $@

bench: .venv/bench
	$(BIN)/python -m bench --size $(SIZE) --database $(DATABASE) $(if $(WRITE),--write)

crash: .venv/dev
	$(BIN)/python -m tests.crash.harness $(ROUNDS)

clean:
	rm -rf .venv .mypy_cache .ruff_cache .hypothesis
