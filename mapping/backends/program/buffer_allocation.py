"""Buffer allocation: addresses of tensors in memory by lifetime, first fit, so that memory is reused."""

from collections.abc import Mapping
from dataclasses import replace

from mapping.backends.program.layout import Place

Life = tuple[int, int]  # first and last operation


def allocate(
    places: Mapping[str, Place], lives: Mapping[str, Life], start: int
) -> tuple[dict[str, Place], int]:
    """The places with addresses from byte `start` on, and the end of the memory that they take.

    lives  of each place, the numbers of the first and the last operation that need it; places whose lives
           overlap
           get disjoint memory
    """
    placed: dict[str, Place] = {}
    end = start
    for name in sorted(places, key=lambda name: (lives[name][0], -places[name].bytes)):
        busy = sorted(
            (other.address, other.address + other.bytes)
            for other_name, other in placed.items()
            if lives[other_name][0] <= lives[name][1] and lives[name][0] <= lives[other_name][1]
        )
        address = start
        for first, last in busy:
            if address + places[name].bytes <= first:
                break
            address = max(address, last)
        placed[name] = replace(places[name], address=address)
        end = max(end, address + places[name].bytes)
    return placed, end
