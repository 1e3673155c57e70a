"""From Verilog to a shared library that runs jobs: verilate, compile model and driver, link, keep.

The compiler is called directly, not by Verilator's makefile: one unit for the model (the parts of a large
one on all processors), one for the driver, and Verilator's own run-time objects, which are built once.
"""

import os
import re
import shutil
from collections.abc import Sequence
from functools import cache, partial
from pathlib import Path

from golden import check
from golden.division import ceil_div
from sim import ports, process, quote
from sim.cache import directory as cache_directory
from sim.cache import kept, key
from sim.declared import NATIVE
from sim.ports import StreamPort, WatchPort
from sim.tools import find_compiler, find_verilator, is_clang, verilator_include
from sim.verilate import APART, PIECES, SPEED, WARNINGS, verilate, verilate_to_run

DRIVER = "driver.cpp"
HEADERS, EXTEND = "headers.h", "extend.h"  # what a bench's model reads first; and a driven one's
LIBRARY = "model.so"
BENCH_LEVEL = "-O0"  # of a bench's model, which mostly waits for Python: -O1 takes twice as long to compile
LEVELS = ("-O0", "-O1", "-O2", "-O3")
OPT = "SYSTOLA_OPT"  # the environment's level of a driven model, else -O3: it may run for millions of cycles
COMMON = ["-std=gnu++17", "-DVERILATOR=1"]
# Hidden: two models in one process share no symbol, and calls within one go by no table.
SHARED = [*COMMON, "-fPIC", "-fvisibility=hidden", "-DVL_USER_FATAL"]
UNIT_BYTES = 1_000_000  # of C++ that one compiler takes: below it, reading the headers twice costs more


class BuildError(RuntimeError):
    """The compiler refused what Verilator or this package wrote; str() is what it said."""


def defines(trace: bool) -> list[str]:
    """The macros that Verilator's makefile would define."""
    on = {"TRACE", "TRACE_FST"} if trace else set()
    names = ("COVERAGE", "SC", "TIMING", "TRACE", "TRACE_FST", "TRACE_VCD", "TRACE_SAIF")
    return [f"-DVM_{name}={int(name in on)}" for name in names]


def run(command: list[str], folder: Path) -> None:
    """Run the compiler in `folder`; raises BuildError."""
    status, said = process.said(command, folder)
    if status:
        raise BuildError("\n".join([" ".join(map(quote.shell, command)), said.strip()]))


def compile_all(sources: Sequence[str | Path], flags: list[str], folder: Path) -> None:
    """An object for each source, on all processors."""
    compiler = find_compiler().path
    commands = [[compiler, *flags, "-c", str(source), "-o", f"{Path(source).stem}.o"] for source in sources]
    with process.pool(os.cpu_count()) as pool:
        list(pool.map(partial(run, folder=folder), commands))


def include_flags() -> list[str]:
    """Verilator's headers; before them ours for lz4 and zlib, if it brings its own FST writer."""
    include = verilator_include(find_verilator().path)
    shims = [f"-I{NATIVE}"] if (include / "fstcpp").is_dir() else []
    return [*shims, f"-I{include}", f"-I{include / 'vltstd'}"]


@cache
def tool_key() -> list[str]:
    """A key of the tools' properties that decide the object files."""
    verilator, compiler = find_verilator(), find_compiler()
    return [verilator.source, verilator.version, compiler.path, compiler.version, os.uname().machine]


def native(*names: str) -> list[str]:
    """The text of files in sim/native."""
    return [(NATIVE / name).read_text() for name in names]


def read_first(name: str, flags: Sequence[str]) -> list[str]:
    """Flags by which a file that is compiled with `flags` reads sim/native/`name` before all else.

    It is compiled once for all files of these flags, and kept. As text it is read where there are waves,
    which few models have, and by Clang, whose compiled headers work only where they were made.
    """
    return ["-include", str(_compiled_header(cache_directory(), name, tuple(flags)) / name)]


@cache
def _compiled_header(shelf: Path, name: str, flags: tuple[str, ...]) -> Path:
    """Folder of the header; once a process and cache (`shelf`), since to check so large a file takes time."""
    compiler, texts = find_compiler(), {each: (NATIVE / each).read_text() for each in (HEADERS, EXTEND)}

    def build(folder: Path) -> None:
        for each, text in texts.items():
            (folder / each).write_text(text)
        if "-DVM_TRACE=1" not in flags and not is_clang(compiler):
            run([compiler.path, *flags, "-x", "c++-header", name, "-o", f"{name}.gch"], folder)

    return kept("header", key(tool_key(), flags, texts, name), build)


def runtime_sources(classes: str) -> list[Path]:
    """Verilator's own files that a model needs, as its list of classes (Vdut_classes.mk) names them."""
    lists = re.findall(r"^VM_GLOBAL_(?:FAST|SLOW) \+= \\\n((?:\s+\S+ \\\n)*)", classes, re.MULTILINE)
    include = verilator_include(find_verilator().path)
    return [include / f"{name}.cpp" for name in re.findall(r"\w+", " ".join(lists))]


def runtime_objects(cpp: Path, flags: list[str]) -> list[str]:
    """Paths of the run-time's objects for the model in `cpp`, compiled with `flags`; from the cache."""
    (classes,) = cpp.glob("V*_classes.mk")
    sources = runtime_sources(classes.read_text())
    flags = ["-O1", *flags]  # none of it runs in a cycle
    name = key(tool_key(), flags, native("lz4.h", "zlib.h"), [source.name for source in sources])
    folder = kept("runtime", name, partial(compile_all, sources, [*flags, *include_flags()]))
    return [str(folder / f"{source.stem}.o") for source in sources]


