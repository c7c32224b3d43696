# Two commands matter: `make run` (the landmark study) and `make test`. Each makes the environment first if it is missing.
PYTHON ?= python3.11
BIN := .venv/bin
READY := .venv/.ready

# `make bench`: an environment of its own, because the peers are many and some need compilers.
BENCH := .venv-bench/bin
BENCH_READY := .venv-bench/.ready
BENCH_LOCK := benchmarks/requirements.lock
PEERS := numba numbalsoda python-libsbml libroadrunner copasi-basico diffrax

.PHONY: run test test-fast lint docs install clean bench bench-search

run: install
	$(BIN)/ketasim run landmark --out out/landmark

test: install
	$(BIN)/python -m pytest -n 2 --dist loadfile

test-fast: install
	$(BIN)/python -m pytest -n 2 --dist loadfile -m "not slow"

lint: install
	$(BIN)/ruff check src tests benchmarks
	$(BIN)/ruff format --check src tests benchmarks
	$(BIN)/lint-imports
	$(BIN)/mypy

docs: install
	$(BIN)/mkdocs build --strict

bench: $(BENCH_READY)
	$(BENCH)/python -m benchmarks.ketpd

bench-search: $(BENCH_READY)
	$(BENCH)/python -m benchmarks.ketpd.search

install: $(READY)

$(READY): requirements.lock pyproject.toml
	command -v $(PYTHON) >/dev/null 2>&1 && $(PYTHON) -m venv .venv || python3 -m venv .venv
	$(BIN)/python -c "import sys; sys.exit('ketasim needs Python 3.11 or newer') if sys.version_info < (3, 11) else None"
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	$(BIN)/python -m compileall -q src/ketasim
	touch $(READY)

# A peer that cannot be installed here is left out; its row of the table says so.
$(BENCH_READY): $(BENCH_LOCK) pyproject.toml
	command -v $(PYTHON) >/dev/null 2>&1 && $(PYTHON) -m venv .venv-bench || python3 -m venv .venv-bench
	$(BENCH)/python -m pip install --quiet --disable-pip-version-check -c $(BENCH_LOCK) matplotlib hatchling editables
	$(BENCH)/python -m pip install --quiet --disable-pip-version-check -c $(BENCH_LOCK) --no-build-isolation --editable .
	for peer in $(PEERS); do \
	  $(BENCH)/python -m pip install --quiet --disable-pip-version-check -c $(BENCH_LOCK) $$peer >.venv-bench/$$peer.log 2>&1 \
	    || echo "$$peer could not be installed: see .venv-bench/$$peer.log"; \
	done
	touch $(BENCH_READY)

clean:
	rm -rf .venv .venv-bench out site
