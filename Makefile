# Manor: `make up` makes everything, `make test` proves it. `make help` lists the rest.
SHELL := /bin/bash
.DEFAULT_GOAL := help
VENV := .venv
MANOR := $(VENV)/bin/manor
STAMP := $(VENV)/.installed
ARGS ?=
CONTEXT ?=
PYTHON ?= python3
export UV_LINK_MODE := copy

.PHONY: help up down test test-kills test-pulumi test-upgrade coverage check bench lock golden docs chart node-bundle release

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "%-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(STAMP): requirements.lock pyproject.toml
	@test -x $(VENV)/bin/python || $(PYTHON) -m venv $(VENV)
	@$(VENV)/bin/python -m pip install --quiet --require-hashes --requirement requirements-uv.lock
	@VIRTUAL_ENV=$(CURDIR)/$(VENV) $(VENV)/bin/uv pip sync --quiet --compile-bytecode --require-hashes requirements.lock requirements-uv.lock
	@VIRTUAL_ENV=$(CURDIR)/$(VENV) $(VENV)/bin/uv pip install --quiet --no-deps --no-build-isolation --editable .
	@$(VENV)/bin/python -m compileall -q src
	@touch $@

up: $(STAMP) ## node, platform, example teams and models; ARGS=… passes options, CONTEXT=name uses your cluster
	$(MANOR) up $(if $(CONTEXT),--context $(CONTEXT)) $(ARGS)

down: $(STAMP) ## remove the embedded node and everything on it
	$(MANOR) local down $(ARGS)

check: $(STAMP) ## format, lint, types, layers
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/ruff check .
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports --no-cache

test: $(STAMP) ## all tests; ARGS="-n 3 --no-loadscope-reorder" runs them in three processes
	$(VENV)/bin/pytest --durations=15 $(ARGS)

test-kills: $(STAMP) ## the operator killed a hundred times as it writes, at moments drawn by chance
	MANOR_TEST_KILLS=100 $(VENV)/bin/pytest --timeout=7200 tests/integration/test_operator_kills.py $(ARGS)

test-upgrade: $(STAMP) ## from the version before to this one and back: 100 teams, and a whole node under load
	MANOR_TEST_UPGRADE=1 $(VENV)/bin/pytest -s tests/integration/test_upgrade.py tests/e2e/test_upgrade.py $(ARGS)

test-pulumi: $(STAMP) ## the Pulumi programs, run by the `pulumi` on PATH with its state in a folder
	@command -v pulumi >/dev/null || { echo "error: no pulumi on PATH; see https://www.pulumi.com/docs/install/" >&2; exit 2; }
	$(VENV)/bin/pytest tests/unit/test_infra*.py tests/integration/test_infra*.py $(ARGS)

coverage: $(STAMP) ## branch coverage of the unit tests, for each package; `coverage report -m` then tells the lines
	$(VENV)/bin/pytest -q -m unit --cov --cov-report= $(ARGS)
	@for p in src/manor/*/; do printf '%-24s %3d %%\n' $$p $$($(VENV)/bin/coverage report --include="$$p*" --format=total); done
	@printf '%-24s %3d %%\n' all $$($(VENV)/bin/coverage report --format=total)

# day.py has gateway.py run inside its node.
bench: $(STAMP) ## every benchmark, each beside its limit or peer
	@for b in $(filter-out bench/gateway.py,$(wildcard bench/*.py)); do echo "== $$b"; $(VENV)/bin/python $$b || exit 1; done

golden: $(STAMP) ## write the golden files anew
	$(VENV)/bin/pytest -q -m unit --regen-golden tests/golden

docs: $(STAMP) ## write the generated pages anew
	$(VENV)/bin/python docs/generate.py

chart: $(STAMP) ## write the operator's Helm chart anew, into deploy/chart
	$(VENV)/bin/python -m release.chart

lock: ## resolve the dependencies anew into requirements.lock, and into that of the operator's image
	$(VENV)/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate --no-header --all-extras --group dev \
	    pyproject.toml -o requirements.lock
	$(VENV)/bin/uv pip compile --quiet --python-version 3.11 --python-platform x86_64-manylinux_2_28 --generate-hashes --no-annotate --no-header \
	    --constraint requirements.lock images/operator/requirements.in pyproject.toml -o images/operator/requirements.lock
	@echo "uv==$$($(VENV)/bin/uv --version | cut -d' ' -f2)" | $(VENV)/bin/uv pip compile --quiet --universal --generate-hashes --no-annotate --no-header - -o requirements-uv.lock

node-bundle: $(STAMP) ## pack the node's binaries, built from their pins, into dist/ for a release
	$(VENV)/bin/python -m manor.local.release dist

release: $(STAMP) ## from a clean tree: wheel, sdist, node bundle, bill of materials and their sums, into dist/
	$(VENV)/bin/python -m release
