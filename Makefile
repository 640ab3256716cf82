# The project's few commands. They need python3 (3.11 to 3.13) with venv, gcc, make and the Python headers; nothing else.
#   make run    a complete LENS on this machine, to try out      make test   every test
#   make lint   style, format, types                            make bench  measurements
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help setup run test faults clients lint bench lock docker-steps clean

# The system's own Python is mostly built with more optimisation than others, so it comes first where it can do all that is needed.
ifndef PYTHON
PYTHON := $(shell for python in /usr/bin/python3 python3; do \
    $$python -c 'import ensurepip, os, sys, sysconfig, venv; \
        sys.exit(not ((3, 11) <= sys.version_info < (3, 14) and os.path.exists(sysconfig.get_path("include") + "/Python.h")))' \
    2>/dev/null && { echo $$python; exit; }; done; echo python3)
endif
VENV := .venv
BIN := $(VENV)/bin
LOCKS := requirements-build.lock requirements.lock requirements-dev.lock
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet
UV_VERSION := 0.13.9

# durable-rules is C from 2020 and calls a function that Python 3.13 renamed. The definition changes nothing before 3.13.
DURABLE_CC := gcc -DPyEval_CallObject=PyObject_CallObject

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST)

setup: $(VENV)/.ready ## make .venv with everything pinned in the lock files; quick when nothing changed

# The build tools come first, pinned like the rest, so that nothing is fetched unpinned to build durable-rules or LENS itself.
$(VENV)/.ready: $(LOCKS) pyproject.toml Makefile
	@$(PYTHON) -c 'import sys; (3, 11) <= sys.version_info < (3, 14) or sys.exit("LENS needs Python 3.11, 3.12 or 3.13; " + \
	    sys.executable + " is " + sys.version.split()[0] + ". Name another: make setup PYTHON=python3.12")'
	@$(BIN)/python -c '' 2>/dev/null || { rm -rf $(VENV); echo "Making $(VENV); this takes a minute, once."; $(PYTHON) -m venv $(VENV); }
	$(PIP) --require-hashes -r requirements-build.lock
	CC="$(DURABLE_CC)" $(PIP) --require-hashes --no-build-isolation --use-pep517 -r requirements-dev.lock
	$(PIP) --no-deps --no-build-isolation -e .
	@touch $@

run: setup ## API, dispatcher and a simulated network on loopback; prints the address, a key and a line to try
	$(BIN)/lens serve --with-simulator

test: setup ## every test, in one process more than there are cores (at most four); last come the ten slowest
	$(BIN)/python -m pytest --numprocesses $$(n=$$(nproc); echo $$((n < 4 ? n + 1 : 4))) --dist worksteal --durations 10

# E.g. `make faults FAULTS="--scale 0.1"`, or `--only power`; --list names them all.
faults: setup ## the long set of faults, an hour or more; report in build/faults/
	$(BIN)/python -m tests.faults $(FAULTS)

clients: setup ## lints the OpenAPI description; clients generated from it make every call (the TypeScript one where there is Node)
	@$(BIN)/python -m tests.clients

lint: setup ## style, format and strict types
	@failed=0; for check in "ruff check" "ruff format --check" "mypy app tests"; do \
	    echo "$(BIN)/$$check"; $(BIN)/$$check || failed=1; done; exit $$failed

bench: setup ## measurements, with their figures printed
	$(BIN)/python -m pytest tests/bench -s -o python_files='bench_*.py test_*.py'

# Keeps every version that still fits; `make lock UPGRADE=--upgrade` takes the newest of all. No file names where packages come from.
COMPILE = build/lock/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
    --no-emit-find-links --no-annotate --no-header $(UPGRADE)

lock: ## remake the lock files from pyproject.toml
	$(PYTHON) -m venv build/lock
	build/lock/bin/python -m pip --disable-pip-version-check install --quiet uv==$(UV_VERSION)
	$(COMPILE) --group build -o requirements-build.lock
	$(COMPILE) pyproject.toml -o requirements.lock
	$(COMPILE) pyproject.toml --extra dev -c requirements.lock -o requirements-dev.lock

docker-steps: ## the Dockerfile's steps in a clean Debian root, where there is no container engine (as root, with debootstrap)
	$(PYTHON) tests/house/docker_steps.py

clean: ## remove what make and the tools made, but no data (var/)
	rm -rf $(VENV) build *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find app tests -name __pycache__ -type d -prune -exec rm -rf {} +
