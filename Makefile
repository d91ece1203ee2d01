# `make demo` and `make test` do everything on a fresh machine; `make check` is the developers' gate.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PORT ?= 8080

.PHONY: help demo test check format fast interop benchmark clean

help:
	@echo "make demo       the signalling server, the page and a Python echo peer; prints the address to open"
	@echo "make test       the whole suite, browsers and servers included (installs what it needs)"
	@echo "make check      format, lint, types, import contracts, fast tests"
	@echo "make benchmark  rtcpeer beside aiortc and wrtc"

# A virtual environment without pip (Debian without python3-venv) is no environment.
$(VENV)/bin/pip:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "rtcpeer needs Python 3.11 or newer: make $(MAKECMDGOALS) PYTHON=python3.12"; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || sh scripts/system-packages.sh venv
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --upgrade 'pip>=25.1'

$(VENV)/.installed: pyproject.toml | $(VENV)/bin/pip
	$(BIN)/pip install --quiet --editable .
	@touch $@

$(VENV)/.installed-dev: pyproject.toml | $(VENV)/bin/pip
	$(BIN)/pip install --quiet --editable . --group dev
	@touch $@

$(VENV)/.installed-interop: pyproject.toml $(VENV)/.installed-dev
	sh scripts/system-packages.sh test
	$(BIN)/pip install --quiet --group interop
	sh scripts/aiortc-examples.sh $(BIN)/python
	@touch $@

# What is installed for development serves the demo as well.
demo: $(firstword $(wildcard $(VENV)/.installed-dev) $(VENV)/.installed)
	@$(BIN)/python -m examples.datachannel_echo --with-server --port $(PORT)

check: $(VENV)/.installed-dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/pytest -q -n auto -m "not slow" --ignore tests/interop

fast: $(VENV)/.installed-dev
	$(BIN)/pytest -q -n auto -m "not slow" --ignore tests/interop

format: $(VENV)/.installed-dev
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

# Browsers and namespaces want the machine for themselves, so they run one after the other. Real clocks on a busy machine
# are nobody's to command: what fails is run once more, and the report names it (-rR), for that is a defect to look into.
INTEROP := $(BIN)/pytest -q --reruns 1 -rR tests/interop

test: $(VENV)/.installed-interop
	$(BIN)/pytest -q -n auto --ignore tests/interop
	$(INTEROP)

interop: $(VENV)/.installed-interop
	$(INTEROP)

benchmark: $(VENV)/.installed-interop
	$(BIN)/python -m benchmarks

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis
