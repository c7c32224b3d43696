# Two commands matter: `make run` (the landmark study) and `make test`. Each makes the environment first if it is missing.
PYTHON ?= python3.11
BIN := .venv/bin
READY := .venv/.ready

.PHONY: run test test-fast lint docs install clean

run: install
	$(BIN)/ketasim run landmark --out out/landmark

test: install
	$(BIN)/python -m pytest -n 2 --dist loadfile

test-fast: install
	$(BIN)/python -m pytest -n 2 --dist loadfile -m "not slow"

lint: install
	$(BIN)/ruff check src tests
	$(BIN)/ruff format --check src tests
	$(BIN)/lint-imports
	$(BIN)/mypy

docs: install
	$(BIN)/mkdocs build --strict

install: $(READY)

$(READY): requirements.lock pyproject.toml
	command -v $(PYTHON) >/dev/null 2>&1 && $(PYTHON) -m venv .venv || python3 -m venv .venv
	$(BIN)/python -c "import sys; sys.exit('ketasim needs Python 3.11 or newer') if sys.version_info < (3, 11) else None"
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	touch $(READY)

clean:
	rm -rf .venv out site
