"""Damaged files of every reader: a result or one BadValue, within 20 seconds and 4 GiB.

A fault again, with its trace: python -m tests.fuzz READER =SEED
"""

import os

import numpy as np
import pytest

from tests.fuzz import campaign
from tests.fuzz.readers import READERS

pytestmark = pytest.mark.broad

CASES = int(os.environ.get("FUZZ_CASES", "100000"))  # of a reader, in the long campaign
FIRST = 1_000_000  # seed of the long campaign's first case


@pytest.mark.parametrize("name", READERS)
def test_damaged_files_are_refused_or_used(name):
    found = campaign.run(READERS[name](), range(300))
    assert not found.faults, campaign.show(name, found)
    assert min(found.ends["refused"], found.ends["used"]) > 5, found.ends


@pytest.mark.slow
@pytest.mark.parametrize("name", READERS)
def test_many_damaged_files_are_refused_or_used(name):
    found = campaign.run(READERS[name](), range(FIRST, FIRST + CASES))
    assert not found.faults, campaign.show(name, found)


class Faulty:
    """A reader with every fault that a campaign must see."""

    def prepare(self):
        pass

    def damage(self, random, folder):
        return folder

    def use(self, random, folder):
        kind = int(random.integers(5))
        if kind == 0:
            raise KeyError("x")
        if kind == 1:
            os._exit(3)
        if kind == 2:
            return {"a": bytearray(2 * campaign.MEMORY)}
        if kind == 3:
            while True:
                pass
        return None


def test_a_campaign_sees_every_fault(monkeypatch):
    monkeypatch.setattr(campaign, "SECONDS", 1)
    kinds = [int(np.random.default_rng(seed).integers(5)) for seed in range(100)]
    found = campaign.run(Faulty(), [kinds.index(kind) for kind in (0, 1, 2, 3, 4)])
    kinds = {what.split(" ")[0] for _, what in found.faults}
    assert kinds == {"KeyError", "dies", "MemoryError", "takes"} and found.ends["used"], found
