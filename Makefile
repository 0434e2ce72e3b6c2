# Everything a fresh machine needs is Python 3.11+ and make.
#   make demo    trained agents against classical methods on published instances and real prices
#   make test    the tests
PYTHON ?= python3
BIN := .venv/bin
INSTALLED := .venv/.installed

.PHONY: demo test test-all lint bench docs clean

demo: $(INSTALLED)
	@mkdir -p demo
	$(BIN)/drlapps compare scheduling/job-shop \
	    --instances ta01,ta11,ta21,ta31,ta41,ta51,ta61,ta71 \
	    --agents pretrained,pretrained@16 \
	    --baselines spt,mwkr,mor,fifo,fdd-mwkr,random-mor,cp-sat --time-limit 10 \
	    --save demo/comparison.json --html demo/report.html
	$(BIN)/drlapps backtest --html demo/backtest.html
	@echo "Open demo/report.html and demo/backtest.html in a browser."

test: $(INSTALLED)
	$(BIN)/python -m pytest -q -m "not slow"

test-all: $(INSTALLED)
	$(BIN)/python -m pytest -q

lint: $(INSTALLED)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: $(INSTALLED)
	$(BIN)/python -m benchmarks

docs: $(INSTALLED)
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[docs]'
	$(BIN)/python docs/generate.py
	$(BIN)/mkdocs build --strict --quiet

# The CPU build of torch is enough and a tenth of the size; an index that has it is asked first.
$(INSTALLED): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	    || { echo "drlapps needs Python 3.11 or newer; try make PYTHON=python3.12"; exit 2; }
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --upgrade "pip>=25.1"
	$(BIN)/python -m pip install --constraint constraints.txt "torch==2.13.0"
	$(BIN)/python -m pip install --constraint constraints.txt --group dev --editable .
	touch $@

clean:
	rm -rf .venv demo site
