# Every target sets up what it needs in .venv. A bare Debian lacks: make gcc python3-dev python3-venv.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
ARGS ?=
STAMP := $(VENV)/.installed

.PHONY: help setup run traffic test bench lint types budgets collected reference wheel sanitize fuzz clean

help:
	@echo "make run    dusk in Dijon, the main job  (ARGS=--once ends by itself)"
	@echo "make traffic  signals and buses in simulated traffic, live (ARGS='--network grid')"
	@echo "make test   all tests                    (ARGS='-k name' for some)"
	@echo "make bench  all benches                  (ARGS=dusk for one)"
	@echo "make fuzz   decoders and city loader (ARGS='--seconds 600')"
	@echo "make lint types budgets reference wheel sanitize clean"

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

$(STAMP): pyproject.toml setup.py $(wildcard native/*.pyx native/*.pxd) | $(BIN)/python
	$(BIN)/python -m pip install --quiet --upgrade "pip>=24" "setuptools>=77,<90" "cython>=3.1,<3.4" wheel
	$(BIN)/python -m pip install --quiet --no-build-isolation --editable ".[geo,test,lint,types]"
	touch $(STAMP)

# SUMO is large, and only traffic needs it.
$(VENV)/.traffic: $(STAMP)
	$(BIN)/python -m pip install --quiet --no-build-isolation --editable ".[traffic]"
	touch $@

setup: $(STAMP)

run: $(STAMP)
	$(BIN)/python examples/dijon/dusk.py $(ARGS)

traffic: $(STAMP) $(VENV)/.traffic
	$(BIN)/jacquemart traffic $(ARGS)

test: $(STAMP) $(VENV)/.traffic
	$(BIN)/python -m pytest -n logical --max-worker-restart=2 $(ARGS)

bench: $(STAMP) $(VENV)/.traffic
	$(BIN)/python bench/all.py $(ARGS)

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/cython-lint native

types: $(STAMP)
	$(BIN)/mypy

# Tests found and rewritten once, so that not every worker must.
collected: $(STAMP)
	$(BIN)/python -m pytest --collect-only -q -n0 -p no:cacheprovider > build/collected || { tail -40 build/collected; exit 1; }

# Instructions of the hot native paths; says so where there is no valgrind.
budgets: $(STAMP)
	$(BIN)/python bench/instructions.py --check .ci/instruction-budgets.json

reference: $(STAMP)
	$(BIN)/jacquemart kinds --markdown > docs/reference/kinds.md.new
	mv docs/reference/kinds.md.new docs/reference/kinds.md

wheel: $(STAMP)
	$(BIN)/python -m build

sanitize: $(STAMP)
	.ci/sanitize $(ARGS)

fuzz: $(STAMP)
	$(BIN)/python tests/fuzz $(ARGS)

clean:
	rm -rf build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis examples/*/generated
	rm -f native/*.c native/*.so
