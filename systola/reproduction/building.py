"""A form of a part, mapped in every way and simulated; each from the store where it was done before."""

import hashlib
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from golden.division import ceil_div
from hw.emit import verilog
from hw.yosys import versions
from sim.cache import key
from sim.elaborated import sources as rtl_sources
from sim.tools import on_path
from synth import gate_netlist, store, yosys
from synth.activity import activity
from synth.asic import MappedNetlist, map_asic
from synth.compose import sources
from synth.folders import workplace
from synth.gate_simulator import GateSimulator
from synth.power import power
from synth.process import SynthesisError
from synth.sweep import AIMS
from synth.timing import critical_path
from systola.reproduction.blocks import Array, BlockPart, Conditions, Form, Stimulus
from systola.reproduction.operands import layer

WORDS = ("claims.py", "command.py", "tables.py")  # what decides no figure


@cache
def own_sources() -> str:
    """Hash of the files of this package that say what is built and what it is given."""
    files = sorted(path for path in Path(__file__).parent.glob("*.py") if path.name not in WORDS)
    return hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()


@cache
def tools() -> tuple[str, ...]:
    """Versions of what maps and times, and of how it is called."""
    sta = on_path("sta", "-version")
    return (yosys.version(), sta.version if sta else "", sources())


def text(form: Form) -> tuple[str, str]:
    """Name of the module and Verilog."""

    def make() -> list[str]:
        top = form.definition()
        return [top.name, verilog(top)]

    name, source = store.remembered(["elaborated", form.key, own_sources(), rtl_sources(), versions()], make)
    return str(name), str(source)


def built(part: BlockPart, form: Form, bench: Conditions) -> dict[str, Any]:
    """Every way, for least area and where none meets the clock for speed; the best one's area and power."""
    top, source = text(form)
    where = [source, list(part.flags), list(bench.files), bench.period_ns, *tools()]
    mapped_key = key("mapped", *where)
    power_key = key("burnt", *where, part.name, form.key, layer().source, own_sources())
    ways, burnt = store.get(mapped_key), store.get(power_key)
    if ways is None or burnt is None:
        with workplace(top[:40]) as folder:
            if ways is None:
                tried = swept(source, top, bench, folder, part.flags)
                ways = [way for way, _ in tried]
                store.keep(mapped_key, ways)
                mapped = next(netlist for way, netlist in tried if way is best(ways))
            else:
                mapped = mapped_way(best(ways), source, top, bench, folder / "best")
            burnt = burn(mapped, form.job(), bench.period_ns, folder / "power")
            store.keep(power_key, burnt)
    return {"form": form.label, "ways": ways, **best(ways), **burnt}


def best(ways: list[dict[str, Any]]) -> dict[str, Any]:
    """The smallest that meets the clock, else the fastest."""
    met = [way for way in ways if way["met"]]
    return min(met, key=lambda way: way["area_um2"]) if met else min(ways, key=lambda way: way["delay_ns"])


def mapped_way(way: dict[str, Any], source: str, top: str, bench: Conditions, folder: Path) -> MappedNetlist:
    """The netlist of one way."""
    return map_asic(
        source, top, bench.liberty, folder, flatten=True, period_ns=bench.period_ns, flags=way["flags"],
        aim=way["aim"],
    )  # fmt: skip


def swept(
    source: str, top: str, bench: Conditions, folder: Path, flags: Sequence[str]
) -> list[tuple[dict[str, Any], MappedNetlist]]:
    """Each way's area and clock, one after the other: `measure` has a thread for each tool that may run."""
    tried: list[tuple[dict[str, Any], MappedNetlist]] = []
    for aim in AIMS:
        for flag in flags:
            way = {"way": f"{flag or 'default'}, {aim}", "flags": flag, "aim": aim}
            place = folder / f"{aim}_{flag}"
            mapped = mapped_way(way, source, top, bench, place)
            timing = critical_path(mapped, bench.liberty, place, bench.period_ns)
            figures = {"area_um2": mapped.area_um2, "sequential_um2": mapped.sequential_um2,
                       "delay_ns": timing.delay_ns or 0.0, "met": timing.met}  # fmt: skip
            tried.append((way | figures, mapped))
        if any(way["met"] for way, _ in tried):
            break
    return tried


def burn(mapped: MappedNetlist, job: Stimulus, period_ns: float, folder: Path) -> dict[str, float]:
    """mW of the netlist at `job`; SynthesisError if it does not compute what golden does."""
    layout = gate_netlist.layout_of(mapped)
    ports = {name: driven(values, layout.width(name)) for name, values in job.ports.items()}
    cycles = len(next(iter(ports.values())))
    run = GateSimulator(layout).run(drive=ports, record=(job.output,), window=(0, job.counted), cycles=cycles)
    wanted = driven(job.expected, layout.width(job.output))
    wrong = np.argwhere((run.recorded[job.output][job.at] != wanted).any(-1))
    if len(wrong):
        index, lane = (int(i) for i in wrong[0])
        raise SynthesisError(
            f"{mapped.top}: not what golden has: {job.output} of run {lane} in cycle {job.at[index]}"
        )
    found = power(mapped, activity(layout, run), folder, period_ns)
    return {"power_mw": found.total, "inputs_mw": found.inputs, "clock_mw": found.clock}


def driven(values: Array, width: int) -> Array:
    """uint8 [cycles, runs, bytes] of integers, each modulo 2^width."""
    size = ceil_div(width, 8)
    if values.dtype != object:
        wide = np.ascontiguousarray(values.astype("<i8"))[..., None].view(np.uint8)
        if size <= 8:
            found = wide[..., :size].copy()
            if width % 8:
                found[..., -1] &= (1 << width % 8) - 1
            return found
        values = values.astype(object)
    mask = (1 << width) - 1
    joined = b"".join((int(value) & mask).to_bytes(size, "little") for value in values.ravel())
    return np.frombuffer(joined, np.uint8).reshape(*values.shape, size)
