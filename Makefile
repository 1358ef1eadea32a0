# Every target does its own set-up: a .venv from the hashed lock file, made again when that changes.

PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11; do \
    $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
BIN := .venv/bin
# Files of tests that run at once: most of their time is waiting.
JOBS ?= 3
STAMP := .venv/installed
# Without it every process that a test starts compiles all of it again.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo test story check bench bench-quick bench-million chaos mutants scale scale-netns lock reference
.DEFAULT_GOAL := check

demo: $(STAMP)
	$(BIN)/connector demo

test: $(STAMP)
	$(BIN)/python -m pytest -q -n $(JOBS) --dist loadfile --ignore tests/story

# A day and a night with 5 000 products and 8 000 customers.
story: $(STAMP)
	$(BIN)/python -m pytest -q tests/story

check: $(STAMP)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/python -m pytest -q tests/gate/test_layers.py

bench: $(STAMP)
	$(BIN)/python -m benchmarks

bench-quick: $(STAMP)
	$(BIN)/python -m benchmarks.quick

# The backfill of MILLION (1000000) orders, killed once: takes as long as it takes.
bench-million: $(STAMP)
	$(BIN)/python -m benchmarks.million

# CHAOS_RUNS (10) runs from CHAOS_SEED (1) on; docs/chaos.md.
chaos: $(STAMP)
	@PYTHONPATH=tests $(BIN)/python -m chaos

# One worker process against four on a PostgreSQL of its own, deaths, a restart; docs/scaling.md.
scale: $(STAMP)
	@PYTHONPATH=tests $(BIN)/python -m scale

# Workers in network namespaces, one cut off for a minute; skipped with its reason without root.
scale-netns: $(STAMP)
	@PYTHONPATH=tests $(BIN)/python -m scale.netns

mutants: $(STAMP)
	@PYTHONPATH=tests $(BIN)/python -m mutants

reference: $(STAMP)
	$(BIN)/python -m connector.workbench.reference docs

lock: $(STAMP)
	$(BIN)/python -m pip install -q uv
	$(BIN)/uv pip compile -q --universal --generate-hashes --python-version 3.11 \
	    --extra dev --extra postgres pyproject.toml -o requirements.lock
	for peer in dlt singer; do $(BIN)/uv pip compile -q --universal --generate-hashes --python-version 3.11 \
	    benchmarks/peers/$$peer.in -o benchmarks/peers/$$peer.txt; done

$(STAMP): requirements.lock pyproject.toml
	@test -n "$(PYTHON)" || { echo "make: Python 3.11 or newer is needed: apt-get install python3 python3-venv, or make PYTHON=/path/to/python"; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { echo "make: Python's venv module is incomplete: apt-get install python3-venv"; exit 1; }
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install -q --require-hashes -r requirements.lock
	$(BIN)/python -m pip install -q --no-deps --no-build-isolation -e .
	@touch $(STAMP)
