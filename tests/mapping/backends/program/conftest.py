"""The accelerators that programs are compiled for."""

import pytest

from golden.accelerator.params import AcceleratorParams
from tests.mapping.backends.program.machines import MACHINES


@pytest.fixture(params=MACHINES, scope="session")
def p(request) -> AcceleratorParams:
    return MACHINES[request.param]
