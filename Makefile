# Pliant's commands; `make` alone lists them. Needs Python 3.11 to 3.13, make and git; everything else goes into .venv.
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help run test test-extended check check-types check-rest format docs bench bench-imaging bench-network bench-statistics bundle outliner control screenshots lock browser clean

VENV := .venv
BIN := $(VENV)/bin
PYTHON ?= python3.11
export PLIANT_TRAINING ?= 1

# The locks are complete, so pip neither resolves (--no-deps) nor trusts an index (--require-hashes).
# Byte code is written at first import: compiling all of TensorFlow would take longer than installing it.
PIP_INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile
PIP_INSTALL_LOCKED := $(PIP_INSTALL) --require-hashes --no-deps

RUNTIME := $(VENV)/installed-runtime
TRAIN := $(VENV)/installed-train
DEV := $(VENV)/installed-dev
INSTALLED := $(RUNTIME) $(if $(filter 0 false no off,$(PLIANT_TRAINING)),,$(TRAIN))

help: ## List the commands
	@echo "Pliant: donor red cell deformability from ordinary microscope images."
	@echo
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-15s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo
	@echo "Start with 'make run'. PLIANT_TRAINING=0 leaves TensorFlow (1.3 GB) out, PLIANT_DEMO=0 the demo data."

run: $(INSTALLED) ## Install what is missing, then start everything on this machine; Ctrl-C stops it
	@exec $(BIN)/pliant up

test: $(TRAIN) $(DEV) browser ## Run every test on a real PostgreSQL, Valkey and browser
	$(BIN)/pytest -m "not extended" $(SIDE_BY_SIDE)

# Two processes, each with servers of its own and whole files; the slow browser tests come first, none is left for last.
TEST_PROCESSES ?= 2
SIDE_BY_SIDE := --numprocesses $(TEST_PROCESSES) --dist loadfile --no-loadscope-reorder

test-extended: $(TRAIN) $(DEV) browser ## Run the long campaigns as well (hours)
	$(BIN)/pytest

check: $(TRAIN) $(DEV) ## Format, lint, types, import contracts, documents, migrations, containers
	@$(MAKE) --no-print-directory --jobs 2 --output-sync=target check-types check-rest

# Half of a check is mypy on one core: the other core has the rest.
check-types: ## Of the checks, the types
	$(BIN)/mypy

check-rest: ## Of the checks, all others
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/lint-imports
	$(BIN)/hadolint Dockerfile
	$(BIN)/docker-compose --profile '*' --file docker-compose.yml config --quiet
	$(BIN)/pytest -q tests/architecture tests/integration/test_migrations.py

format: $(DEV) ## Put the code into the one format
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

docs: $(DEV) ## Write docs/errors.md, each call's error codes and docs/openapi.json anew from the code
	$(BIN)/python -m tests.architecture.errors_page
	$(BIN)/python -m tests.architecture.error_codes
	PLIANT_UPDATE_SNAPSHOT=1 $(BIN)/pytest -q tests/integration/test_openapi.py

bench: $(TRAIN) $(DEV) ## Measure, and print the tables of bench/
	$(BIN)/python -m bench

bench-imaging: $(DEV) ## Measure what imaging finds, judges and costs, and write docs/performance.md
	$(BIN)/python -m bench.imaging

bench-network: $(TRAIN) $(DEV) ## Compare the networks, wells and light, and write docs/performance.md (an hour)
	$(BIN)/python -m bench.network --threads 2

bench-statistics: $(DEV) ## Print how often intervals hold, and known answers met
	$(BIN)/python -m bench.statistics

bundle: $(TRAIN) ## Train the demonstration network anew and put it into models/bundled
	$(BIN)/python -m worker.offline train --bundle
	$(BIN)/python -m worker.control_bundle

outliner: $(TRAIN) ## Train the network that outlines cells anew and put it into models/bundled
	$(BIN)/python -m worker.offline train-outliner --bundle

control: $(DEV) ## Seal anew what the shipped control must answer, after a change of network or pipeline
	$(BIN)/python -m worker.control_bundle

screenshots: $(TRAIN) $(DEV) browser ## Photograph the dashboard's pages into docs/images
	PLIANT_SCREENSHOTS=1 $(BIN)/pytest -q tests/end_to_end -m browser $(SIDE_BY_SIDE)

# uv.lock and pylock.toml would record where each file came from; these files name versions and hashes only.
UV_COMPILE := $(abspath $(BIN))/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-header --no-annotate
lock: $(DEV) ## Write requirements/*.txt anew from requirements/*.in (add UPGRADE=1 for newer versions)
	cd requirements && for set in runtime train dev; do \
	  $(UV_COMPILE) $(if $(UPGRADE),--upgrade) $$set.in --output-file $$set.txt || exit 1; done

browser: # A Chromium for the tests: the machine's own, else Debian's package
	@for name in chromium chromium-browser google-chrome; do command -v $$name >/dev/null && exit 0; done; \
	  if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	    apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
	      chromium fonts-dejavu-core >/dev/null; \
	  else \
	    echo "The tests need a browser. Type: sudo apt-get install chromium" >&2; exit 1; \
	  fi

clean: ## Remove .venv and every cache; var/ (your data) stays
	rm -rf $(VENV) *.egg-info .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(BIN)/pip:
	@for python in $(PYTHON) python3.12 python3.13 python3; do \
	  if $$python -c 'import sys, ensurepip; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null; then \
	    echo "Making $(VENV) with $$($$python --version)"; exec $$python -m venv $(VENV); \
	  fi; \
	done; \
	echo "Pliant needs Python 3.11, 3.12 or 3.13 with venv. On Debian: sudo apt-get install python3-venv" >&2; exit 1

$(RUNTIME): requirements/runtime.txt pyproject.toml | $(BIN)/pip
	@echo "Installing Pliant (about a minute)"
	@$(PIP_INSTALL_LOCKED) -r requirements/runtime.txt
	@$(PIP_INSTALL) --no-index --no-deps --no-build-isolation --editable .
	@touch $@

$(TRAIN): requirements/train.txt | $(RUNTIME)
	@echo "Installing TensorFlow for training (a minute more; PLIANT_TRAINING=0 leaves it out)"
	@$(PIP_INSTALL_LOCKED) -r requirements/train.txt
	@touch $@

$(DEV): requirements/dev.txt | $(RUNTIME)
	@echo "Installing what the tests and checks need"
	@$(PIP_INSTALL_LOCKED) -r requirements/dev.txt
	@touch $@