def units(sources: list[Path]) -> list[list[Path]]:
    """The model's files in as many groups of like size as are worth a compiler each."""
    total = sum(source.stat().st_size for source in sources)
    count = max(1, min(os.cpu_count() or 1, ceil_div(total, UNIT_BYTES)))
    groups: list[list[Path]] = [[] for _ in range(count)]
    sizes = [0] * count
    for source in sorted(sources, key=lambda path: (-path.stat().st_size, path.name)):
        smallest = sizes.index(min(sizes))
        groups[smallest].append(source)
        sizes[smallest] += source.stat().st_size
    return groups


def write_units(cpp: Path, beside: Sequence[Path] = ()) -> list[str]:
    """One C++ file for each group, `beside` among them, which are brought there; their names in `cpp`."""
    for source in beside:
        shutil.copy(source, cpp / source.name)
    groups = units(sorted(cpp.glob("V*.cpp")))
    groups[0] += beside
    names = []
    for number, group in enumerate(groups):
        names.append(f"unit_{number}.cpp")
        (cpp / names[-1]).write_text("".join(f'#include "{source.name}"\n' for source in group))
    return names


def link(cpp: Path, names: Sequence[str], flags: list[str], options: Sequence[str]) -> None:
    """Link the objects of `names` and the run-time's; options: what it becomes, and what else it needs."""
    objects = [f"{Path(name).stem}.o" for name in names] + runtime_objects(cpp, flags)
    zlib = ["-lz"] if "-DVM_TRACE=1" in flags and f"-I{NATIVE}" not in include_flags() else []
    run([find_compiler().path, *objects, *options, *zlib, "-pthread"], cpp)


def build_library(
    folder: Path,
    verilog: str,
    top: str,
    port_header: str,
    driver: str,
    trace: bool,
    opt: str,
    options: list[str],
) -> None:
    """Fill `folder` with the design and its library."""
    (folder / "design.v").write_text(verilog)
    verilate_to_run(folder, top, options)
    cpp = folder / "cpp"
    (cpp / "ports.h").write_text(port_header)
    names = write_units(cpp, [NATIVE / driver])
    flags = [*SHARED, *defines(trace)]
    to_compile = [opt, *flags, *include_flags()]
    compile_all(names, [*read_first(EXTEND, to_compile), *to_compile, "-I."], cpp)
    link(cpp, names, flags, ["-shared", "-o", f"../{LIBRARY}"])
    shutil.rmtree(cpp)


def build_bench(
    folder: Path, verilog: str, top: str, options: Sequence[str], main: Path, libraries: Path
) -> None:
    """Fill `folder` with the program `top` for cocotb, as its own runner would, in half the time: no make.

    options    of Verilator
    main       cocotb's main program, in C++
    libraries  the folder of its shared libraries
    """
    (folder / "design.v").write_text(verilog)
    verilate(folder, top, options, prefix="Vtop")
    cpp = folder / "cpp"
    flags = [*COMMON, *defines("--trace-fst" in options)]
    names = write_units(cpp, [main])
    to_compile = [BENCH_LEVEL, *flags, *include_flags()]
    compile_all(names, [*read_first(HEADERS, to_compile), *to_compile, "-I."], cpp)
    found = ["-Xlinker", "-rpath", "-Xlinker", str(libraries), f"-L{libraries}", "-lcocotbvpi_verilator"]
    link(cpp, names, flags, ["-o", f"../{top}", *found])
    shutil.rmtree(cpp)


def build_model(
    verilog: str,
    top: str,
    streams: Sequence[StreamPort],
    *,
    watches: Sequence[WatchPort] = (),
    trace: bool = False,
    opt: str | None = None,
) -> Path:
    """The shared library of module `top`, from the cache if it is there; sim.driver.CompiledModel runs it.

    streams  the module's streams; it has clk and rst beside them, and nothing else must be driven
    watches  outputs that a run may record
    trace    with waves (FST): another library, slower
    opt      of the C++ compiler, one of LEVELS; None: $SYSTOLA_OPT, else -O3
    raises   VerilogError with Verilator's words, BuildError with the compiler's, ToolMissing
    """
    return build_with(DRIVER, verilog, top, ports.header(streams, watches), trace=trace, opt=opt)


def build_with(
    driver: str, verilog: str, top: str, header: str, *, trace: bool = False, opt: str | None = None
) -> Path:
    """The same with a driver of sim/native; header: what its ports.h says of the module."""
    opt = opt or os.environ.get(OPT) or LEVELS[-1]
    check.one_of("opt", opt, LEVELS)
    options = ["--trace-fst", "--timescale-override", "1ns/1ns"] if trace else []
    flags = [*WARNINGS, *SPEED, *PIECES, APART, *options, opt, *SHARED]
    build = partial(
        build_library, verilog=verilog, top=top, port_header=header, driver=driver, trace=trace, opt=opt,
        options=options,
    )  # fmt: skip
    sources = native(driver, HEADERS, EXTEND, "lz4.h", "zlib.h")
    return kept("model", key(tool_key(), flags, sources, verilog, top, header), build) / LIBRARY
