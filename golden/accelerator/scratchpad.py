"""The scratchpad: banks of words, each with a port to read and a port to write, and who gets them.

Bank i holds the addresses from i * bank_words on; an address wraps at the number of words. Of those who want
a bank's port in the same cycle the first of `readers`, or of `writers`, has it; the others wait. Who
wants another bank is not disturbed.
"""

from collections.abc import Iterable, Mapping

import numpy as np

from golden.accelerator import units
from golden.accelerator.params import AcceleratorParams

READ_LATENCY = 2  # cycles from an accepted address to its word, which stands for one


def readers(p: AcceleratorParams) -> dict[str, str]:
    """The unit of each port that reads, the first to be served first."""
    return units.ports(p.present, "READERS")


def writers(p: AcceleratorParams) -> dict[str, str]:
    """Of each port that writes."""
    return units.ports(p.present, "WRITERS")


def banks(p: AcceleratorParams, addresses: np.ndarray) -> np.ndarray:
    """Bank of each address."""
    return np.asarray(addresses) % p.words // p.bank_words


def granted(p: AcceleratorParams, order: Iterable[str], wanted: Mapping[str, int]) -> set[str]:
    """Who is accepted in a cycle.

    order   names of readers, or of writers
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
