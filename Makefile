# `make demo` and `make test` need only Python 3.11 or newer. Everything is installed into .venv.
PYTHON ?= python3
VENV   ?= .venv
PORT   ?= 10063
FAULT  ?=
BIN    := $(VENV)/bin
# The tests wait for processes much of the time: run more at once than most machines have cores.
WORKERS ?= 6
FAST_WORKERS ?= auto
# `-X dev` takes a fifth longer: it checks memory and, of asyncio, calls from wrong threads. `.ci/run` sets it. Unclosed
# resources, coroutines that are never awaited and all other warnings fail tests without it too.
PYTHON_OPTIONS ?=
# Tests start a hundred Pythons: keep what they compile, also where an image or a shell forbids it beside the sources.
test test-fast test-image soak: export PYTHONDONTWRITEBYTECODE =
test test-fast test-image soak: export PYTHONPYCACHEPREFIX = $(abspath $(VENV))/bytecode
# Prometheus, promtool and others collect garbage less often: it is a fifth of their time, and they run for seconds.
test test-image soak: export GOGC = 400
# Versions and hashes for every supported Python and processor, without addresses of an index.
COMPILE = $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
  --no-header --no-annotate --upgrade
# Grafana's packages name peers that exclude each other; no package needs its install script.
NPM := npm --legacy-peer-deps --ignore-scripts --no-audit --no-fund

.PHONY: help demo demo-prometheus test test-fast test-image test-drawing lock lint format soak bench docs dashboards pictures clean

help: ## Show this help
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-15s %s\n", $$1, $$2}' Makefile

demo: $(VENV)/.runtime ## Run the exporter on simulated data (PORT, FAULT=status-429:0.3)
	@$(BIN)/openrouter-exporter demo --web.listen-address 127.0.0.1:$(PORT) $(addprefix --fault ,$(FAULT))

demo-prometheus: $(VENV)/.runtime ## The demo with Prometheus, a month of history, rules and Alertmanager, without Docker
	@EXPORTER=$(BIN)/openrouter-exporter PORT=$(PORT) config/prometheus/demo

test: $(VENV)/.development ## Run all tests
	$(BIN)/python $(PYTHON_OPTIONS) -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder $(ARGS)

test-fast: $(VENV)/.development ## Run the tests that start no process and no server: the inner loop
	$(BIN)/python -m pytest -q -m 'not slow' -n $(FAST_WORKERS) --dist worksteal $(ARGS)

test-image: $(VENV)/.development ## Build and run the container image (as root, after .ci/install-image-tools)
	$(BIN)/python -X dev -m pytest $(ARGS) tests/image

test-drawing: $(VENV)/.drawing ## Draw dashboards and pages in a browser (after .ci/install-drawing-tools)
	node tests/drawing/build.mjs $(VENV)/drawing
	$(BIN)/python -m pytest $(ARGS) tests/drawing

lock: $(VENV)/.development ## Lock versions and hashes of the image's and the release's dependencies
	$(BIN)/python -c 'import tomllib; print(*tomllib.load(open("pyproject.toml", "rb"))["build-system"]["requires"], sep="\n")' \
	  | $(COMPILE) --output-file requirements/build.txt -
	$(COMPILE) --extra auth --output-file requirements/runtime.txt pyproject.toml
	$(COMPILE) --group release --constraint requirements/build.txt --output-file requirements/release.txt
	cd tests/drawing && $(NPM) install --package-lock-only --omit-lockfile-registry-resolved

lint: $(VENV)/.development ## Check style, types and YAML
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/yamllint --strict .
	$(BIN)/hadolint Dockerfile

format: $(VENV)/.development ## Format the code
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

soak: $(VENV)/.development ## Run the endurance test longer (SOAK_POLLS)
	SOAK_POLLS=$${SOAK_POLLS:-5000} $(BIN)/python -X dev -m pytest tests/endurance

# `make bench accounts large` measures only these.
ifeq (bench,$(firstword $(MAKECMDGOALS)))
BENCHMARKS := $(wordlist 2,99,$(MAKECMDGOALS))
.PHONY: $(BENCHMARKS)
$(BENCHMARKS): bench
	@:
endif

bench: $(VENV)/.development ## Measure what docs/performance.md reports
	$(BIN)/python -m benchmarks $(BENCHMARKS)

docs: $(VENV)/.development ## Regenerate generated docs and schemas
	$(BIN)/python -m exporter.commands.reference metrics > docs/metrics.md
	$(BIN)/python -m exporter.commands.reference schema > config/schema.json
	$(BIN)/python -m exporter.commands.reference collectors \
	  | sed -i -e '/^<!-- collectors -->$$/,/^<!-- end -->$$/{//!d}' -e '/^<!-- collectors -->$$/r /dev/stdin' docs/operating.md
	sed -i '/^## Every key$$/,$$d' docs/configuration.md
	(printf '## Every key\n\n'; $(BIN)/python -m exporter.commands.reference keys) >> docs/configuration.md
	$(BIN)/python -m helm.values_schema
	if command -v helm-docs >/dev/null; then helm-docs --sort-values-order file --chart-search-root helm; fi

dashboards: $(VENV)/.development ## Regenerate the Grafana dashboards
	$(BIN)/python -m config.grafana.build

pictures: $(VENV)/.drawing ## Draw the pictures of README and docs (needs Prometheus, and what test-drawing needs)
	node tests/drawing/build.mjs $(VENV)/drawing
	$(BIN)/python -m docs.pictures.draw
	$(BIN)/python -m docs.pictures.screenshots

clean: ## Remove the virtual environment and caches
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache .hypothesis

$(VENV)/.pip:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=python3.x")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade 'pip>=26.0'
	touch $@

$(VENV)/.runtime: $(VENV)/.pip pyproject.toml
	@echo 'Installing the exporter into $(VENV); this takes a minute the first time.'
	$(BIN)/python -m pip install --disable-pip-version-check --editable .
	touch $@

$(VENV)/.development: $(VENV)/.runtime
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --group test --group lint
	touch $@

# Only for `make test-drawing`: 600 MB.
$(VENV)/.drawing: $(VENV)/.development tests/drawing/package-lock.json
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --group drawing
	mkdir -p $(VENV)/drawing
	cp tests/drawing/package.json tests/drawing/package-lock.json $(VENV)/drawing
	cd $(VENV)/drawing && $(NPM) ci
	touch $@
