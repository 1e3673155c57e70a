"""The scratchpad: banks of words, each with one read port and one write port, and the arbitration of the
ports.

Bank i holds the addresses from i * bank_words on; an address wraps at the number of words. When several units
request a bank's port in the same cycle, the first of `readers` (or of `writers`) is granted it and the others
stall. Requests to different banks do not disturb one another.
"""

from collections.abc import Iterable, Mapping

import numpy as np

from golden.accelerator import units
from golden.accelerator.params import AcceleratorParams

READ_LATENCY = 2  # cycles from an accepted address to its word, which stands for one


def readers(p: AcceleratorParams) -> dict[str, str]:
    """The unit behind each read port, in order of priority, the highest first."""
    return units.ports(p.present, "READERS")


def writers(p: AcceleratorParams) -> dict[str, str]:
    """The unit behind each write port, in order of priority, the highest first."""
    return units.ports(p.present, "WRITERS")


def banks(p: AcceleratorParams, addresses: np.ndarray) -> np.ndarray:
    """The bank of each address."""
    return np.asarray(addresses) % p.words // p.bank_words


def granted(p: AcceleratorParams, order: Iterable[str], wanted: Mapping[str, int]) -> set[str]:
    """The requests that are granted in a cycle.

    order   names of readers, or of writers
    wanted  address by name, of the ports that request one
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
