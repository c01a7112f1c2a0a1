# Every target sets up what it needs by itself: a virtual environment in .venv with the pinned versions of envs/constraints.txt.
# Variables: PYTHON (interpreter, 3.11 or newer), CORES, CONFIG (overlay files), ARGS (more Snakemake options),
# WORKERS (processes that test), PIP_ARGS (more pip options, for example another package index), NAME (the run whose MLflow store `make ui` opens),
# HOST, PORT and TRACKING (where `make tracking-server` listens, and its folder).
.DEFAULT_GOAL := help
.PHONY: help install run report test lint bench ui tracking-server docs pin clean

PYTHON ?= python3
CORES ?= all
CONFIG ?=
ARGS ?=
WORKERS ?= 2
PIP_ARGS ?=
NAME ?= demo
HOST ?= 127.0.0.1
PORT ?= 5000
TRACKING ?= results/tracking_server
VENV := .venv
BIN := $(CURDIR)/$(VENV)/bin
STAMP := $(VENV)/.installed
SNAKEFILES := Snakefile workflow
export PATH := $(BIN):$(PATH)

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/make \1\t\2/p' Makefile | expand -t 22

$(STAMP): pyproject.toml envs/constraints.txt
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check $(PIP_ARGS) -c envs/constraints.txt -e '.[dev,slurm]'
	@touch $@

install: $(STAMP) ## set up .venv

run: $(STAMP) ## run the workflow: the demo, or CONFIG=workflow/config/real.yaml
	@snakemake --cores $(CORES) $(if $(CONFIG),--configfile $(CONFIG)) $(ARGS)

report: $(STAMP) ## write Snakemake's own report of a finished run: report.zip
	@snakemake --report report.zip $(if $(CONFIG),--configfile $(CONFIG)) $(ARGS)

test: lint ## run all checks and tests
	@pytest -m "not benchmark" -n $(WORKERS) --dist loadfile $(ARGS)

lint: $(STAMP) ## check format, style, types and workflow without running anything
	@ruff check .
	@ruff format --check .
	@snakefmt --check $(SNAKEFILES)
	@snakemake --lint
	@mypy

bench: $(STAMP) ## time the heavy parts against peers
	@pytest tests/benchmarks -m benchmark -s $(ARGS)

ui: $(STAMP) ## open the MLflow store of a run: NAME=demo
	@mlflow ui --backend-store-uri sqlite:///results/$(NAME)/mlflow/mlflow.db $(ARGS)

tracking-server: $(STAMP) ## run an MLflow server on PostgreSQL until Ctrl-C: HOST=0.0.0.0 PORT=5000 TRACKING=folder
	@spectraflow tracking serve --folder $(TRACKING) --host $(HOST) --port $(PORT) $(ARGS)

docs: $(STAMP) ## renew what is made from code and pins: schema, pages, rule graph, image and conda files
	@spectraflow config document
	@python docs/draw_rulegraph.py docs/images/rulegraph.svg

pin: $(STAMP) ## write the installed versions into envs/constraints.txt and the files made from it
	@{ head -1 envs/constraints.txt; pip freeze --exclude-editable | sed 's/+[a-z0-9]*$$//'; } > envs/constraints.new
	@mv envs/constraints.new envs/constraints.txt
	@spectraflow config document

clean: ## remove caches; results and .venv stay
	@rm -rf .pytest_cache .ruff_cache .mypy_cache .hypothesis build dist report.zip
	@find src tests -name __pycache__ -type d -prune -exec rm -rf {} +
