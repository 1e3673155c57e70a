"""The scratchpad: banks of words, each with a port to read and a port to write, and who gets them.

Bank i holds the addresses from i * bank_words on; an address wraps at the number of words. Of those who want
a bank's port in the same cycle the first in READERS, or in WRITERS, has it; the others wait. Who wants
another bank is not disturbed.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from golden.accelerator.params import AcceleratorParams

READERS = ("top", "left", "a", "b", "p", "store", "index")
WRITERS = ("vector", "load")
READ_LATENCY = 2  # cycles from an accepted address to its word, which stands for one


def banks(p: AcceleratorParams, addresses: np.ndarray) -> np.ndarray:
    """Bank of each address."""
    return np.asarray(addresses) % p.words // p.bank_words


def granted(p: AcceleratorParams, order: Sequence[str], wanted: Mapping[str, int]) -> set[str]:
    """Who is accepted in a cycle.

    order   READERS or WRITERS
    wanted  address by name, of those who have one
    """
    taken: set[int] = set()
    names = set()
    for name in order:
        if name in wanted:
            bank = int(banks(p, np.array(wanted[name])))
            if bank not in taken:
                names.add(name)
            taken.add(bank)
    return names
