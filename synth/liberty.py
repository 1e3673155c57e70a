"""The cells of a Liberty file: areas, functions, flip-flops, pins. No timing: OpenSTA reads that.

Reads what Synopsys' Liberty User Guide calls statements: `name : value ;`, `name (values) ;` and
`name (arguments) { statements }`; names and numbers with quotes or without, values over several lines,
files that are gzipped. Groups that nobody here needs (tables of delay and power) are skipped unread.
A library may come in several files, as ASAP7's do: their cells are put together.
"""

import gzip
import io
import re
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from golden import files
from golden.check import fail
from sim.tools import ToolMissing
from synth.boolean import table
from synth.folders import link
from synth.liberty_names import NAME, PIN, STATE, TITLE, fit, named
from synth.liberty_units import LibertyGroup, capacitance_unit, number, time_unit, voltage

GZIP = b"\x1f\x8b"
DEFAULT = Path("/usr/share/qflow/tech/osu018/osu018_stdcells.lib")  # where Debian's package puts it
READ = {
    "library",
    "cell",
    "pin",
    "ff",
    "latch",
    "ff_bank",
    "latch_bank",
    "statetable",
    "operating_conditions",
}
SPACE = re.compile(r"(?:\s|\\\n|\\\r\n|/\*.*?\*/|//[^\n]*|;)*", re.S)
HEAD = re.compile(r"([A-Za-z_][\w.\-]*)\s*(?:(:)\s*|\()", re.S)
VALUE = re.compile(r'("(?:[^"\\]|\\.)*"|[^;\n}]*)', re.S)
# what is left open goes to the end: a search that fails at each place would take the square of the length
INSIDE = re.compile(r'"(?:[^"\\]|\\.)*(?:"|\Z)|[()]', re.S)
BRACES = re.compile(r'"[^"]*(?:"|\Z)|/\*(?:.*?\*/|.*)|[{}]', re.S)
MOST_BYTES = 1 << 29
POWER = ("is_isolation_cell", "is_level_shifter", "always_on")  # cells between supplies
NAND2 = (1, 1, 1, 0)


@dataclass(frozen=True, slots=True)
class Pin:
    """direction: input, output, inout, internal. function: Boolean, of an output. capacitance: fF."""

    name: str
    direction: str
    function: str | None = None
    capacitance: float = 0.0
    clock: bool = False
    three_state: str | None = None


@dataclass(frozen=True, slots=True)
class Storage:
    """A flip-flop (`ff`: data is next_state, clock is clocked_on) or a latch (data_in, enable).

    variables  the names of the state and its inverse in the outputs' functions
    """

    kind: str
    variables: tuple[str, str]
    data: str
    clock: str
    clear: str | None = None
    preset: str | None = None


@dataclass(frozen=True, slots=True)
class LibraryCell:
    """area: um2. special: what else than logic or storage it is, which a mapper must leave alone."""

    name: str
    area: float
    pins: dict[str, Pin]
    storage: Storage | None = None
    dont_use: bool = False
    special: str | None = None

    @property
    def usable(self) -> bool:
        return not (self.dont_use or self.special)

    @property
    def sequential(self) -> bool:
        return self.storage is not None or self.special in ("clock gate", "state table")

    @property
    def inputs(self) -> list[str]:
        return [pin.name for pin in self.pins.values() if pin.direction == "input"]

    @property
    def outputs(self) -> list[str]:
        return [pin.name for pin in self.pins.values() if pin.direction == "output"]


