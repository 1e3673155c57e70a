"""What the tests of every array PE ask."""

import pytest

from sim.pe_sweep import COUNT, sweep
from sim.tools import ToolMissing


@pytest.fixture(name="sweep")
def sweep_of_a_pe():
    """RTL is golden for every pair of operands, or over 10^6 random ones and all corners; gives what ran."""

    def run(params, count=None):
        try:
            done = sweep(params, count)
        except ToolMissing as missing:
            pytest.skip(str(missing))
        assert done.wrong is None, done.wrong
        assert count is not None or done.vectors >= COUNT
        print(f"{done.vectors} vectors, model {done.model_seconds:.2f} s, in all {done.seconds:.2f} s")
        return done

    return run
