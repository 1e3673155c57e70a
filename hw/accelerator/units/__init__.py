"""Units in hardware: the members that golden.accelerator.units lists, and the module of each unit."""

from importlib import import_module

from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Member, Out

from golden.accelerator.commands import BITS
from golden.accelerator.params import AcceleratorParams
from golden.accelerator.registers import CAUSE_BITS
from golden.accelerator.units import unit
from hw.accelerator import ports
from hw.emit import Definition

MEMORY = {"read": ports.memory_read, "write": ports.memory_write}


def work(name: str) -> dict[str, Member]:
    """The members of a unit that control is connected to.

    command  stream of commands
    done     pulse for each command, in order, once all that golden says of its end holds
    busy     a command, operands or results are inside
    fault    with fault_code (Cause) and fault_response (Status), for a unit that has CAUSES: pulse, once
             until a reset:
             its oldest command that is not done has failed
    """
    members = {"command": In(stream.Signature(BITS)), "done": Out(1), "busy": Out(1)}
    if unit(name).CAUSES:
        members |= {"fault": Out(1), "fault_code": Out(CAUSE_BITS), "fault_response": Out(2)}
    return members


def signature(p: AcceleratorParams, name: str) -> dict[str, Member]:
    """All of a unit's members."""
    its = unit(name)
    reads = {port: Out(ports.scratch_read(p)) for port in its.READERS}
    writes = {port: Out(ports.scratch_write(p)) for port in its.WRITERS}
    members = work(name) | {"scratch": Out(wiring.Signature(reads | writes))}
    if its.MEMORY:
        members["memory"] = Out(MEMORY[its.MEMORY](p))
    for stream_name, each in its.STREAMS.items():
        rows = stream.Signature(each.bits(p))
        members[stream_name] = Out(rows) if each.gives else In(rows)
    return members


def definition(p: AcceleratorParams, name: str) -> Definition:
    """The unit `name` of `p`."""
    return import_module(f"{__name__}.{name}").definition(p)
