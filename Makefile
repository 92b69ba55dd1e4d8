# `make` prints what there is to do. Nothing else to know: each target makes what it needs.
# The first Python that is new enough; another one: `make demo PYTHON=/opt/python3.12/bin/python3`.
NEW_ENOUGH := 'import sys; sys.exit(sys.version_info < (3, 11))'
PYTHON ?= $(shell for name in python3.11 python3.12 python3.13 python3; do \
	$$name -c $(NEW_ENOUGH) 2>/dev/null && echo $$name && break; done)
VENV := .venv
BIN := $(VENV)/bin
RUN := $(VENV)/.installed-run
DEV := $(VENV)/.installed-dev
PACKAGE := pyproject.toml constraints.txt
# The threads of linear algebra fight one another on a shared machine.
export OPENBLAS_NUM_THREADS ?= 1

.PHONY: help demo install check format test test-slow test-clients test-browser screenshots docs bench bench-gateway clean
help:  ## this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 14

$(BIN)/python:
	@'$(PYTHON)' -c $(NEW_ENOUGH) 2>/dev/null || { \
		echo "error: PYTHON is '$(PYTHON)'; expected Python 3.11 or newer. Install it, or name it: make PYTHON=/path/to/it"; \
		exit 1; } >&2
	$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); exit 1; }

$(RUN): $(PACKAGE) | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[tables]'
	@touch $@

$(DEV): $(PACKAGE) | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[all,dev]'
	@touch $@ $(RUN)

demo: $(RUN)  ## the whole thing on a simulated pool: a gateway, a workload, the cost report
	$(BIN)/fairlead demo

install: $(DEV)  ## the environment with everything for development

check: $(DEV)  ## formatting, lint, types, import contracts, spelling, generated pages
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo
	$(BIN)/codespell README.md ARCHITECTURE.md CHANGELOG.md docs design src tests
	$(BIN)/python docs/generate.py --check

format: $(DEV)  ## mend formatting and what lint can mend by itself
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix-only --quiet .

test: $(DEV)  ## all tests but the slow ones; those on real tables run where FAIRLEAD_DATA names the folder
	$(BIN)/python -m pytest -n auto -m "not slow and not clients and not browser"

test-slow: $(DEV)  ## long simulations
	$(BIN)/python -m pytest -n auto -m slow

test-clients: $(DEV)  ## clients that others write, Python and Node, each in an environment of its own under .clients
	$(BIN)/python tests/clients/install.py
	$(BIN)/python -m pytest -rs -m clients tests/clients

test-browser: $(DEV)  ## the dashboard in headless Chromium, with axe-core from npm
	$(BIN)/python tests/browser/install.py
	$(BIN)/python -m pytest -m browser tests/browser

screenshots: $(DEV)  ## the pictures of the docs, taken anew by the same tests
	$(BIN)/python tests/browser/install.py
	FAIRLEAD_SCREENSHOTS=docs/images $(BIN)/python -m pytest -m browser -k picture tests/browser

docs: $(DEV)  ## write the generated reference pages anew
	$(BIN)/python docs/generate.py

bench: $(DEV)  ## timings of deciding and serving
	$(BIN)/python benchmarks/decide.py

bench-gateway: $(DEV)  ## the gateway against others, about ten minutes; installs them under benchmarks/gateway/.peers
	$(BIN)/python benchmarks/gateway/run.py --out benchmarks/gateway/RESULTS.md

clean:  ## remove what the targets above made
	rm -rf $(VENV) .clients .browser build dist .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
