# Every target installs what it needs from the package registries; `make help` lists them.
PYTHON ?= python3
UV_VERSION := 0.13.8
UV := .uv/bin/uv
BIN := .venv/bin

# Compiled bytecode makes a service start three times as fast.
export UV_COMPILE_BYTECODE := 1
unexport PYTHONDONTWRITEBYTECODE
unexport VIRTUAL_ENV
# Temporary files stay inside the clone.
export TMPDIR := $(CURDIR)/.tmp

.DEFAULT_GOAL := help
.PHONY: help setup demo up down test check format generate bench proof cluster cluster-test cluster-check cluster-down clean

help: ## Show the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: .venv/.installed ## Install everything into .venv

.tmp:
	@mkdir -p .tmp

$(UV): | .tmp
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "Python 3.11 or newer is needed; set PYTHON=/path/to/python3")'
	@$(PYTHON) -c 'import sys; from importlib.util import find_spec as has; sys.exit(0 if has("ensurepip") or has("pip") else "this Python has neither ensurepip nor pip: install its venv or pip package (Debian: python3-venv), or set PYTHON")'
	@$(PYTHON) -m venv .uv 2>/dev/null && .uv/bin/python -m pip install --quiet uv==$(UV_VERSION) \
	  || { rm -rf .uv; $(PYTHON) -m pip install --quiet --target .uv uv==$(UV_VERSION); }

.venv/.installed: $(UV) uv.lock pyproject.toml $(wildcard */*/pyproject.toml) cli/pyproject.toml | .tmp
	@$(UV) sync --quiet --frozen --all-packages --all-groups --python "$$(command -v $(PYTHON))"
	@touch $@

demo: setup ## The main job on real data (KEEP=1 leaves it running)
	@$(BIN)/python -m fp_flights $(if $(KEEP),--keep)

up: setup ## Start the platform (data in .data)
	@$(BIN)/fp up --data .data

down: setup ## Stop the platform
	@$(BIN)/fp down --data .data

test: setup ## Every test at small size, on real stores
	@$(BIN)/python -m pytest -q --workers 4

check: setup ## Lint, types, contracts, generated code
	@$(BIN)/python tools/check.py

format: setup ## Format code and protos
	@$(BIN)/ruff format --quiet . && $(BIN)/ruff check --quiet --fix-only . && $(BIN)/buf format -w

generate: setup ## Rewrite what is generated: gen/, docs/permissions.md, docs/operations/growth.md and upgrade.md, deploy/topology.toml, subjects.toml, deploy/edge/, deploy/docker/bake.json, platform.json and stores.json of the charts
	@$(BIN)/python tools/generate_protos.py
	@$(BIN)/python tools/permissions.py
	@$(BIN)/python tools/topology.py
	@$(BIN)/python tools/subjects.py
	@$(BIN)/python tools/edge_config.py
	@$(BIN)/python tools/chart_facts.py
	@$(BIN)/python tools/store_facts.py
	@$(BIN)/python tools/image_builds.py
	@$(BIN)/python tools/growth.py
	@$(BIN)/python tools/upgrade.py

bench: setup ## One benchmark: make bench NAME=event_path
	@$(BIN)/python bench/$(NAME).py

proof: setup ## One proof: make proof NAME=growth, NAME=clock PART=auth; without a name the list of them
	@$(BIN)/python tools/proof.py $(NAME) $(PART)

cluster: setup ## A real Kubernetes of one node, built from source (root, Linux)
	@$(BIN)/python tests/cluster/cluster.py up

cluster-test: setup ## The chart on that node
	@$(BIN)/python -m pytest -q tests/cluster

cluster-check: setup ## The first level of them, when something changed that only a cluster can judge
	@$(BIN)/python tests/cluster/level_one.py

cluster-down: setup ## End it; nothing is left
	@$(BIN)/python tests/cluster/cluster.py down

clean: ## Remove what was installed and built, not the data
	@rm -rf .venv .uv .tmp .bench .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
