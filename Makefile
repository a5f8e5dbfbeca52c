# make help

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
PIP    := $(BIN)/python -m pip --quiet --disable-pip-version-check --no-input
CODE   := connector contracts handlers tests

TEST_ARGS ?=
DEMO_ARGS ?=
BENCH_ARGS ?=
SEEDS ?= 20
FROM ?= 1
JOBS ?= 1
CHAOS_ARGS ?=
KAFKA_ARGS ?=

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help setup test check suite unit behaviour benchmarks chaos demo kafka kafka-stop schemas lock clean what-can-run

help: ## Show what can be done
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sort | awk -F ':.*## ' '{ printf "  make %-12s %s\n", $$1, $$2 }'

# --- environment: one virtual environment, installed from the lock files, checked against their hashes

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	  echo "PayLayer needs Python 3.11 or newer; $(PYTHON) is $$($(PYTHON) --version 2>/dev/null || echo missing)."; \
	  echo "Install one and name it: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 2; } >&2
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
	  echo "$(PYTHON) has no venv module. On Debian and Ubuntu: apt-get install python3-venv"; exit 2; } >&2
	@$(PYTHON) -m venv $(VENV)

$(VENV)/.runtime: requirements.lock requirements-build.lock pyproject.toml | $(BIN)/python
	@echo "installing PayLayer into $(VENV)"
	@$(PIP) install --require-hashes -r requirements-build.lock
	@$(PIP) install --require-hashes -r requirements.lock
	@$(PIP) install --no-deps --no-index --no-build-isolation --editable .
	@touch $@

$(VENV)/.dev: requirements-dev.lock $(VENV)/.runtime
	@echo "installing what tests and checks need"
	@$(PIP) install --require-hashes -r requirements-dev.lock
	@touch $@

setup: $(VENV)/.dev ## Make .venv with everything for development

# --- what you do every day

demo: $(VENV)/.runtime ## Run the main job with nothing installed (DEMO_ARGS=--keep)
	@$(BIN)/paylayer demo $(DEMO_ARGS)

test: check suite ## Check everything and run all tests that this machine can run (TEST_ARGS="-k stock")

check: $(VENV)/.dev ## Lint, format, types, import layers
	@$(BIN)/ruff check $(CODE)
	@$(BIN)/ruff format --check $(CODE)
	@$(BIN)/mypy
	@$(BIN)/lint-imports

suite: $(VENV)/.dev what-can-run ## All tests, without the checks
	@$(BIN)/python -m pytest --ignore=tests/benchmarks $(TEST_ARGS)

unit: $(VENV)/.dev ## Tests without I/O
	@$(BIN)/python -m pytest tests/unit $(TEST_ARGS)

behaviour: $(VENV)/.dev what-can-run ## Tests on brokers and databases
	@$(BIN)/python -m pytest tests/behaviour $(TEST_ARGS)

benchmarks: $(VENV)/.dev ## Measure, and print the figures (BENCH_ARGS="calls --real")
	@$(BIN)/python -m tests.benchmarks $(BENCH_ARGS)

chaos: $(VENV)/.dev ## Whole systems under kills and faults (SEEDS=20 FROM=1 JOBS=1 CHAOS_ARGS=--keep)
	@$(BIN)/python -m tests.chaos --seeds $(SEEDS) --from $(FROM) --jobs $(JOBS) $(CHAOS_ARGS)

schemas: $(VENV)/.runtime ## Renew contracts/schemas and contracts/asyncapi.yaml
	@rm -f contracts/schemas/*.json contracts/asyncapi.yaml
	@$(BIN)/paylayer contracts export --to contracts

# --- a broker without Docker (Java 17 and Maven)

kafka: ## Start a local Kafka broker (KAFKA_ARGS goes to deploy/kafka/kafka.sh)
	@deploy/kafka/kafka.sh start $(KAFKA_ARGS)

kafka-stop: ## Stop it
	@deploy/kafka/kafka.sh stop $(KAFKA_ARGS)

# --- maintenance

lock: ## Renew the lock files within the limits of pyproject.toml (needs uv; LOCK_ARGS=--upgrade)
	@command -v uv >/dev/null || { echo "make lock needs uv: python3 -m pip install uv"; exit 2; } >&2
	@$(call lock,requirements.lock,pyproject.toml)
	@$(call lock,requirements-dev.lock,pyproject.toml --group dev)
	@$(call lock,requirements-build.lock,--group build)

lock = uv pip compile $(2) $(LOCK_ARGS) --quiet --no-emit-index-url --generate-hashes --no-header \
	--python-version 3.11 --universal -o $(1)

clean: ## Remove caches and what was built; .venv and .kafka stay
	@rm -rf build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	@find $(CODE) -name __pycache__ -type d -prune -exec rm -rf {} +

what-can-run:
	@kafka="skipped: no PAYLAYER_TEST_KAFKA, no Docker, no Java with Maven"; \
	if [ -n "$$PAYLAYER_TEST_KAFKA" ]; then kafka="$$PAYLAYER_TEST_KAFKA"; \
	elif docker info >/dev/null 2>&1; then kafka="Docker, or a local broker"; \
	elif command -v java >/dev/null && command -v mvn >/dev/null; then kafka="a local broker started with Java"; fi; \
	postgres="skipped: no PAYLAYER_TEST_POSTGRES, no PostgreSQL server installed"; \
	if [ -n "$$PAYLAYER_TEST_POSTGRES" ]; then postgres="the server of PAYLAYER_TEST_POSTGRES"; \
	elif command -v initdb >/dev/null || ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1; then \
	  postgres="a local server started for the tests"; fi; \
	echo "tests on real Kafka: $$kafka"; echo "tests on PostgreSQL: $$postgres"
