# Two commands do everything on a machine with Python 3.11+, make and a package index: `make train`, `make test`.
# `make wings` runs what `make test` leaves out because it is beside training and prediction (packaging, several
# processes); `make slow` runs every test; `make coverage` shows which lines of the package `make test` runs in its own
# processes.
VENV ?= .venv
PYTHON ?= $(shell for p in python3.11 python3.12 python3.13 python3; do \
  "$$p" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { command -v "$$p"; break; }; done)
CONFIG ?= configs/mobilenet.py
RUN := $(VENV)/bin/python
# The file of versions for the Python of the environment, which the shell asks when that is there.
CONSTRAINTS = constraints$$($(RUN) -c 'import sys; print("" if sys.version_info < (3, 12) else "-3.12")').txt

.PHONY: train test wings slow coverage lint format clean
train: $(VENV)/.installed
	$(RUN) scripts/train.py --config=$(CONFIG) $(ARGS)

test: $(VENV)/.installed-dev
	$(RUN) -m pytest -n 2 --dist worksteal --durations=10 $(ARGS)

wings: $(VENV)/.installed-dev
	$(RUN) -m pytest -n 2 --dist worksteal --wings -m wings $(ARGS)

slow: $(VENV)/.installed-dev
	$(RUN) -m pytest -n 2 --dist worksteal --slow $(ARGS)

coverage: $(VENV)/.installed-dev
	$(RUN) -m pytest -n 2 --dist worksteal --cov=flowers_jax $(ARGS)

lint: $(VENV)/.installed-dev
	$(RUN) -m ruff check .
	$(RUN) -m ruff format --check .
	$(RUN) -m pyright

format: $(VENV)/.installed-dev
	$(RUN) -m ruff check --fix .
	$(RUN) -m ruff format .

$(VENV)/.made:
	@test -n "$(PYTHON)" || \
	  { echo "error: no Python 3.11 or newer found: install one, or give make PYTHON=/path/to/python3.11" >&2; exit 2; }
	@$(RUN) -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv --clear $(VENV) || \
	  { echo "error: $(PYTHON) cannot make a virtual environment: install its venv package (python3-venv)" >&2; exit 2; }
	@touch $@

$(VENV)/.installed: pyproject.toml setup.py constraints.txt constraints-3.12.txt | $(VENV)/.made
	$(RUN) -m pip install --quiet --constraint "$(CONSTRAINTS)" --editable .
	@touch $@

$(VENV)/.installed-dev: pyproject.toml setup.py constraints.txt constraints-3.12.txt | $(VENV)/.made
	$(RUN) -m pip install --quiet --constraint "$(CONSTRAINTS)" --editable '.[dev,export]'
	@touch $(VENV)/.installed $@

clean:
	rm -rf $(VENV) build *.egg-info .coverage*
