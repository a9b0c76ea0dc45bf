# Fresh machine -> working product, with only Python 3.11-3.13, make and a package registry.
PYTHON ?= python3
VENV   ?= .venv
HOME_DIR ?= .scoring
BIN    := $(VENV)/bin

# Set before anything is imported: the libraries cache these switches.
export BENTOML_DO_NOT_TRACK = True
export MLFLOW_DISABLE_TELEMETRY = true
export DO_NOT_TRACK = true
export PIP_DISABLE_PIP_VERSION_CHECK = 1

.PHONY: demo test install install-dev check bench notebooks

demo: install $(VENV)/.catboost
	$(BIN)/scoring-ml demo --home $(HOME_DIR) $(DEMO_ARGS)

test: install-dev
	$(BIN)/python -m pytest --numprocesses auto --dist loadfile --no-loadscope-reorder $(PYTEST_ARGS)

check: install-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: install-dev
	$(BIN)/python -m tests.bench $(BENCH_ARGS)

notebooks: install-dev
	$(BIN)/python -m pytest tests/test_notebooks.py

install: $(VENV)/.runtime

install-dev: $(VENV)/.dev

$(VENV)/bin/python:
	$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(0 if (3, 11) <= v <= (3, 13) else "Python must be 3.11, 3.12 or 3.13. Found %d.%d. Call make with PYTHON=python3.12, for example." % v)'
	$(PYTHON) -m venv $(VENV)

$(VENV)/.runtime: requirements.lock pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --progress-bar on --require-hashes --only-binary :all: -r requirements.lock
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	touch $@

# An extra: where no wheel of it can be had, everything works without it.
$(VENV)/.catboost: $(VENV)/.runtime requirements-catboost.lock
	$(BIN)/python -m pip install --quiet --progress-bar on --no-deps --require-hashes --only-binary :all: -r requirements-catboost.lock || echo "CatBoost could not be installed: candidates are compared without it."
	touch $@

$(VENV)/.dev: $(VENV)/.catboost requirements-dev.lock
	$(BIN)/python -m pip install --quiet --progress-bar on --require-hashes --only-binary :all: -r requirements-dev.lock
	touch $@
