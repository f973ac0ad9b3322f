# Each target first makes what it needs: on a fresh machine `make demo` and `make test` are the first two commands.
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

PYTHON ?= python3
STORE ?= ./store
WORKERS ?= auto
ARGS ?=

VENV := .venv
BIN := $(VENV)/bin
PROJECTS := pyproject.toml $(wildcard formats/*/pyproject.toml plugins/*/pyproject.toml frontends/*/pyproject.toml \
	examples/*/pyproject.toml)
PACKAGES := xnat_import_core $(wildcard formats/*/src/* plugins/*/src/* frontends/*/src/* examples/*/src/*)

.PHONY: help install demo test lint bench serve docs clean

help: ## Say what can be made
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' Makefile | while IFS="$$(printf '\t')" read -r target text; do \
		printf '  make %-8s %s\n' "$$target" "$$text"; done

install: $(VENV)/installed ## Make .venv with every distribution editable, and the tools for development

$(VENV)/installed: requirements-dev.txt $(PROJECTS)
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "xnat-import needs Python 3.11 or newer; '$(PYTHON)' is not. Name another: make PYTHON=python3.12"; exit 1; } >&2
	@rm -f $@
	@if command -v uv >/dev/null; then \
		{ test -x $(BIN)/python || uv venv --quiet --python "$$(command -v $(PYTHON))" $(VENV); } && \
		uv pip install --quiet --python $(BIN)/python -r requirements-dev.txt; \
	else \
		{ test -x $(BIN)/pip || $(PYTHON) -m venv $(VENV); } && \
		$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt; \
	fi
	@touch $@

demo: install ## Import a real study through the real service and show the tree that it made
	@$(BIN)/python examples/demo/demo.py

test: install ## Run all tests (ARGS="-k receipt" for some)
	$(BIN)/python -m pytest -n $(WORKERS) $(ARGS)

lint: install ## Style, types, and the laws of the architecture
	$(BIN)/python -m ruff check .
	$(BIN)/python -m ruff format --check .
	$(BIN)/python -m mypy $(PACKAGES)
	PYTHONPATH=$(subst $() ,:,$(wildcard examples/*/src)) $(BIN)/lint-imports

bench: install ## Measure beside the floor, a script and Orthanc; keep the figures (ARGS=--full: large ones too)
	$(BIN)/python -m benchmarks $(ARGS)

serve: install ## Start the service on STORE (./store, made if it is not there)
	$(BIN)/xnat-import serve --store "$(STORE)" $(ARGS)

docs: $(VENV)/docs-installed ## Build the documentation into docs/_build
	$(BIN)/python -m sphinx -W --keep-going -q -b html docs docs/_build/html
	@echo "docs/_build/html/index.html"

$(VENV)/docs-installed: requirements-docs.txt $(VENV)/installed
	@if command -v uv >/dev/null; then uv pip install --quiet --python $(BIN)/python -r $<; \
	else $(BIN)/python -m pip install --quiet --disable-pip-version-check -r $<; fi
	@touch $@

clean: ## Remove what the other targets made, except STORE
	rm -rf $(VENV) build dist docs/_build benchmarks/results .pytest_cache .mypy_cache .ruff_cache .hypothesis \
		.import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
