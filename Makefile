# Two commands: `make run` starts the whole hub, `make test` proves it. Needs Python 3.11 or newer and make; the rest is fetched.
SHELL := /bin/sh
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
CACHE := .cache
ARGS ?=
WORKERS ?= 2

WEB_SOURCES := $(shell find services/desk/web channels/webchat/widget hatch_build.py -type f \
	-not -path '*/node_modules/*' -not -path '*/dist/*' 2>/dev/null | tr ' ' '?')

.PHONY: help setup run test check schemas lock bench oracles guards browser pictures clean

help: ## This list
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## */\t/' | expand -t 12

# ── Setting up: each step leaves a stamp, so that the second run does nothing ──────────────────────────────────────────────────

$(VENV)/.made:
	@echo "· making $(VENV)"
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Payvand needs Python 3.11 or newer; say which with: make PYTHON=/path/to/python3"; exit 1; }
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check 'uv>=0.9'
	@touch $@

$(VENV)/.locked: requirements.lock $(VENV)/.made
	@echo "· installing what requirements.lock names"
	@$(BIN)/uv pip sync --quiet --python $(BIN)/python --require-hashes --compile-bytecode requirements.lock
	@touch $@

$(VENV)/.installed: pyproject.toml $(VENV)/.locked
	@echo "· installing payvand itself"
	@PAYVAND_SKIP_WEB=1 $(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	@touch $@

$(CACHE)/web: $(WEB_SOURCES) $(VENV)/.locked
	@if [ -f hatch_build.py ]; then echo "· building the front ends"; $(BIN)/python hatch_build.py; fi
	@mkdir -p $(CACHE) && touch $@

setup: $(VENV)/.installed $(CACHE)/web ## Everything that `run` needs

# ── Running ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

run: setup ## Start the hub; ARGS="--port 8090" passes options on
	@exec $(BIN)/payvand up $(ARGS)

bench: setup ## Measure the router and the reading of call logs alone; the whole hub: payvand loadtest
	@$(BIN)/python -m bench.call_logs
	@exec $(BIN)/python -m bench.router_match $(ARGS)

oracles: setup ## The router against exact figures; ARGS="--calls 40000" for a short run
	@exec $(BIN)/python -m bench.oracles $(ARGS)

# ── Proving ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

$(CACHE)/browser/.fetched: deploy/browser/package-lock.json deploy/browser/fetch.py $(VENV)/.locked
	@echo "· fetching a browser for the tests"
	@$(BIN)/python deploy/browser/fetch.py
	@touch $@

browser: $(CACHE)/browser/.fetched ## Only the browser that the tests drive

test: setup browser ## The whole suite; ARGS="-k routing" passes options on
	@exec $(BIN)/python -m pytest -n $(WORKERS) --dist loadfile $(ARGS)

guards: setup ## Take each guard of the router out of a copy, and see the test of its fault fail
	@exec $(BIN)/python -m bench.guards

check: setup ## Format, lint, types, layers, dependencies, schemas
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/deptry .
	$(BIN)/python -m schemas.publish --check

# ── Keeping ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

schemas: setup ## Write the JSON Schemas and AsyncAPI from the code
	$(BIN)/python -m schemas.publish

lock: $(VENV)/.made ## Resolve requirements.lock anew (no hosts in it)
	$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-annotate --group dev \
		pyproject.toml --output-file requirements.lock $(ARGS)

pictures: setup browser ## Take the pictures of the documentation from a running hub
	$(BIN)/python -m docs.pictures.take

clean: ## Remove what was made here, the data too
	rm -rf $(VENV) $(CACHE) .payvand dist build
