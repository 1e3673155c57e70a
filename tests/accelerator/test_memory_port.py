"""What golden says of the memory port."""

import pytest

from golden.accelerator.memory_port import word_owners
from golden.accelerator.params import AcceleratorParams


@pytest.mark.parametrize("outstanding", [2, 32])
def test_more_commands_may_have_words_under_way_than_bursts(outstanding):
    assert word_owners(AcceleratorParams(outstanding=outstanding)) > outstanding
