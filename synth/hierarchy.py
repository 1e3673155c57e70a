"""A design as the distinct parts it is built of: each part's own logic, alone, and what it places.

A part is a definition as it is placed (synth.borders), since synthesis of the whole uses what it knows there.
Its own logic is the definition with what it places cut out: what went into a child leaves as an output, what
came from it enters as an input. A leaf that stands once in a parent that repeats (a PE in its cell) is not
cut out but belongs to its parent: what repeats must be exact, and most of a small leaf is its border.
"""

import json
import re
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from threading import Lock
from typing import Any

from golden import check
from sim import process, quote
from synth.borders import Bit, Bits, BorderPort, Part, known, readers, renamed, same, unread, wrapper
from synth.borders import final as final_bit
from synth.folders import workplace
from synth.yosys import yosys

JOBS = 2  # tools at once
ROUNDS = 8  # of optimising own logic with what its children tell; two are enough where nothing feeds back
DEEP = 3  # times over: what is found of a product, the register behind it learns the next time
OWN, INSTANCE = "own", "m"  # names of the wrapper and of what it wraps
WHOLE = re.compile(r"^module ([A-Za-z_]\w*).*?^endmodule$", re.MULTILINE | re.DOTALL)
HEAD = re.compile(r"/\*.*?\*/\n*", re.DOTALL)
# constants and widths go into the logic; a register's enable and reset are the mapping's to choose
CLEAN = ["opt -nodffe -nosdff", "wreduce", "opt -nodffe -nosdff", "opt_clean"]


@dataclass(frozen=True, slots=True)
class Own:
    """The own logic of a part: Verilog of module `part.module`; (instance, part) of all that it places."""

    part: Part
    verilog: str
    children: tuple[tuple[str, Part], ...]


@dataclass(frozen=True, slots=True)
class Design:
    """Modules of a Verilog file: their ports, how often each places each other, their text."""

    ports: Mapping[str, tuple[BorderPort, ...]]
    places: Mapping[str, Mapping[str, int]]
    texts: Mapping[str, str]

    def belong(self) -> frozenset[str]:
        """Leaves with one place in one parent, which itself has several."""
        times: Counter[str] = Counter()
        for children in self.places.values():
            times.update(children)
        return frozenset(
            name
            for parent, children in self.places.items()
            for name in children
            if times[name] == 1 and times[parent] > 1 and not self.places[name]
        )


def read(verilog: str, top: str) -> Design:
    """The modules below `top`; raises BadValue where it is not there."""
    texts = {match[1]: match[0] for match in WHOLE.finditer(verilog)}
    check.one_of("top module", top, texts)
    with workplace("parts") as folder:
        (folder / "design.v").write_text(verilog)
        yosys(["read_verilog design.v", f"hierarchy -top {quote.yosys(top)}", "proc", "opt_clean",
               "write_json design.json"], folder)  # fmt: skip
        modules = json.loads((folder / "design.json").read_text())["modules"]
    places = {
        name: Counter(cell["type"] for cell in module["cells"].values() if cell["type"] in modules)
        for name, module in modules.items()
    }
    return Design(
        {name: ports_of(module) for name, module in modules.items()},
        places,
        {name: text for name, text in texts.items() if name in modules},
    )


def ports_of(module: Mapping[str, Any]) -> tuple[BorderPort, ...]:
    return tuple(
        BorderPort(name, port["direction"] == "input", len(port["bits"]))
        for name, port in module["ports"].items()
    )


