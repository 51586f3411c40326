# Two commands do everything: `make plan` runs the flagship study, `make test` all checks.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
PIP_FLAGS := --quiet --disable-pip-version-check --constraint constraints.txt

PEERS := aiconfigurator llm-analysis genz-llm

.PHONY: plan test bench peers load clients evidence lint docs setup setup-dev clean

plan: $(VENV)/.ready
	$(BIN)/stackwright plan examples/chat.yaml --out out/chat

test: $(VENV)/.ready-dev
	$(BIN)/ruff format --check src tests scripts benchmarks
	$(BIN)/ruff check src tests scripts benchmarks
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/pytest -n 2 --dist loadfile

# Peers that cannot be installed are reported as not measured.
bench: $(VENV)/.ready-dev
	-$(MAKE) --keep-going peers
	$(BIN)/python benchmarks/bench.py --out out/bench.json

peers: $(PEERS:%=out/peers/%/.ready)

out/peers/%/.ready: benchmarks/peers/%.txt
	mkdir -p $(@D)
	$(PYTHON) -m venv $(@D)
	$(@D)/bin/pip install --quiet --disable-pip-version-check --retries 1 --requirement $< > $(@D).log 2>&1
	touch $@

# What clients measure of the plan that `make plan` wrote, into the page that tells it.
load: $(VENV)/.ready-dev
	$(BIN)/python scripts/load_test.py --page docs/ideas/calling-a-plan.md

clients: $(VENV)/.ready-dev
	$(BIN)/python scripts/measure_clients.py --page docs/ideas/calling-a-plan.md

# The pages in docs/evidence, from the folders of measurements in DATA.
evidence: $(VENV)/.ready-dev
	$(if $(DATA),,$(error DATA is the folder that holds the folders measured and validation))
	$(BIN)/stackwright validate $(DATA)/measured --page docs/evidence
	$(BIN)/stackwright validate $(DATA)/validation --page docs/evidence

setup: $(VENV)/.ready

setup-dev: $(VENV)/.ready-dev

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.ready: pyproject.toml constraints.txt | $(VENV)/bin/python
	$(BIN)/pip install $(PIP_FLAGS) --editable '.[serve]'
	touch $@

$(VENV)/.ready-dev: pyproject.toml constraints.txt | $(VENV)/bin/python
	$(BIN)/pip install $(PIP_FLAGS) --editable '.[dev]'
	touch $@ $(VENV)/.ready

clean:
	rm -rf $(VENV) out
