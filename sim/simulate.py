"""One simulation in a process of its own: `python -m sim.simulate JOB.json` builds a bench's model, runs it.

Of its own, since cocotb's runner takes its tools from the environment, prints, exits and cannot be stopped.
Exit status: 0 the simulation ended (results.xml says how), 3 the model did not build, else it broke off.
"""

import json
import sys
from pathlib import Path
from typing import Any

from cocotb_tools import config
from cocotb_tools.runner import Runner, get_runner

from sim.build import build_bench
from sim.cache import kept

BUILD_FAILED = 3
TIMESCALE = ("1ns", "1ps")


def build(runner: Runner, job: dict[str, Any], folder: Path) -> None:
    """The model of job["verilog"] in `folder`."""
    if job["simulator"] == "verilator":
        main = config.share_dir / "lib" / "verilator" / "verilator.cpp"
        build_bench(folder, job["verilog"], job["top"], job["options"], main, config.libs_dir)
        return
    source = folder / f"{job['top']}.v"
    source.write_text(job["verilog"])
    runner.build(
        sources=[source],
        hdl_toplevel=job["top"],
        build_dir=folder,
        timescale=TIMESCALE,
        waves=job["waves"],
    )


def model(runner: Runner, job: dict[str, Any]) -> Path:
    """Folder of the built model: of the cache if the job has a key, else in the one of the test."""
    if job["key"]:
        return kept("bench", job["key"], lambda folder: build(runner, job, folder))
    folder = Path(job["test_dir"]) / "model"
    folder.mkdir(exist_ok=True)
    build(runner, job, folder)
    return folder


def main() -> int:
    job = json.loads(Path(sys.argv[1]).read_text())
    runner = get_runner(job["simulator"])
    try:
        folder = model(runner, job)
    except RuntimeError as error:
        print(error)
        return BUILD_FAILED
    runner.test(
        test_module=job["bench"],
        hdl_toplevel=job["top"],
        hdl_toplevel_lang="verilog",
        build_dir=folder,
        test_dir=job["test_dir"],
        results_xml=job["results"],
        testcase=job["testcase"],
        seed=job["seed"],
        waves=job["waves"],
        timescale=TIMESCALE,
        extra_env=job["environment"],
        plusargs=job["plusargs"],
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
