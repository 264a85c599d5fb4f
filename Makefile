# Two commands do everything on a machine with Python >= 3.11: `make run` and `make test`.
PYTHON ?= python3
BIN := .venv/bin
# Tests wait more than they work, so two cores bear three of them at a time.
WORKERS ?= 3
DISTRIBUTIONS := crypto signaling server client_sdk/python
# The built pages, in the server's package; anew whenever a source of theirs is newer.
PAGES := server/teduh_server/web/manifest.json
PAGE_SOURCES := $(shell find $(addprefix client_sdk/web/,src apps build package.json package-lock.json) -type f) \
    $(wildcard crypto/teduh_crypto/*/pictures.txt crypto/teduh_crypto/credentials/words/*.txt) tools/web_build.py

.PHONY: run test check chaos bench screenshots lock clean
.DEFAULT_GOAL := test

# The pages are built with what `.venv` brings.
.NOTPARALLEL:

run: .venv/.run-ready $(PAGES)   ## the relay, its embedded Valkey and a demonstration organisation
	@$(BIN)/teduh demo

# Debian packages of what the tests start, where they may be installed; before `.venv`, which may need one of them.
.PHONY: programs
programs:
	@$(PYTHON) tools/bring_programs.py

test: programs .venv/.test-ready $(PAGES) ## all tests: of Python, of TypeScript, and of the pages in a real browser
	@$(BIN)/python tools/web_build.py tests
	@$(BIN)/python -m pytest -n $(WORKERS) --dist loadgroup

check: .venv/.test-ready     ## lint, types, import contracts
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/python tools/web_build.py checks

chaos: .venv/.test-ready $(PAGES) ## kill, freeze, cut off and restart everything under load; about a quarter of an hour
	@PYTHONPATH=tests $(BIN)/python tests/support/chaos/run.py
	@PYTHONPATH=tests:tools $(BIN)/python tests/support/chaos/clients.py

bench: .venv/.bench-ready $(PAGES) ## figures beside those of peers, as ratios of one run
	@$(BIN)/python benchmarks/run.py

screenshots: .venv/.test-ready $(PAGES) ## every state of both pages, into docs/screenshots
	@$(BIN)/python tools/screenshots.py

lock: .venv/.lock-ready      ## the hash-locked requirements, anew
	@cd requirements && for set in run test bench lock; do ../$(BIN)/uv pip compile --quiet --universal \
	    --python-version 3.11 --generate-hashes --no-emit-index-url --no-header $$set.in -o $$set.txt; done

clean:
	rm -rf .venv build server/teduh_server/web client_sdk/web/dist client_sdk/web/node_modules

$(PAGES): $(PAGE_SOURCES)
	@$(BIN)/python tools/web_build.py

.venv/.%-ready: requirements/%.txt
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/$*.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation \
	    $(addprefix -e ,$(DISTRIBUTIONS))
	@touch $@
