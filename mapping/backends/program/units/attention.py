"""Operations of the attention unit."""

from golden import check
from golden.accelerator.params import AcceleratorParams
from golden.accelerator.units.attention import unit_params
from mapping.backends.program import attend
from mapping.backends.program.units import Tensors, answered
from mapping.ir import graph

OPERATIONS = {graph.Attend: attend.lower}


@answered
def accepts(p: AcceleratorParams, tensors: Tensors, o: graph.Attend) -> None:
    """Heads are whole vectors, no more of them than the unit's head_dim; scores of a row find room, and keys
    and values of a head."""
    own, (keys, channels) = unit_params(p), tensors[o.k].shape
    width = channels // o.heads
    check.in_range(f"head_dim modulo {p.lanes}", width % p.lanes, 0, 0, "heads begin with a vector")
    check.in_range("head_dim", width, 1, own.words(p.lanes) * p.lanes, "the unit's")
    check.in_range("keys", keys, 1, own.keys, "the unit's")
    attend.check_room(p, o, width // p.lanes, keys)


__all__ = ["OPERATIONS", "accepts"]
