# One command each. `make help` lists them.
PYTHON ?= python3
UV_VERSION := 0.13.9
VENV := .venv
BIN := $(VENV)/bin
# TORCH=cpu takes the build of torch without CUDA: on Linux some 4.5 GB less on disk. The choice is remembered.
TORCH ?= $(or $(patsubst $(VENV)/.installed-%,%,$(firstword $(wildcard $(VENV)/.installed-*))),locked)
INSTALLED := $(VENV)/.installed-$(TORCH)
TORCH_PIN = $(shell sed -n 's/^torch==\([^ ]*\).*/\1/p' requirements.lock)
UV = $(if $(CI),UV_NO_PROGRESS=1) VIRTUAL_ENV=$(VENV) $(BIN)/uv

.PHONY: help up test lint check bench bench-detector install install-train lock clean
.DEFAULT_GOAL := help

help: ## list these commands
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' Makefile | expand -t 22

up: install ## everything on this machine, with a feed of invented documents (`barograph up` alone has no feed)
	@$(BIN)/barograph up --feed demo

test: install ## all tests, on a Kafka and a Valkey of their own
	@$(BIN)/python -m pytest

lint: install ## ruff and mypy
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy

check: lint test ## lint, types, tests

bench: install ## measurements, as ratios in one run; needs `make up` in another terminal
	@$(BIN)/python -m bench.throughput
	@$(BIN)/python -m bench.post_to_visible

bench-detector: install ## the detector on made series: false alarms and events found, beside simple rules and an oracle
	@$(BIN)/python -m bench.detector

install: $(INSTALLED) ## .venv from the lock, and Kafka's jars
	@$(BIN)/python -m stream.broker.fetch

install-train: install ## what only training needs: the base encoder, the linear rival
	@$(UV) pip install -q --require-hashes -r requirements-train.lock

$(INSTALLED): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(0 if (3, 11) <= sys.version_info[:2] <= (3, 13) else "barograph: Python %d.%d at $(PYTHON); expected 3.11 to 3.13 (make PYTHON=python3.12 …)" % sys.version_info[:2])'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) || \
	  { echo "barograph: $(PYTHON) cannot make a virtual environment; on Debian and Ubuntu: apt-get install python3-venv" >&2; exit 1; }
	@test -x $(BIN)/uv || $(BIN)/python -m pip install -q --disable-pip-version-check uv==$(UV_VERSION) || \
	  { echo "barograph: could not download uv $(UV_VERSION) from the Python package index; check the network or pip's proxy settings" >&2; exit 1; }
	@$(SYNC_$(TORCH)) || \
	  { echo "barograph: could not install the Python packages of requirements.lock (above: which, and why); check the network and the free disk" >&2; exit 1; }
	@$(UV) pip install -q --no-deps -e .
	@rm -f $(VENV)/.installed-* && touch $@

SYNC_locked = $(UV) pip sync --require-hashes requirements.lock
# The lock's hashes are those of the build with CUDA, so torch itself is taken by version alone.
SYNC_cpu = awk '/^[a-z0-9]/ {keep = ($$0 !~ /^(torch|triton|nvidia-|cuda-)/)} keep' requirements.lock > $(VENV)/cpu.lock && \
  $(UV) pip sync --require-hashes $(VENV)/cpu.lock && \
  $(UV) pip install -q --no-deps --torch-backend cpu torch==$(TORCH_PIN)

lock: install ## resolve again: names, versions and hashes, no address of any registry
	@$(UV) pip compile pyproject.toml --universal --extra embedded --extra dev --upgrade $(LOCK) -o requirements.lock
	@$(UV) pip compile pyproject.toml --universal --all-extras $(LOCK) -c requirements.lock -o requirements-train.lock

LOCK = --generate-hashes --no-emit-index-url --no-header --no-annotate -q

clean: ## what was built here, the data in ./var not included
	@rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis dist
