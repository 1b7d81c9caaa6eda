# Two commands do everything on a machine with Python 3.11+, make and a package index: `make train`, `make test`.
VENV ?= .venv
PYTHON ?= $(firstword $(shell command -v python3.11 python3.12 python3.13 python3 2>/dev/null))
CONFIG ?= configs/mobilenet.py
RUN := $(VENV)/bin/python

.PHONY: train test slow lint format clean
train: $(VENV)/.installed
	$(RUN) scripts/train.py --config=$(CONFIG) $(ARGS)

test: $(VENV)/.installed-dev
	$(RUN) -m pytest $(ARGS)

slow: $(VENV)/.installed-dev
	$(RUN) -m pytest --slow $(ARGS)

lint: $(VENV)/.installed-dev
	$(RUN) -m ruff check .
	$(RUN) -m ruff format --check .
	$(RUN) -m pyright

format: $(VENV)/.installed-dev
	$(RUN) -m ruff check --fix .
	$(RUN) -m ruff format .

$(VENV)/bin/python:
	@test -n "$(PYTHON)" || { echo "error: no python3 found: install Python 3.11 or newer" >&2; exit 2; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "error: $(PYTHON) is older than Python 3.11: give make PYTHON=/path/to/python3.11" >&2; exit 2; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: pyproject.toml constraints.txt | $(VENV)/bin/python
	$(RUN) -m pip install --quiet --constraint constraints.txt --editable .
	@touch $@

$(VENV)/.installed-dev: pyproject.toml constraints.txt | $(VENV)/bin/python
	$(RUN) -m pip install --quiet --constraint constraints.txt --editable '.[dev]'
	@touch $(VENV)/.installed $@

clean:
	rm -rf $(VENV) build *.egg-info
