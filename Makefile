# Hubbub's few words. `make` alone lists them.

# The first Python here that is new enough; looked for only when the virtual environment is made.
PYTHON ?= $(shell for each in python3 python3.13 python3.12 python3.11; do $$each -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$each && exit; done; echo python3)
VENV := .venv
BIN := $(VENV)/bin
PORT ?=
ROOMS ?=

# One stamp for each set of packages, named after what decides it: nothing is installed twice, and a changed pyproject.toml or
# Makefile installs again.
INPUTS := pyproject.toml setup.py Makefile
HASH := $(shell cat $(INPUTS) | cksum | cut -d' ' -f1)
READY := $(VENV)/.ready-$(HASH)
READY_DEV := $(VENV)/.ready-dev-$(HASH)
PIP := PYTHONWARNINGS=ignore $(BIN)/python -m pip --disable-pip-version-check --quiet

.DEFAULT_GOAL := help
.PHONY: help run setup test check bench docs clean

help: ## list these words
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1	\2/' | expand -t 16

run: $(READY) ## set up what is missing, and serve (PORT=9000, ROOMS=rooms.yaml)
	@exec $(BIN)/hubbub serve $(ROOMS) $(if $(PORT),--port $(PORT))

setup: $(READY_DEV) ## set up for development

test: $(READY_DEV) ## run the tests, after setting up what they need
	$(BIN)/python -m pytest --numprocesses=auto --maxprocesses=4 --dist=loadfile --no-loadscope-reorder

check: $(READY_DEV) ## look the code over: ruff, mypy --strict, the import rules
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/python -m pytest -q tests/test_import_rules.py

bench: $(READY_DEV) ## run the benchmarks whose figures docs and README quote, ten minutes each at most (see benchmarks/README.md)
	@limit=$$(command -v timeout >/dev/null && echo "timeout 600"); for each in vad audio asr tts turns agents webrtc_costs; do echo "== benchmarks/$$each.py"; \
	$$limit $(BIN)/python benchmarks/$$each.py || { echo "make: benchmarks/$$each.py failed, or took more than ten minutes" >&2; exit 1; }; done

docs: $(READY_DEV) ## build the docs site into site/, and hold the guides to the code: run their examples, compare what they list
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict --quiet
	$(BIN)/python -m pytest -q tests -m "not e2e" -k "docs or example or guide"

clean: ## remove what the other words made
	rm -rf $(VENV) .layout build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(BIN)/python:
	@command -v $(PYTHON) >/dev/null || { echo "make: there is no '$(PYTHON)': install Python 3.11 or newer (Debian: apt install python3 python3-venv), or say which with PYTHON=" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "make: $$($(PYTHON) --version) is too old: Hubbub needs Python 3.11 or newer. If you have one, say so: make PYTHON=python3.12 run" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { echo "make: $(PYTHON) cannot make virtual environments: install them (Debian: apt install python3-venv)" >&2; exit 1; }
	@echo "making a virtual environment in $(VENV)"
	@rm -rf $(VENV)
	@$(PYTHON) -m venv $(VENV)

$(READY): $(BIN)/python
	@echo "installing Hubbub and its offline engines (once; some minutes)"
	@$(PIP) install --upgrade pip 'setuptools>=77' wheel
	@$(PIP) install --no-warn-conflicts --no-build-isolation --editable '.[offline,webrtc,openai,dashscope]'
	@$(PIP) install --no-deps silero-vad 'openwakeword<0.5'  # only their ONNX files are used, and the dependencies are 5 GB
	@$(PIP) install --no-deps moonshine-voice==0.0.49 || echo "no Moonshine for this machine: pocketsphinx recognises"  # only its network
	@sh .ci/layout
	@rm -f $(VENV)/.ready-[0-9]*
	@touch $@

$(READY_DEV): $(READY)
	@echo "installing what development needs"
	@$(PIP) install --no-warn-conflicts --no-build-isolation --editable '.[offline,webrtc,openai,dashscope,dev]'
	@rm -f $(VENV)/.ready-dev-*
	@touch $@

.PHONY: bench-peers
bench-peers: $(READY_DEV) ## measure turns beside Pipecat and LiveKit Agents (BENCH_PEERS="--sessions 1")
	@PYTHON=$(BIN)/python sh benchmarks/peers/install.sh
	@$(BIN)/python benchmarks/peers/run.py $(BENCH_PEERS)
