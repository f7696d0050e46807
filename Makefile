# All that a newcomer needs: make run, make test. Both install what they need into .venv.
PYTHON ?= python3
UV_VERSION := 0.13.9
BIN := .venv/bin
PYTHON_VERSIONS := 3.11 3.12 3.13
COG := $(BIN)/cog -I . --verbosity=1
DOCS := docs/*.md docs/api/*.md
PYTEST_ARGS := -n 2 --dist loadgroup
STAMP := .venv/.installed
BENCH_STAMP := .venv-bench/.installed
CLIENTS_STAMP := .venv-clients/.installed
NODE_CLIENTS_STAMP := tests/clients/node_modules/.installed

.PHONY: run install clients test test-attacks test-all fuzz coverage lint docs bench lock manifest release-sources

run: install
	$(BIN)/headrace run

install: $(STAMP)

$(STAMP): requirements/dev.txt pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	test -x $(BIN)/uv || $(BIN)/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)
	$(BIN)/uv pip sync --quiet --compile-bytecode --python $(BIN)/python requirements/dev.txt
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	# uv compiles packages only; without this, the first start compiles the editable source.
	$(BIN)/python -m compileall -q src
	touch $(STAMP)

lint: install
	$(BIN)/ruff format --check --quiet .
	$(BIN)/ruff check .
	$(BIN)/python -m tools.check_prose
	$(BIN)/lint-imports
	$(BIN)/python -m headrace.component.manifest --check
	$(COG) --check --check-fail-msg="Run: make docs" $(DOCS)
	$(BIN)/mypy

test: lint clients
	$(BIN)/pytest $(PYTEST_ARGS)

# The clients that the tests run against a server: each kind has an environment of its own.
clients: $(CLIENTS_STAMP) $(NODE_CLIENTS_STAMP)

$(CLIENTS_STAMP): requirements/clients.txt | $(STAMP)
	test -x .venv-clients/bin/python || $(PYTHON) -m venv .venv-clients
	$(BIN)/uv pip sync --quiet --compile-bytecode --python .venv-clients/bin/python requirements/clients.txt
	touch $(CLIENTS_STAMP)

$(NODE_CLIENTS_STAMP): tests/clients/package-lock.json
	if command -v npm >/dev/null; then \
	  cd tests/clients && npm ci --silent --ignore-scripts && touch node_modules/.installed; \
	else \
	  echo "npm is not installed; the tests of JavaScript clients are skipped"; \
	fi

# Each attack on SQLite and PostgreSQL, with one server process and with three; `make test` runs those with one.
test-attacks: install
	$(BIN)/pytest $(PYTEST_ARGS) --all-deployments tests/security

# Apart from `make test`, because coverage slows the tests down.
coverage: install clients
	$(BIN)/pytest $(PYTEST_ARGS) --cov --cov-report=term

# On each supported Python version that is installed, with the locked packages, in .venv/python-VERSION.
test-all: install clients
	for version in $(PYTHON_VERSIONS); do \
	  if ! $(BIN)/uv venv --quiet --allow-existing --no-project --no-python-downloads --python $$version .venv/python-$$version; then \
	    echo "Python $$version is not installed; skipped"; continue; \
	  fi; \
	  $(BIN)/uv pip sync --quiet --python .venv/python-$$version requirements/dev.txt && \
	  $(BIN)/uv pip install --quiet --python .venv/python-$$version --no-deps --no-build-isolation --editable . && \
	  .venv/python-$$version/bin/pytest $(PYTEST_ARGS) || exit 1; \
	done

# Hostile requests for two hours; ARGS="--help" shows the options.
fuzz: install
	$(BIN)/python -m tests.fuzz $(ARGS)

docs: install
	$(COG) -r $(DOCS)
	$(BIN)/zensical build --clean --strict

manifest: install
	$(BIN)/python -m headrace.component.manifest

# Before a release: later versions recognise flows that were saved with these sources.
release-sources: install
	$(BIN)/python -m headrace.component.manifest --release

bench: install $(BENCH_STAMP)
	$(BIN)/python -m benchmarks $(ARGS)

# Other engines have an environment of their own: headrace must not depend on their versions.
$(BENCH_STAMP): requirements/bench.txt | $(STAMP)
	test -x .venv-bench/bin/python || $(PYTHON) -m venv .venv-bench
	$(BIN)/uv pip sync --quiet --compile-bytecode --python .venv-bench/bin/python requirements/bench.txt
	touch $(BENCH_STAMP)

lock: install
	$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-header --python-version 3.11 pyproject.toml \
	  --all-extras --group dev -o requirements/dev.txt
	$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-header --python-version 3.11 pyproject.toml \
	  -o requirements/base.txt
	$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-header --python-version 3.11 \
	  --group bench -o requirements/bench.txt
	$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-header --python-version 3.11 \
	  --group clients -o requirements/clients.txt
