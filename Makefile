# Two commands do everything on a machine with Python >= 3.11: `make run` and `make test`.
PYTHON ?= python3
BIN := .venv/bin
DISTRIBUTIONS := crypto signaling server client_sdk/python

.PHONY: run test check bench lock clean
.DEFAULT_GOAL := test

run: .venv/.run-ready        ## the relay, its embedded Valkey and a demonstration organisation
	@$(BIN)/teduh demo

test: .venv/.test-ready      ## all tests
	@$(BIN)/python -m pytest -n auto --dist loadgroup

check: .venv/.test-ready     ## lint, types, import contracts
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

bench: .venv/.bench-ready    ## figures beside those of peers, as ratios of one run
	@$(BIN)/python benchmarks/run.py

lock: .venv/.lock-ready      ## the hash-locked requirements, anew
	@cd requirements && for set in run test bench lock; do ../$(BIN)/uv pip compile --quiet --universal \
	    --python-version 3.11 --generate-hashes --no-emit-index-url --no-header $$set.in -o $$set.txt; done

clean:
	rm -rf .venv build

.venv/.%-ready: requirements/%.txt
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/$*.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation \
	    $(addprefix -e ,$(DISTRIBUTIONS))
	@touch $@
