# `make demo` and `make test` need Python 3.11 or newer and nothing else: everything goes into .venv.
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin

.PHONY: help demo test lint format soak bench docs clean

help: ## Show this help
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' Makefile

demo: $(VENV)/.runtime ## Run the exporter on simulated data: http://127.0.0.1:10063/
	$(BIN)/openrouter-exporter demo --web.listen-address 127.0.0.1:10063

test: $(VENV)/.development ## Run all tests
	$(BIN)/python -X dev -m pytest $(ARGS)

lint: $(VENV)/.development ## Check style, types and YAML
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/yamllint --strict .

format: $(VENV)/.development ## Put the code into its form
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

soak: $(VENV)/.development ## Run the endurance test for a long time
	SOAK_POLLS=$${SOAK_POLLS:-5000} $(BIN)/python -X dev -m pytest tests/endurance

bench: $(VENV)/.development ## Measure the ratios of the README's table
	$(BIN)/python -m benchmarks

docs: $(VENV)/.development ## Generate what is generated: the metrics' reference, the configuration's schema
	$(BIN)/python -m exporter.reference > docs/metrics.md
	$(BIN)/python -m exporter.config.schema > config/schema.json
	sed -i '/^## Every key$$/,$$d' docs/configuration.md
	(printf '## Every key\n\n'; $(BIN)/python -m exporter.config.reference) >> docs/configuration.md

clean: ## Remove the virtual environment and caches
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache .hypothesis

$(VENV)/.pip:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=python3.x")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade 'pip>=25.1'
	touch $@

$(VENV)/.runtime: $(VENV)/.pip pyproject.toml
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable .
	touch $@

$(VENV)/.development: $(VENV)/.runtime
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --group test --group lint
	touch $@