@dataclass(frozen=True, slots=True)
class Liberty:
    """One library, from one file or several.

    time_ns, capacitance_ff  what one unit of the file is
    voltage                  nominal, V
    """

    name: str
    paths: tuple[Path, ...]
    cells: dict[str, LibraryCell]
    voltage: float
    time_ns: float
    capacitance_ff: float

    @classmethod
    def read(cls, paths: Path | Sequence[Path]) -> "Liberty":
        """The library of `paths`; raises BadValue naming the file."""
        several = (paths,) if isinstance(paths, Path) else tuple(paths)
        libraries = [library(path) for path in several]
        if not libraries:
            raise fail("liberty", "no file", "one Liberty file or more")
        first = libraries[0]
        path = several[0]
        time_ns, capacitance_ff = time_unit(path, first), capacitance_unit(path, first)
        cells: dict[str, LibraryCell] = {}
        for path, one in zip(several, libraries, strict=True):
            for group in one.of("cell"):
                cell_name = named(path, group, "cell", NAME)
                cells.setdefault(cell_name, cell(path, group, capacitance_unit(path, one)))
        if not cells:
            raise fail(f"{several[0]}: liberty", "a library without cells", "a library of standard cells")
        name = named(several[0], first, "library", TITLE)
        return cls(name, several, cells, voltage(several[0], first), time_ns, capacitance_ff)

    @property
    def nand2(self) -> LibraryCell:
        """The smallest two-input NAND: what a gate equivalent is; BadValue if there is none."""
        return self.smallest("a two-input NAND", NAND2)

    def smallest(self, what: str, wanted: tuple[int, ...]) -> LibraryCell:
        """The smallest usable cell whose one output has this truth table."""
        found = [one for one in self.cells.values() if one.usable and computes(one, wanted)]
        if not found:
            raise fail(f"{self.paths[0]}: liberty", f"{self.name}, without {what}", "a library with one")
        return min(found, key=lambda one: (one.area, one.name))

    @property
    def buffer(self) -> LibraryCell | None:
        """The smallest buffer, if there is one."""
        found = [one for one in self.cells.values() if one.usable and computes(one, (0, 1))]
        return min(found, key=lambda one: (one.area, one.name)) if found else None

    def tie(self, value: int) -> tuple[str, str] | None:
        """(cell, output) of the smallest cell that gives a constant, if there is one."""
        found = [
            (one.area, one.name, pin.name)
            for one in self.cells.values()
            if not one.inputs and not one.sequential and one.usable
            for pin in one.pins.values()
            if pin.direction == "output" and (pin.function or "").strip("() ") == str(value)
        ]
        return min(found)[1:] if found else None

    def unusable(self) -> list[str]:
        """The cells a mapper must leave alone: dont_use, and what is special."""
        return sorted(one.name for one in self.cells.values() if not one.usable)

    def plain(self, folder: Path) -> list[str]:
        """Names, in `folder`, of the files as tools read them: not gzipped, and called liberty_0.lib, ...

        What a user's path holds (blanks, quotes, letters of any alphabet) never comes into a script.
        """
        return [unpacked(path, folder / f"liberty_{i}.lib").name for i, path in enumerate(self.paths)]


def default_liberty() -> Path:
    """OSU's 0.18 um cells as Debian has them; ToolMissing otherwise."""
    if not DEFAULT.exists():
        raise ToolMissing("Liberty file is missing; needed: --liberty FILE, or Debian's qflow-tech-osu018")
    return DEFAULT


def check_files(paths: Sequence[Path]) -> None:
    """BadValue for one that cannot be read."""
    for path in paths:
        files.regular_file(path, "a Liberty file", MOST_BYTES)


def text_of(path: Path) -> str:
    """The text of the file, gzipped or not; BadValue if it cannot be read."""
    data = files.regular(path, "a Liberty file, gzipped or not", MOST_BYTES)
    if data[:2] == GZIP:
        try:
            data = gzip.GzipFile(fileobj=io.BytesIO(data)).read(MOST_BYTES + 1)
        except (OSError, EOFError, zlib.error) as error:
            what = f"not readable ({getattr(error, 'strerror', None) or error})"
            raise fail(f"{path}: liberty", what, "a Liberty file, gzipped or not") from None
        if len(data) > MOST_BYTES:
            what = f"more than {files.sized(MOST_BYTES)} unpacked"
            raise fail(f"{path}: liberty", what, f"at most {files.sized(MOST_BYTES)}")
    return data.decode("utf-8", "replace")


def unpacked(path: Path, place: Path) -> Path:
    """`place` as the file `path`, not gzipped."""
    with path.open("rb") as file:
        gzipped = file.read(2) == GZIP
    if gzipped:
        place.unlink(missing_ok=True)  # it may be a link to a user's file
        place.write_text(text_of(path))
    else:
        link(path, place)
    return place


def library(path: Path) -> LibertyGroup:
    """The `library` group of a file."""
    text = text_of(path)
    at = skip(text, 0)
    head = HEAD.match(text, at)
    if not head or head[1] != "library":
        raise fail(f"{path}: liberty", "a file that does not begin with library (...)", "a Liberty file")
    try:
        group, _ = statement(path, text, at)
    except RecursionError:
        raise fail(f"{path}: liberty", "nested too deeply", "a Liberty file") from None
    if not isinstance(group, LibertyGroup):
        raise fail(f"{path}: library", "without statements", "library (name) { ... }")
    return group


def skip(text: str, at: int) -> int:
    match = SPACE.match(text, at)
    return match.end() if match else at


def statement(path: Path, text: str, at: int) -> tuple[LibertyGroup | tuple[str, str] | None, int]:
    """The statement at `at` and where it ends; a group that is not READ is None."""
    head = HEAD.match(text, at)
    if not head:
        line = text.count("\n", 0, at) + 1
        raise fail(
            f"{path}: line {line}", repr(text[at : at + 20]), "a Liberty statement or the end of a group"
        )
    if head[2]:
        value = VALUE.match(text, head.end())
        assert value
        return (head[1], unquoted(value[1])), value.end()
    close = closing(path, text, head.end())
    arguments = [unquoted(part) for part in text[head.end() : close].replace("\\\n", "").split(",")]
    at = skip(text, close + 1)
    if at >= len(text) or text[at] != "{":
        return (head[1], ",".join(arguments)), at
    if head[1] not in READ:
        return None, past(path, text, at)
    return body(path, text, LibertyGroup(head[1], arguments), at + 1)


