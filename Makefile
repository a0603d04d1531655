# Every habit as one word; `make` alone lists them.
.DEFAULT_GOAL := help
SHELL := /bin/bash
PYTHON ?= python3
BIN := .venv/bin
CODE := services shared cli deploy/containers deploy/embedded deploy/binaries tests docs bench

.PHONY: help setup run secrets image up down test test-unit check lint format bench build docs lock clean

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | column -t -s "$$(printf '\t')"

setup: .venv/development.done ## everything for working on the code, pre-commit hooks included
	@if [ -d .git ]; then $(BIN)/pre-commit install >/dev/null; fi

run: .venv/run.done ## the whole platform on this machine, ready to use; Ctrl-C stops it
	@exec $(BIN)/supermq up $(ARGS)

secrets: .venv/run.done ## keys and passwords for containers, made once
	@$(BIN)/python -m deploy.containers.secrets

image: ## the container image of all services
	docker build -q -f deploy/Dockerfile -t $${SMQ_IMAGE:-supermq-provisioning:latest} \
		--build-arg SMQ_COMMIT=$$(git rev-parse --short HEAD 2>/dev/null || echo unknown) \
		--build-arg SMQ_BUILD_TIME=$$(date -u +%Y-%m-%dT%H:%M:%SZ) $(BUILD_ARGS) .

up: secrets image ## the platform in containers, add-ons included; ADDONS= for the core alone
	@$(COMPOSE) up -d --no-build
	@for addon in $(ADDONS); do \
		$(COMPOSE) -f deploy/addons/$$addon/docker-compose.yml up -d --no-build || exit; done
	@until [ -z "$$(docker ps -q --filter network=supermq-front --filter health=starting)" ]; \
		do sleep 1; done
	@! docker ps --filter network=supermq-front --filter health=unhealthy \
		--format '{{.Names}} is not healthy' | grep .
	@echo "https://localhost, trusted with curl --cacert nginx/ssl/ca.crt"

down: ## stop those containers; the data stays in its volumes
	@for addon in $(ADDONS); do $(COMPOSE) -f deploy/addons/$$addon/docker-compose.yml down; done
	@$(COMPOSE) down
COMPOSE = $(shell docker compose version >/dev/null 2>&1 && echo docker compose || echo docker-compose)
ADDONS ?= bootstrap certs provision

test: .venv/development.done ## all tests, on real servers
	$(BIN)/python -m pytest -n $${TEST_WORKERS:-auto} --dist loadgroup $(ARGS)

test-unit: .venv/development.done ## the tests that need no server
	$(BIN)/python -m pytest tests/unit $(ARGS)

check: .venv/development.done ## style, types, import contracts, generated pages
	$(BIN)/ruff check $(CODE)
	$(BIN)/ruff format --check $(CODE)
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	$(BIN)/codespell README.md CHANGELOG.md CONTRIBUTING.md $(CODE)
	$(BIN)/python -m docs.generate --check

lint: check ## the same as check

format: .venv/development.done ## what can be mended by itself
	$(BIN)/ruff check --fix $(CODE)
	$(BIN)/ruff format $(CODE)

bench: .venv/development.done ## how fast it is; ROWS=mapping,identify SECONDS=10 ARGS='--soak 10'
	@command -v wrk >/dev/null || { echo "bench needs wrk: apt-get install wrk"; exit 1; }
	@$(BIN)/python -m bench $(ARGS)

build: .venv/development.done ## everything as one file in build/, under the name of each command
	@$(BIN)/python -m deploy.binaries.build

docs: .venv/development.done ## generate docs/configuration.md and docs/openapi/
	$(BIN)/python -m docs.generate

lock: .venv/development.done ## renew the lock files
	$(BIN)/pip-compile $(LOCK) --extra embedded -o requirements/run.lock pyproject.toml
	$(BIN)/pip-compile $(LOCK) --allow-unsafe --extra embedded --extra development \
		-c requirements/run.lock -o requirements/development.lock pyproject.toml
LOCK := -q --upgrade --generate-hashes --strip-extras \
	--no-emit-find-links --no-emit-index-url --no-emit-trusted-host

clean: ## remove the virtual environment and what tools left behind (not .data)
	rm -rf .venv build .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# A virtual environment needs no ensurepip here: Debian ships it apart from Python.
.venv/bin/python:
	@echo "making the virtual environment .venv"
	@$(PYTHON) -m venv .venv >/dev/null 2>&1 || \
		{ rm -rf .venv && $(PYTHON) -m venv --without-pip .venv && \
		$(PYTHON) -m pip --python .venv/bin/python install -q pip; }

.venv/run.done: requirements/run.lock pyproject.toml | .venv/bin/python
	@echo "installing (once; takes about half a minute)"
	@$(BIN)/python -m pip install -q --disable-pip-version-check -r requirements/run.lock
	@$(BIN)/python -m pip install -q --disable-pip-version-check --no-deps -e .
	@$(BIN)/python -m compileall -q services shared deploy # once, not by each service at its start
	@touch $@

.venv/development.done: requirements/development.lock pyproject.toml | .venv/bin/python
	@echo "installing with the tools for development (once; takes about a minute)"
	@$(BIN)/python -m pip install -q --disable-pip-version-check -r requirements/development.lock
	@$(BIN)/python -m pip install -q --disable-pip-version-check --no-deps -e .
	@touch $@ .venv/run.done
