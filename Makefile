# Dozvon's commands. `make` alone lists them; the work is done by scripts/ and by .venv/bin/dozvon.

PYTHON := .venv/bin/python
# Where the machine has no Node.js, `make setup` put one there.
NPM := PATH="$(CURDIR)/.venv/bin:$$PATH" npm
# The unit part needs neither Asterisk nor a browser nor servers; pytest's markers say which tests do.
# The benches' own tests run in `make test` only.
UNIT := -m "not lab and not browser and not servers" tests/unit tests/services --ignore=tests/unit/test_benches.py

# Bytecode is kept even where the environment says that Python shall keep none (many containers do): the tests start
# hundreds of processes, and each would compile all modules and pages again.
WITH_BYTECODE := env -u PYTHONDONTWRITEBYTECODE
PYTEST := $(WITH_BYTECODE) $(PYTHON) -m pytest -q

# Most tests of `make test` wait for phones and processes: four side by side fit two cores (tests/conftest.py groups them).
SIDE_BY_SIDE := -n 4 --dist loadgroup --no-loadscope-reorder

# Both locks are resolved for every platform; what is pinned already stays.
COMPILE := pip compile --quiet --generate-hashes --no-emit-index-url --no-header --no-annotate --universal \
	--python-version 3.11 pyproject.toml

.DEFAULT_GOAL := help
.PHONY: help setup run check check-code check-unit dist test test-setup test-faults test-mutants lab lock clean distclean

help: ## list the commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: ## prepare .venv (with the dozvon command) and the widgets' packages
	@scripts/setup.sh

run: setup ## start the demonstration: sandbox CRM, simulated office, Dozvon
	@.venv/bin/dozvon demo

check: setup ## lint, types and unit tests (two minutes, nothing else needed)
	@$(MAKE) --no-print-directory -j2 --output-sync=target check-code check-unit

check-code: setup
	$(PYTHON) -m ruff check .
	$(PYTHON) -m ruff format --check .
	$(NPM) run check --prefix widgets --silent
	$(NPM) test --prefix widgets --silent
	$(PYTHON) -m mypy

check-unit: setup
	$(PYTEST) -n 2 --dist loadgroup $(UNIT)

test-setup: ## get Asterisk 22 and 16, Chromium, Redis, PostgreSQL, nginx for the tests
	@scripts/test-setup.sh

test: setup test-setup ## run all tests, skipping none
	$(WITH_BYTECODE) $(PYTHON) scripts/all_tests.py --forbid-skips $(SIDE_BY_SIDE)

test-mutants: setup ## change the core in small ways and see which change no test notices (ARGS="--sample 70 --seed 3")
	@$(PYTHON) scripts/mutants.py $(ARGS)

test-faults: setup ## 10,000 calls through 500 faults, an hour (ARGS="--calls 1000 --faults 50 --processes 3")
	@$(PYTHON) scripts/faults.py $(ARGS)

lab: setup ## start the lab office on a real Asterisk, for you to make it ring (ARGS="--asterisk 16")
	@scripts/lab-asterisk.sh 22
	@$(PYTHON) -m tests.lab $(ARGS)

dist: setup ## build what people install into dist/: a wheel, and a Debian package
	@$(PYTHON) -m scripts.dist

lock: setup ## work out requirements.lock and its part for running again from pyproject.toml
	@.venv/bin/uv $(COMPILE) --extra dev --extra node -o requirements.lock
	@.venv/bin/uv $(COMPILE) --extra mysql --constraint requirements.lock -o requirements-run.lock

clean: ## remove caches and build products
	@rm -rf build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis test-results
	@rm -rf .lab/ast*/srv/office-* # what test runs that were killed left behind
	@find . -name __pycache__ -type d -not -path './.venv/*' -not -path './.lab/*' -not -path '*/node_modules/*' \
		-prune -exec rm -rf {} +

distclean: clean ## remove also .venv, the widgets' packages and the lab
	@rm -rf .venv widgets/node_modules
	@rm -rf --one-file-system .lab