def body(path: Path, text: str, group: LibertyGroup, at: int) -> tuple[LibertyGroup, int]:
    """Fill `group` with what stands up to its closing brace."""
    while True:
        at = skip(text, at)
        if at >= len(text):
            raise fail(
                f"{path}: {group.kind} ({', '.join(group.arguments)})", "not closed", "a closing brace"
            )
        if text[at] == "}":
            return group, at + 1
        found, at = statement(path, text, at)
        if isinstance(found, LibertyGroup):
            group.groups.append(found)
        elif found:
            group.values[found[0]] = found[1]


def closing(path: Path, text: str, at: int) -> int:
    """Where the parenthesis closes that was opened before `at`."""
    depth = 1
    for match in INSIDE.finditer(text, at):
        depth += {"(": 1, ")": -1}.get(match[0], 0)
        if depth == 0:
            return match.start()
    raise fail(f"{path}: line {text.count(chr(10), 0, at) + 1}", "a parenthesis left open", "a closed one")


def past(path: Path, text: str, at: int) -> int:
    """Where the group ends whose brace opens at `at`."""
    depth = 0
    for match in BRACES.finditer(text, at):
        depth += {"{": 1, "}": -1}.get(match[0], 0)
        if depth == 0:
            return match.end()
    raise fail(f"{path}: line {text.count(chr(10), 0, at) + 1}", "a brace left open", "a closed one")


def unquoted(value: str) -> str:
    return value.strip().strip('"').strip()


def cell(path: Path, group: LibertyGroup, capacitance_ff: float) -> LibraryCell:
    """The LibraryCell of one `cell` group."""
    name = group.arguments[0]
    pins = {}
    for one in group.of("pin"):
        for pin in one.arguments:
            fit(path, f"cell {name}: pin name", pin, PIN)
            where = f"cell {name}, pin {pin}: capacitance"
            capacitance = number(path, where, one.values.get("capacitance", "0")) * capacitance_ff
            pins[pin] = Pin(
                pin,
                one.values.get("direction", "input"),
                one.values.get("function"),
                capacitance,
                one.values.get("clock") == "true",
                one.values.get("three_state"),
            )
    area = number(path, f"cell {name}: area", group.values.get("area", "0"))
    dont_use = group.values.get("dont_use", "false") == "true"
    state = storage(group)
    for variable in state.variables if state else ():
        fit(path, f"cell {name}: name of its state", variable, STATE)
    return LibraryCell(name, area, pins, state, dont_use, special(group))


def storage(group: LibertyGroup) -> Storage | None:
    """The flip-flop or latch that a cell is."""
    for one in group.of("ff", "ff_bank"):
        values = one.values
        data, clock = values.get("next_state", "0"), values.get("clocked_on", "0")
        return Storage("ff", variables(one), data, clock, values.get("clear"), values.get("preset"))
    for one in group.of("latch", "latch_bank"):
        values = one.values
        data, clock = values.get("data_in", "0"), values.get("enable", "0")
        return Storage("latch", variables(one), data, clock, values.get("clear"), values.get("preset"))
    return None


def variables(group: LibertyGroup) -> tuple[str, str]:
    names = [*group.arguments, "IQ", "IQN"]
    return names[0], names[1]


def special(group: LibertyGroup) -> str | None:
    """The kind of a cell that is neither logic nor storage: None for most."""
    for attribute in POWER:
        if group.values.get(attribute) == "true":
            return attribute
    if "retention_cell" in group.values:
        return "retention"
    if "clock_gating_integrated_cell" in group.values:
        return "clock gate"
    if any(one.kind == "statetable" for one in group.groups):
        return "state table"
    scan = any(
        "nextstate_type" in pin.values and "scan" in pin.values["nextstate_type"] for pin in group.of("pin")
    )
    if scan or any(
        "signal_type" in pin.values and "test" in pin.values["signal_type"] for pin in group.of("pin")
    ):
        return "scan"
    return None


def computes(one: LibraryCell, wanted: tuple[int, ...]) -> bool:
    """Whether a cell has one output, of this truth table, and no state."""
    functions = [pin.function for pin in one.pins.values() if pin.direction == "output"]
    if (
        one.sequential
        or len(functions) != 1
        or functions[0] is None
        or len(one.inputs) != len(wanted).bit_length() - 1
    ):
        return False
    return not any(pin.three_state for pin in one.pins.values()) and table(functions[0])[1] == wanted
