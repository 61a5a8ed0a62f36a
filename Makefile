# Two commands do the main things: `make lab` opens the laboratory, `make test` proves it.
# The project is installed in place: edits in Python take effect at once, edits in C at the next `make`.

PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
# What a fresh installation is needed for.
BUILD  := pyproject.toml setup.py $(wildcard csrc/*.c csrc/*.h csrc/*.py)
CFILES  = $(wildcard csrc/*.c)
STRICT := -std=c11 -Wall -Wextra -Werror -fsyntax-only

.DEFAULT_GOAL := help
.PHONY: help lab test lint asan bench wheel sdist clean distclean

help: ## print this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

lab: $(VENV)/.installed ## install into .venv and open the laboratory
	@$(BIN)/lstm-lab lab $(ARGS)

test: $(VENV)/.test ## run the whole test suite (ARGS="-k name" chooses)
	$(BIN)/pytest $(ARGS)

lint: $(VENV)/.lint ## style, types, import rules, and compiler warnings as errors
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports
	rm -rf build/types && mkdir -p build/types
	cp -Rp tui build/types/lstm_lab && cp -Rp lstm_ext build/types/lstm_ext
	if [ -d exercises ]; then cp -Rp exercises build/types/lstm_lab/exercises; fi
	cd build/types && $(abspath $(BIN))/mypy --config-file $(CURDIR)/pyproject.toml -p lstm_ext -p lstm_lab
	for compiler in gcc clang; do \
	  if command -v $$compiler >/dev/null; then $$compiler $(STRICT) $(CFILES) || exit 1; fi; \
	done

asan: $(VENV)/.test ## the engine's tests under AddressSanitizer and UndefinedBehaviorSanitizer
	sh tests/sanitizers.sh $(abspath $(BIN)) $(ARGS)

bench: $(VENV)/.installed ## training speed of the C core and of its NumPy twin
	$(BIN)/lstm-lab bench $(ARGS)

wheel: $(VENV)/.dev ## build dist/*.whl
	$(BIN)/python -m build --wheel --no-isolation

sdist: $(VENV)/.dev ## build dist/*.tar.gz
	$(BIN)/python -m build --sdist --no-isolation

clean: ## remove what was built and cached, keep .venv
	rm -rf build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	rm -f lstm_ext/_core*.so $(VENV)/.installed $(VENV)/.test $(VENV)/.lint $(VENV)/.dev
	find . -name __pycache__ -not -path './.venv*' -prune -exec rm -rf {} +

distclean: clean ## clean, and remove .venv
	rm -rf $(VENV)

# Each stamp tells which extras are installed. The build tools live in the venv (no build isolation),
# so that a rebuild after an edit in C needs no network.
$(BIN)/python:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10) and "lstm-lab needs Python 3.10 or newer")'
	$(PYTHON) -m venv $(VENV)

$(VENV)/.build: | $(BIN)/python
	$(BIN)/python -m pip install --quiet 'setuptools>=77' 'cffi>=1.16'
	@touch $@

$(VENV)/.installed: $(BUILD) | $(VENV)/.build
	$(BIN)/python -m pip install --quiet --no-build-isolation --editable .
	@touch $@

$(VENV)/.test $(VENV)/.lint $(VENV)/.dev: $(BUILD) | $(VENV)/.build
	$(BIN)/python -m pip install --quiet --no-build-isolation --editable '.[$(patsubst .%,%,$(notdir $@))]'
	@touch $@ $(VENV)/.installed
