# Every target sets up what it needs in .venv. A bare Debian lacks: make gcc python3-dev python3-venv.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
ARGS ?=
STAMP := $(VENV)/.installed

.PHONY: help setup run test bench lint types reference wheel clean

help:
	@echo "make run    dusk in Dijon, the main job  (ARGS=--once ends by itself)"
	@echo "make test   all tests                    (ARGS='-k name' for some)"
	@echo "make bench  all benches                  (ARGS=dusk for one)"
	@echo "make lint types reference wheel clean"

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

$(STAMP): pyproject.toml setup.py $(wildcard native/*.pyx native/*.pxd) | $(BIN)/python
	$(BIN)/python -m pip install --quiet --upgrade "pip>=24" "setuptools>=77,<90" "cython>=3.1,<3.4" wheel
	$(BIN)/python -m pip install --quiet --no-build-isolation --editable ".[geo,test,lint,types]"
	touch $(STAMP)

setup: $(STAMP)

run: $(STAMP)
	$(BIN)/python examples/dijon/dusk.py $(ARGS)

test: $(STAMP)
	$(BIN)/python -m pytest $(ARGS)

bench: $(STAMP)
	$(BIN)/python bench/all.py $(ARGS)

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/cython-lint native

types: $(STAMP)
	$(BIN)/mypy

reference: $(STAMP)
	$(BIN)/jacquemart kinds --markdown > docs/reference/kinds.md.new
	mv docs/reference/kinds.md.new docs/reference/kinds.md

wheel: $(STAMP)
	$(BIN)/python -m build

clean:
	rm -rf build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis examples/*/generated
	rm -f native/*.c native/*.so