@dataclass
class Explorer:
    """Cuts out parts of a design, each once, in any thread.

    update  told the name of each part that is begun
    found   part -> its own logic, and what its outputs tell
    """

    design: Design
    update: Callable[[str], None]
    found: dict[Part, tuple[Own, Bits]] = field(default_factory=dict)
    locks: dict[Part, Lock] = field(default_factory=dict)

    def own(self, part: Part) -> tuple[Own, Bits]:
        """Own logic of `part`, and what its outputs tell."""
        with self.locks.setdefault(part, Lock()):
            if part not in self.found:
                self.update(part.module)
                with workplace("part") as folder:
                    self.found[part] = self.cut_out(part, folder)
        return self.found[part]

    def tells(self, part: Part) -> Bits:
        """Facts about the outputs of `part`, the same whoever reads them, and so found more often."""
        return self.own(replace(part, opens=()))[1]

    def cut_out(self, part: Part, folder: Path) -> tuple[Own, Bits]:
        """Own logic of `part`: optimised, then again with what its children tell, until they tell no more."""
        places = set(self.design.places[part.module])
        inside = places & self.design.belong()
        cut = sorted(places - inside)
        texts = [self.design.texts[name] for name in (part.module, *sorted(inside), *cut)]
        (folder / "design.v").write_text("\n".join(texts))
        (folder / "own.v").write_text(wrapper(OWN, INSTANCE, part, self.design.ports[part.module]))
        boxes = [f"blackbox {quote.yosys(name)}" for name in cut]
        commands = ["read_verilog design.v", "read_verilog own.v", *boxes,
                    f"hierarchy -top {OWN}", "proc", "flatten"]  # fmt: skip
        for _ in range(ROUNDS):
            whole = optimised(commands, part.module, bool(cut), folder)
            children, alias = self.settle(whole["modules"][OWN], frozenset(cut))
            if not alias:
                break
            renamed(whole["modules"][OWN], alias, self.design.ports)
            (folder / "own.json").write_text(json.dumps(whole))
            commands = ["read_json own.json"]
        module = whole["modules"][OWN]
        bits = {name: port["bits"] for name, port in module["ports"].items()}
        tells = same(self.design.ports[part.module], bits, inputs=False)
        return Own(part, HEAD.sub("", (folder / "cut.v").read_text(), count=1), children), tells

    def settle(
        self, module: Mapping[str, Any], cut: frozenset[str]
    ) -> tuple[tuple[tuple[str, Part], ...], dict[Bit, Bit]]:
        """(instance, part) of what a netlist places; nets that are then found to be the same as others."""
        cells = {name: cell for name, cell in module["cells"].items() if cell["type"] in cut}
        read_nets = readers(module, self.design.ports)
        alias: dict[Bit, Bit] = {}
        parts: dict[str, Part] = {}
        changed = True
        while changed:
            changed = False
            for name, cell in cells.items():
                part = self.placed(cell, read_nets, alias)
                if parts.get(name) == part:
                    continue
                parts[name], changed = part, True
                for net, other in known(self.tells(part), cell["connections"]):
                    if net in read_nets and final_bit(other, alias) != net:
                        alias[net] = other
        return tuple((name.removeprefix(f"{INSTANCE}."), part) for name, part in parts.items()), alias

    def placed(self, cell: Mapping[str, Any], read_nets: set[Bit], alias: Mapping[Bit, Bit]) -> Part:
        """A cell as a part."""
        ports = self.design.ports[cell["type"]]
        connections = {port.name: cell["connections"].get(port.name) or [-1] * port.width for port in ports}
        inputs = {
            port.name: [final_bit(bit, alias) for bit in connections[port.name]]
            for port in ports
            if port.is_input
        }
        ties = same([port for port in ports if port.is_input], inputs, inputs=True)
        return Part(cell["type"], ties, unread(ports, connections, read_nets))


def optimised(commands: list[str], name: str, cut: bool, folder: Path) -> Any:
    """The netlist that `commands` leave, optimised, as JSON. Verilog without what it places: folder/cut.v."""
    word = quote.yosys(name)
    yosys([*commands, *CLEAN * DEEP, "write_json own.json",
           *([f"expose -evert {OWN}/c:{INSTANCE}.*"] if cut else []), "opt_clean -purge",
           f"rename {OWN} {word}", f"select {word}", "write_verilog -noattr -renameprefix n -selected cut.v"],
          folder)  # fmt: skip
    return json.loads((folder / "own.json").read_text())


def explore(verilog: str, top: str, update: Callable[[str], None] = lambda what: None) -> dict[Part, Own]:
    """All parts that stand in `top`, the top's first; Part(top) is the root.

    update  told the name of each part that is being cut out
    raises  BadValue where there is no module `top`, SynthesisError
    """
    explorer = Explorer(read(verilog, top), update)
    found: dict[Part, Own] = {}
    waiting = [Part(top)]
    with process.pool(JOBS) as pool:
        while waiting:
            for each, _ in pool.map(explorer.own, waiting):
                found[each.part] = each
            placed = {child: None for part in waiting for _, child in found[part].children}
            waiting = [part for part in placed if part not in found]
    return found


def counts(found: Mapping[Part, Own], root: Part) -> Counter[Part]:
    """How often each part stands in the whole."""
    total: Counter[Part] = Counter()

    def add(part: Part) -> None:
        total[part] += 1
        for _, child in found[part].children:
            add(child)

    add(root)
    return total


def flat(verilog: str, top: str) -> str:
    """Verilog of `top` in one module, as far optimised as its parts are: what a composition is compared with.

    One `wreduce`, which is all that Yosys' `synth` does, narrows the sums of the first rows only: what a
    round finds out of a register, the next takes into the adder behind it.
    """
    commands, before = ["read_verilog design.v", f"hierarchy -top {quote.yosys(top)}", "proc", "flatten"], ""
    with workplace("parts") as folder:
        (folder / "design.v").write_text(verilog)
        while True:
            yosys([*commands, *CLEAN * ROUNDS, "write_rtlil flat.il", "tee -o stat.txt stat -width",
                   "opt_clean -purge", "write_verilog -noattr -renameprefix n flat.v"], folder)  # fmt: skip
            after = (folder / "stat.txt").read_text()
            if after == before:
                return HEAD.sub("", (folder / "flat.v").read_text(), count=1)
            commands, before = ["read_rtlil flat.il"], after
