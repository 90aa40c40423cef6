# The menu. `make` alone prints it; each target's text is what follows its ##.
#
# Settings:
#   PYTHON=...            a Python 3.11, where none is found by itself
#   ARGS="..."            passed on, e.g. make studio ARGS="--port 8600 --no-browser", make unit ARGS="-k ladder"
#   RUNG_ENGINE=cpu|cuda  build of vLLM, instead of going by the hardware
#   RUNG_TORCH_INDEX=URL  a further package index for torch. Where pip's own index has only torch's CUDA build, PyTorch's
#                         CPU index saves some 4 GB
#   RUNG_HOME=DIR         results and logs, instead of .rung

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help studio setup quantizers rivals tools test lint types unit format bench lock clean distclean
SHELL := /bin/bash

# By running it: a pyenv shim called python3.11 may be there and still find no Python 3.11.
ifndef PYTHON
PYTHON := $(shell for python in .venv/bin/python python3.11 /usr/bin/python3.11 /usr/local/bin/python3.11 python3 python \
	"$$HOME"/.pyenv/versions/3.11*/bin/python; do "$$python" -c \
	'import sys; fit = sys.version_info[:2] == (3, 11); fit and print(sys.executable); sys.exit(not fit)' \
	2>/dev/null && break; done)
endif

define bootstrap
@test -n "$(PYTHON)" || { echo "rung: no Python 3.11 found. Install it (on Debian: apt-get install python3.11 \
	python3.11-venv; elsewhere: pyenv install 3.11), or name one: make $@ PYTHON=/path/to/python3.11" >&2; exit 2; }
@$(PYTHON) -m app.bootstrap $(1)
endef

help: ## this list
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## (.*)/  make \1\t\2/' | expand -t 18
	@sed -nE '/^# Settings:/,/^$$/ s/^#   /    /p' Makefile | sed '1i\\n  settings'

studio: ## set up what is missing, then open the studio on 127.0.0.1:8501
	$(call bootstrap,studio $(ARGS))

setup: ## all that the studio needs, without opening it
	$(call bootstrap,setup)

quantizers: ## AutoAWQ and llm-compressor, each in an environment of its own (else made when first used)
	$(call bootstrap,quantizers)

rivals: ## aiperf, in an environment of its own: make bench holds Rung's client beside it
	$(call bootstrap,rivals)

tools: ## what the tests need: packages, test tools, Chromium
	$(call bootstrap,tests)

test: lint types unit ## everything that CI runs

lint: ## ruff: rules and format
	$(call bootstrap,tools)
	.venv/bin/python -m ruff check .
	.venv/bin/python -m ruff format --check .

types: ## mypy
	$(call bootstrap,tools)
	.venv/bin/python -m mypy

unit: tools ## pytest, browser and engine tests included
	.venv/bin/python -m pytest $(ARGS)

format: ## let ruff mend what it can
	$(call bootstrap,tools)
	.venv/bin/python -m ruff check --fix .
	.venv/bin/python -m ruff format .

bench: ## measure Rung itself: its client, its store, its statistics, and the starter ladder in figures
	$(call bootstrap,bench)
	.venv/bin/python -m benchmarks.client_rate
	.venv/bin/python -m benchmarks.client_truth
	.venv/bin/python -m benchmarks.client_rivals
	.venv/bin/python -m benchmarks.store_rate
	.venv/bin/python -m benchmarks.store_read
	.venv/bin/python -m benchmarks.studio_pages
	.venv/bin/python -m benchmarks.live_cost
	.venv/bin/python -m benchmarks.statistics_check
	.venv/bin/python -m benchmarks.report_speed
	.venv/bin/python -m benchmarks.starter_figures

# Resolves for Python 3.11 on Linux x86-64 whatever machine it runs on. Versions already locked stay unless
# requirements.txt or an .in file says otherwise; ARGS=--upgrade lets all move. uv reads packages' metadata where it can
# and fetches no whole CUDA wheels.
COMPILE = .venv/bin/python -m uv pip compile --quiet --no-config --no-annotate --custom-compile-command 'make lock' --python-version 3.11 \
	--python-platform x86_64-manylinux_2_28 $(ARGS)

lock: ## resolve requirements/*.lock again (ARGS=--upgrade: newer versions)
	$(call bootstrap,tools)
	$(COMPILE) requirements/cpu.in --override requirements/cpu.override -o requirements/cpu.lock
	$(COMPILE) requirements/cuda.in --override requirements/cuda.override -o requirements/cuda.lock
	$(COMPILE) requirements/awq.in --override requirements/quantizers.override -o requirements/awq.lock
	$(COMPILE) requirements/llmcompressor.in --override requirements/quantizers.override -o requirements/llmcompressor.lock
	$(COMPILE) requirements/aiperf.in -o requirements/aiperf.lock
	$(COMPILE) requirements/dev.in --constraint requirements/cpu.lock -o requirements/dev.lock
	grep == requirements/cpu.lock | grep -vxFf - requirements/dev.lock > requirements/dev.new
	mv requirements/dev.new requirements/dev.lock

clean: ## remove caches; the environment and the results stay
	rm -rf .ruff_cache .mypy_cache .pytest_cache .hypothesis
	find . -name __pycache__ -not -path './.venv/*' -prune -exec rm -rf {} +

distclean: clean ## remove the environment too; results in .rung stay
	rm -rf .venv .venv-awq .venv-llmcompressor .venv-aiperf .rung/setup
