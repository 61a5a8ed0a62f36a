# Two commands do the main things: `make lab` opens the laboratory, `make test` proves it.
# The project is installed in place: edits in Python take effect at once, edits in C at the next `make`.

PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
# What a fresh installation is needed for.
BUILD  := pyproject.toml setup.py $(wildcard csrc/*.c csrc/*.h csrc/*.py csrc/kernel/* csrc/variants/*.c)
# The files that are compiled; these include the others.
UNITS  := $(wildcard csrc/*.c csrc/variants/*.c)
STRICT := -std=gnu11 -O2 -Wall -Wextra -Werror -Icsrc -c -o /dev/null

.DEFAULT_GOAL := help
.PHONY: help lab test quick lint types docs asan fuzz soak bench bench-tui experiments pictures snapshots lesson wheel sdist clean distclean

help: ## print this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

lab: $(VENV)/.installed ## install into .venv and open the laboratory
	@$(BIN)/lstm-lab lab $(ARGS)

# A process for each core, which takes whole files: some of them prepare what is dear once for all of their tests.
PYTEST := OPENBLAS_NUM_THREADS=1 $(BIN)/pytest --numprocesses auto --dist loadfile

test: $(VENV)/.test ## run the whole test suite, and prove every exercise (ARGS="-k name" chooses tests)
	$(PYTEST) $(ARGS)
	$(if $(ARGS),,$(BIN)/lstm-lab learn author-check --jobs 2)

quick: $(VENV)/.test ## run the tests that take no time: those for every save
	$(PYTEST) -m "not slow" $(ARGS)

lint: $(VENV)/.lint types ## style, types, import rules, and compiler warnings as errors
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	cd build/types && PYTHONPATH=. $(abspath $(BIN))/lint-imports --config $(CURDIR)/pyproject.toml
	for compiler in gcc clang; do \
	  command -v $$compiler >/dev/null || continue; \
	  for unit in $(UNITS); do $$compiler $(STRICT) $$unit || exit 1; done; \
	done

# mypy wants the folders under the names that they are imported by.
types: $(VENV)/.lint ## the types alone
	rm -rf build/types && mkdir -p build/types
	cp -Rp tui build/types/lstm_lab && cp -Rp lstm_ext build/types/lstm_ext && cp -Rp bench build/types/bench
	if [ -d exercises ]; then cp -Rp exercises build/types/lstm_lab/exercises; fi
	cd build/types && $(abspath $(BIN))/mypy --config-file $(CURDIR)/pyproject.toml -p lstm_ext -p lstm_lab -p bench

docs: $(VENV)/.docs ## the library's API pages, from its docstrings, in build/docs
	$(BIN)/python docs/api_pages.py

asan: $(VENV)/.test ## the C core's tests under AddressSanitizer, UndefinedBehaviorSanitizer and ThreadSanitizer
	sh tests/sanitizers.sh $(abspath $(BIN)) $(ARGS)

fuzz: $(VENV)/.test ## call everything public with hostile arguments (ARGS="--calls 200000 --seed 7")
	OPENBLAS_NUM_THREADS=1 $(BIN)/python tests/fuzz $(ARGS)

soak: $(VENV)/.test ## kills, signals, full disks and the like, in rounds, with figures (ARGS="--rounds 20 kills")
	PYTHONPATH=tests $(BIN)/python -m soak $(ARGS)

bench: ## training and sampling speed beside PyTorch and JAX, in .venv-bench (ARGS="--quick")
	@$(MAKE) --no-print-directory VENV=.venv-bench .venv-bench/.peers
	@$(MAKE) --no-print-directory VENV=.venv-bench .venv-bench/.installed
	@.venv-bench/bin/python -m bench $(ARGS)

bench-tui: $(VENV)/.test ## the lab in a pseudo-terminal: latency, bytes, cost, memory (ARGS="--quick")
	@$(BIN)/python -m bench.tui $(ARGS)

# The outcome that comes with the package is the one that the page shows.
NAMES ?= $(shell $(BIN)/lstm-lab experiment --list | awk '/^[a-z]/ { print $$1 }')
experiments: export XDG_STATE_HOME := $(CURDIR)/build/experiments
experiments: $(VENV)/.test ## measure every experiment, and rewrite docs/experiments (ARGS="--jobs 4", hours; "--quick")
	for name in $(NAMES); do \
	  $(BIN)/lstm-lab experiment $$name --save docs/experiments $(ARGS) || exit; \
	  cp "$$(ls -t build/experiments/lstm-lab/outcomes/$$name/*.json | head -n 1)" \
	    lstm_ext/experiments/published/$$name.json || exit; \
	done

pictures: $(VENV)/.test ## draw the pictures of the screens in docs/pictures anew (ARGS="train step")
	PYTHONPATH=tests $(BIN)/python docs/pictures.py $(ARGS)

snapshots: $(VENV)/.test ## write the screens' snapshots in tests/app/snapshots anew
	LSTM_LAB_SNAPSHOTS=1 $(BIN)/pytest -q tests/app/test_snapshots.py

lesson: $(VENV)/.test ## make the recorded lesson that ships with the lab anew, from lessons/forget_gate.py
	OPENBLAS_NUM_THREADS=1 $(BIN)/python lessons/forget_gate.py

wheel: $(VENV)/.dev ## build dist/*.whl
	$(BIN)/python -m build --wheel --no-isolation

sdist: $(VENV)/.dev ## build dist/*.tar.gz
	$(BIN)/python -m build --sdist --no-isolation

clean: ## remove what was built and cached, keep .venv
	rm -rf build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	rm -f lstm_ext/engine/_core*.so .venv-bench/.installed $(addprefix $(VENV)/.,installed test lint docs dev)
	find . -name __pycache__ -not -path './.venv*' -prune -exec rm -rf {} +

distclean: clean ## clean, and remove .venv and .venv-bench
	rm -rf $(VENV) .venv-bench

# Each stamp tells which extras are installed. The build tools live in the venv (no build isolation),
# so that a rebuild after an edit in C needs no network.
$(BIN)/python:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10) and "lstm-lab needs Python 3.10 or newer")'
	$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); exit 1; }

$(VENV)/.build: | $(BIN)/python
	$(BIN)/python -m pip install --quiet 'setuptools>=77' 'cffi>=1.16'
	@touch $@

# On Linux, PyPI's torch brings CUDA along; PIP_EXTRA_INDEX_URL=https://download.pytorch.org/whl/cpu spares that.
$(VENV)/.peers: | $(VENV)/.build
	$(BIN)/python -m pip install --quiet torch==2.13.0
	$(BIN)/python -m pip install --quiet jax
	@touch $@

$(VENV)/.installed: $(BUILD) | $(VENV)/.build
	$(BIN)/python -m pip install --quiet --no-build-isolation --editable .
	@touch $@

$(VENV)/.test $(VENV)/.lint $(VENV)/.docs: $(BUILD) | $(VENV)/.build
	$(BIN)/python -m pip install --quiet --no-build-isolation --editable '.[$(patsubst .%,%,$(notdir $@))]'
	@touch $@ $(VENV)/.installed

$(VENV)/.dev: $(BUILD) | $(VENV)/.build
	$(BIN)/python -m pip install --quiet --no-build-isolation --editable '.[dev]'
	@touch $@ $(VENV)/.installed $(VENV)/.test $(VENV)/.lint $(VENV)/.docs
