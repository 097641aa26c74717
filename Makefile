# council-vitals: everything a person runs. Needs python3 ≥ 3.11 and make, nothing else.
.DEFAULT_GOAL := help
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
COUNCIL ?=
FOR_COUNCIL = $(addprefix --council ,$(COUNCIL))
export DAGSTER_DISABLE_TELEMETRY = yes
export DBT_SEND_ANONYMOUS_USAGE_STATS = false
export PYTHONWARNINGS ?= ignore

.PHONY: help quarter test ui bench lint format contracts schemas lock clean

help: ## Show this help
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo "  COUNCIL=name     which council (default: VITALS_COUNCIL, or the one that says so); PERIOD=2025-26-Q3 which quarter"

quarter: $(VENV)/runtime ## Extract, build, check and publish the last complete quarter
	@$(BIN)/vitals run $(PERIOD) $(FOR_COUNCIL)

test: $(VENV)/dev ## Run the whole test suite
	@$(BIN)/python -m pytest -n 2 --dist loadfile

ui: $(VENV)/runtime ## Dagster UI (port 3000) and the released page (port 8765), on loopback
	@$(BIN)/python -m orchestration.ui $(FOR_COUNCIL)

bench: $(VENV)/dev ## Measure a quarter and its parts, against bare DuckDB
	@$(BIN)/python -m benchmarks

lint: $(VENV)/dev ## Check style, types, the rooms' doors, SQL, and that Spark could read it
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/sqlfluff lint --processes 2 dbt_project/models dbt_project/tests
	@$(BIN)/python -m pytest --quiet tests/unit/test_dbt_sql_is_portable.py

format: $(VENV)/dev ## Put code into the agreed form
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .
	@$(BIN)/sqlfluff fix --processes 2 dbt_project/models

contracts: $(VENV)/runtime ## Write dbt's source description from the contracts
	@$(BIN)/python -m sources.contract > dbt_project/models/staging/_sources.yml

schemas: $(VENV)/runtime ## Keep the schemas that readers of feeds rely on; refuses to break one without a new version
	@$(BIN)/dbt -q parse --project-dir dbt_project --profiles-dir dbt_project --log-path dbt_project/target
	@$(BIN)/python -m exports.schemas dbt_project/target/manifest.json

lock: ## Pin every dependency with its hashes (needs uv)
	@uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-strip-extras \
	  --custom-compile-command "make lock" pyproject.toml -o requirements.lock
	@uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-strip-extras \
	  --custom-compile-command "make lock" --group dev pyproject.toml -o requirements-dev.lock

clean: ## Remove the environment and what tools leave behind; data stay
	@rm -rf $(VENV) .pytest_cache .ruff_cache .mypy_cache .import_linter_cache *.egg-info dbt_project/target

# A marker says which lock the environment was made from: a changed lock installs anew, an unchanged one costs nothing.
$(VENV)/runtime: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit("python3 3.11 or newer is needed, this is " + sys.version.split()[0] if sys.version_info < (3, 11) else 0)'
	@test -x $(BIN)/python || { echo "Making $(VENV) (once, about a minute)"; $(PYTHON) -m venv $(VENV); }
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/dev: $(VENV)/runtime requirements-dev.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	@touch $@
