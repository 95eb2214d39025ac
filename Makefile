# `make demo` and `make test` each work alone on a fresh machine; see README.md.

BIN := .venv/bin
WORKERS ?= 2
ARGS ?=
PYTEST := OMP_NUM_THREADS=1 $(BIN)/pytest -n $(WORKERS) --dist loadfile
COMPILE := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-header --no-annotate $(UPGRADE)

.PHONY: help runtime setup demo test test-slow mutants lint fmt flow golden run check lock peers clean
.DEFAULT_GOAL := help

help:  ## list these commands
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 12

runtime: .venv/.runtime  ## make .venv with what the daemon needs

setup: .venv/.dev  ## make .venv with all that development needs

demo: .venv/.runtime  ## show the whole way on sample radiographs: make demo ARGS=--keep
	$(BIN)/ulna demo $(ARGS)

test: .venv/.dev peers lint  ## check and test all but what is slow: make test ARGS="-k spool" WORKERS=4
	$(PYTEST) -m "not slow" $(ARGS)

test-slow: .venv/.dev peers  ## kills, trainings, matrices, mutants, fresh installations
	$(PYTEST) -m slow $(ARGS)

mutants: .venv/.dev peers  ## break copies of the code in known ways, and see a test fail: make mutants ARGS=NAME
	$(BIN)/python -m tests.mutants $(ARGS)

lint: .venv/.dev  ## format, style, types, direction of imports, spelling
	$(BIN)/ruff format --check --quiet . && $(BIN)/ruff check --quiet .
	$(BIN)/mypy && $(BIN)/mypy .ci/package_settings.py && $(BIN)/mypy benchmarks/*.py && $(BIN)/lint-imports --no-logo && $(BIN)/codespell

fmt: .venv/.dev  ## format, and correct what can be corrected
	$(BIN)/ruff check --fix-only --quiet . ; $(BIN)/ruff format .

flow: .venv/.dev peers  ## only the whole ways through the running daemon
	$(BIN)/pytest tests/flow $(ARGS)

golden: .venv/.dev  ## write the golden reports anew; read the difference before you commit it
	$(BIN)/python -m tests.sr_templates.golden && git diff --stat tests/golden

run: .venv/.runtime  ## start the daemon with config.toml: make run ARGS="--only receiver"
	$(BIN)/ulna serve --config config.toml $(ARGS)

check: .venv/.runtime  ## check config.toml, the bundle and the destinations
	$(BIN)/ulna check --config config.toml $(ARGS)

lock: .venv/.dev  ## pin what pyproject.toml asks for: make lock UPGRADE=--upgrade
	$(COMPILE) pyproject.toml -o requirements.lock
	$(COMPILE) pyproject.toml --group dev -c requirements.lock -o requirements-dev.lock
	echo uv | $(COMPILE) - -o requirements-uv.lock

peers:  ## install the programs that the tests talk to (root), or say which
	@.ci/install-peers

clean:  ## remove .venv and caches
	rm -rf .venv build *.egg-info .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis

.venv/.runtime: requirements.lock requirements-uv.lock pyproject.toml .ci/bootstrap
	.ci/bootstrap runtime

.venv/.dev: requirements-dev.lock requirements-uv.lock pyproject.toml .ci/bootstrap
	.ci/bootstrap dev
