"""What software gets of an accelerator: C that compiles and drives the RTL, pages and IP-XACT of the map."""

import ctypes
import shutil
import subprocess
from xml.etree import ElementTree

import pytest

from golden.accelerator.params import AcceleratorParams
from golden.accelerator.registers import NO_UNIT, Cause, counters, registers
from golden.systolic.params import MatrixUnitParams
from systola.control_files import files

P = AcceleratorParams(
    unit=MatrixUnitParams(rows=4, cols=4, accumulator_rows=64), banks=4, bank_words=64, functions=("gelu",)
)
DONE, RUNNING, STOPPED, IDLE, NO_DEVICE, TIMEOUT = 0, 1, 2, 3, -1, -2


@pytest.fixture(scope="module")
def made():
    return files(P, "small", 250.0)


@pytest.fixture(scope="module")
def library(made, tmp_path_factory):
    """The driver, compiled without a warning."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if not compiler:
        pytest.skip("a C compiler is missing")
    folder = tmp_path_factory.mktemp("driver")
    for name, text in made.items():
        if name.startswith("driver/"):
            (folder / name.removeprefix("driver/")).write_text(text)
    flags = ["-std=c11", "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-O2", "-shared", "-fPIC"]
    command = [compiler, *flags, "systola_accelerator.c", "-o", "driver.so"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return folder / "driver.so"


class Registers:
    """Registers that a test holds, behind the driver."""

    def __init__(self, library):
        from sim.benches.accelerator.c_driver import Driver

        self.at = {register.name: register.offset for register in registers(P)}
        self.words = dict.fromkeys(self.at.values(), 0)
        self.written = []
        self.busy = []
        self.driver = Driver(str(library), self.read, self.write)

    def read(self, offset):
        if offset == self.at["STATUS"] and self.busy:
            return self.busy.pop(0)
        return self.words[offset]

    def write(self, offset, value):
        self.written.append((offset, value))
        self.words[offset] = value


@pytest.fixture
def device(library):
    return Registers(library)


def test_the_same_arguments_give_the_same_files(made):
    assert files(P, "small", 250.0) == made


def test_the_pages_and_the_map_are_there(made):
    assert {"registers/systola.rdl", "registers/html/index.html"} <= set(made)
    root = ElementTree.fromstring(made["registers/systola.xml"].encode())
    space = root.tag.removesuffix("component")
    names = [each.findtext(f"{space}name") for each in root.iter(f"{space}register")]
    assert names == [register.name for register in registers(P)]


@pytest.mark.parametrize("kind", ["xdc", "sdc"])
def test_constraints_have_the_clock(made, kind):
    text = made[f"constraints/small.{kind}"]
    assert "create_clock -name clk -period 4.000 [get_ports clk]" in text


def test_an_accelerator_of_this_version_is_found(device):
    assert device.driver("probe") == NO_DEVICE
    for register in registers(P)[:2]:
        device.words[register.offset] = sum(field.reset << field.low for field in register.fields)
    assert device.driver("probe") == DONE and device.driver("word_bytes") == P.lanes
    device.words[device.at["DESIGN"]] += 1 << 24
    assert device.driver("probe") == NO_DEVICE


def test_a_start_writes_the_pulse_last(device):
    device.driver("start", 0x1234_5600, 77, 1)
    assert device.written == [
        (device.at["INTERRUPT_STATUS"], 3), (device.at["INTERRUPT_ENABLE"], 3),
        (device.at["PROGRAM"], 0x1234_5600), (device.at["COMMANDS"], 77), (device.at["CONTROL"], 1),
    ]  # fmt: skip


@pytest.mark.parametrize("status, result", [(0, IDLE), (1, RUNNING), (2, DONE), (4, STOPPED), (5, RUNNING)])
def test_status_is_read(device, status, result):
    device.words[device.at["STATUS"]] = status
    assert device.driver("state") == result


def test_waiting_ends(device):
    device.busy = [1, 1, 1, 2]
    assert device.driver("wait", 3) == TIMEOUT
    assert device.driver("wait", 3) == DONE
    assert device.driver("reset", 1) == IDLE and device.written == [(device.at["CONTROL"], 2)]


def test_counters_are_those_of_the_map(device):
    for index, (name, _) in enumerate(counters(P)):
        device.words[device.at[f"{name}_LO"]], device.words[device.at[f"{name}_HI"]] = index, index + 100
    found = [device.driver("read_counter", index) for index in range(len(counters(P)))]
    assert found == [index | index + 100 << 32 for index in range(len(counters(P)))]


def test_a_fault_is_told(device):
    device.words[device.at["CAUSE"]] = 4 | 3 << 8 | 2 << 16
    device.words[device.at["FAULT_COMMAND"]] = 99
    fault = device.driver("fault")
    assert (fault.cause, fault.unit, fault.response, fault.command) == (4, 3, 2, 99)
    texts = [device.driver.cause_text(cause) for cause in Cause]
    assert len(set(texts)) == len([*Cause]) and "unknown" not in " ".join(texts)
    assert device.driver.cause_text(len([*Cause])) == "unknown cause"
    units = [device.driver.unit_text(number) for number in (0, 3, NO_UNIT, NO_UNIT - 1, NO_UNIT + 1)]
    assert units == ["load", "store", "none", "unknown unit", "unknown unit"]


def test_registers_in_memory_are_reached(library):
    from sim.benches.accelerator.c_driver import DeviceStruct

    words = (ctypes.c_uint32 * 64)()
    device, driver = DeviceStruct(), ctypes.CDLL(str(library))
    driver.systola_map(ctypes.byref(device), words)
    driver.systola_set_watchdog(ctypes.byref(device), 1234)
    words[3] = 2
    assert words[8] == 1234 and driver.systola_state(ctypes.byref(device)) == DONE


@pytest.mark.rtl
def test_the_driver_drives_the_rtl(library):
    from hw.accelerator.accelerator import definition
    from hw.emit import verilog
    from sim.runner import run_bench

    top = definition(P)
    given = {"library": str(library), "lanes": P.lanes}
    # a few thousand cycles: a model of it would take longer to build than Icarus takes to run
    simulator = "icarus" if shutil.which("iverilog") else "verilator"
    result = run_bench(
        verilog(top), top.name, "sim.benches.accelerator.c_driver", parameters=given, simulator=simulator
    )
    assert result.passed, "\n".join(result.messages)
