"""Commands killed at a random moment: what they leave, and that the next one is as if nothing had been."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from sim.leftovers import MARK
from tests.helpers import within
from tests.synth import libraries

DESIGN = '[array]\nrows = 2\ncols = 2\ndataflow = "weight"\n'
PROGRAM = [sys.executable, "-X", "faulthandler", "-c", "from systola.start import main; main()"]
COMMANDS = {
    "generate": ["generate", "small.toml", "-o", "out"],
    "run": ["run", "two.csv", "--on", "small.toml", "--engine", "rtl", "--output", "y.npz"],
    "synth": ["synth", "small.toml", "--target", "asic", "--part", "pe", "--liberty", "nangate.lib",
              "--no-power", "-o", "asic.json"],
}  # fmt: skip
STATUS = {signal.SIGINT: 130, signal.SIGTERM: 143, signal.SIGKILL: -9}
KILLS = 30
PATIENCE = 10.0  # seconds that an end may take

pytestmark = [
    pytest.mark.slow,
    pytest.mark.usefixtures("interruptible"),
    pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="there is no /proc to look for processes in"),
]


class Place:
    """A folder with a design, a network, a library, and a cache and temporary files of its own."""

    def __init__(self, folder: Path, name: str):
        self.folder, self.name = folder, name
        for each in ("tmp", "cache"):
            (folder / each).mkdir(parents=True)
        (folder / "small.toml").write_text(DESIGN)
        (folder / "two.csv").write_text("Layer, M, N, K,\nfirst, 4, 4, 4,\n")
        libraries.nangate(folder)
        self.mark = f"SYSTOLA_KILLED={folder}"

    def start(self) -> "subprocess.Popen[str]":
        own = {"SYSTOLA_CACHE": str(self.folder / "cache"), "TMPDIR": str(self.folder / "tmp")}
        key, _, value = self.mark.partition("=")
        return subprocess.Popen(
            [*PROGRAM, *COMMANDS[self.name]], cwd=self.folder, env={**os.environ, **own, key: value},
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip

    def processes(self) -> list[str]:
        """Command lines of what runs with our variable in its environment."""
        found = []
        for process in Path("/proc").glob("[0-9]*"):
            try:
                if self.mark.encode() in (process / "environ").read_bytes():
                    found.append((process / "cmdline").read_bytes().decode(errors="replace"))
            except OSError:
                continue
        return found

    def left(self) -> list[str]:
        """Temporary files and folders, unfinished entries of the cache."""
        paths = [path.relative_to(self.folder) for path in self.folder.rglob("*")]
        unfinished = [path for path in paths if MARK.fullmatch(path.name) or ".part" in path.name]
        tops = [path for path in unfinished if not any(parent in unfinished for parent in path.parents)]
        return sorted(str(path) for path in [*tops, *(path for path in paths if path.parts[:1] == ("tmp",))
                                             ] if str(path) != "tmp")  # fmt: skip

    def result(self) -> dict[str, bytes]:
        """What the command wrote."""
        paths = [self.folder / "y.npz", self.folder / "asic.json", *(self.folder / "out").rglob("*")]
        return {
            str(path.relative_to(self.folder)): path.read_bytes() for path in paths if path.is_file()
        }


def ended(process, place):
    """What a process that should end says on stderr; where it stands if it does not."""
    try:
        return process.communicate(timeout=PATIENCE)[1]
    except subprocess.TimeoutExpired:
        running = place.processes()
        process.send_signal(signal.SIGABRT)  # faulthandler prints what each thread does
        pytest.fail(f"still running: {running}\n{process.communicate()[1]}")


def test_nothing_is_left_of_thirty_killed_commands(tmp_path):
    chance = random.Random(1)
    wanted, seconds, told = {}, {}, []
    for name in COMMANDS:
        place = Place(tmp_path / f"whole-{name}", name)
        began = time.monotonic()
        process = place.start()
        said = process.communicate()
        assert process.returncode == 0, said
        wanted[name], seconds[name] = place.result(), time.monotonic() - began
        assert wanted[name] and not place.left()
    for number in range(KILLS):
        name, how = chance.choice(list(COMMANDS)), chance.choice(list(STATUS))
        after = chance.uniform(0.1, seconds[name])
        place = Place(tmp_path / str(number), name)
        process = place.start()
        time.sleep(after)
        process.send_signal(how)
        began = time.monotonic()
        said = ended(process, place)
        took = time.monotonic() - began
        assert process.returncode in (STATUS[how], -how, 0), said
        assert "Traceback" not in said and "bug" not in said, said
        assert within(10, lambda place=place: not place.processes()), place.processes()
        left, written = place.left(), place.result()
        told.append(f"{name} {how.name} after {after:.1f} s: ended in {took:.1f} s, left {left or 'nothing'}")
        assert how == signal.SIGKILL or not left, told[-1]
        assert written in ({}, wanted[name]), f"{told[-1]}: half written"
        again = place.start()
        words = again.communicate()
        assert again.returncode == 0, words
        assert place.result() == wanted[name] and not place.left(), f"{told[-1]}: {place.left()} still there"
    print("\n".join(told))
