"""Bench of hw.accelerator.memory_port: three clients, cocotbext-axi's AxiRam, and `clear` at any time."""

from functools import partial
from itertools import chain
from typing import Any

import cocotb
from cocotb.triggers import RisingEdge

from golden.accelerator.memory_port import word_owners
from golden.axi.bursts import BurstStatus
from golden.axi.read import cycles
from sim.benches import Faults, verilog_case
from sim.benches.accelerator import extremes
from sim.benches.accelerator.memory_port_bench import CLIENTS, PARTS, READERS, PortBench, make_params
from sim.benches.axi.parts import anywhere, at_the_edge


@cocotb.test
@cocotb.parametrize(pause=[0.0, 0.1, 0.5])
async def each_client_gets_its_own(dut: Any, pause: float) -> None:
    bench = PortBench(dut, dict.fromkeys(PARTS, pause))
    for client in CLIENTS:
        bench.send(client, anywhere(bench.random, bench.p, 60))
    await bench.start()
    await bench.settle()


@cocotb.test
async def every_length_at_every_edge(dut: Any) -> None:
    bench = PortBench(dut, {})
    for client in CLIENTS:
        bench.send(client, at_the_edge(bench.p)[:40])
    await bench.start()
    await bench.settle()


@cocotb.test
@cocotb.parametrize(paused=PARTS)
async def one_slow_side_changes_nothing(dut: Any, paused: str) -> None:
    bench = PortBench(dut, {paused: 0.8})
    for client in CLIENTS:
        bench.send(client, anywhere(bench.random, bench.p, 12))
    await bench.start()
    await bench.settle()


@cocotb.test
@cocotb.parametrize(pause=[0.0, 0.5])
async def an_error_sticks_to_its_command(dut: Any, pause: float) -> None:
    bench = PortBench(dut, dict.fromkeys(PARTS, pause), faults=0.2)
    for client in CLIENTS:
        bench.send(client, anywhere(bench.random, bench.p, 60))
    await bench.start()
    await bench.settle()
    for client in CLIENTS:
        found = set(bench.monitors[f"{client}_status"].words)
        assert found == set(BurstStatus), f"{client}: only {found} came"


@cocotb.test
@cocotb.parametrize(stuck=["fetch", "load"])
async def commands_whose_words_wait_are_limited(dut: Any, stuck: str) -> None:
    """One-word commands, whose statuses come while their words wait: more than any queue holds."""
    bench = PortBench(dut, {f"{stuck}_data": 1.0})
    size = bench.p.word_bytes
    count = bench.design.read_buffer + 3 * word_owners(bench.design)
    bench.send(stuck, [(i * size, size) for i in range(count)])
    await bench.start()
    limit = min(word_owners(bench.design), bench.design.read_buffer)
    await bench.check_still("ar", limit, 40 * limit + 200)
    bench.resume()
    await bench.settle()


@cocotb.test
@cocotb.parametrize(stuck=["r", "b"])
async def as_many_bursts_as_outstanding(dut: Any, stuck: str) -> None:
    bench = PortBench(dut, {stuck: 1.0})
    master, client = (bench.design.read, "load") if stuck == "r" else (bench.design.write, "store")
    bench.send(client, [(i * bench.p.word_bytes, 1) for i in range(master.outstanding + 2)])
    await bench.start()
    await bench.check_still("ar" if stuck == "r" else "aw", master.outstanding, 60 + 20 * master.outstanding)
    bench.resume()
    await bench.settle()


@cocotb.test
@cocotb.parametrize(clients=[("load",), ("fetch",), READERS], latency=[1, 20])
async def takes_golden_cycles(dut: Any, clients: tuple[str, ...], latency: int) -> None:
    bench = PortBench(dut, {}, fixed=latency)
    size = bench.p.word_bytes
    for client in clients:
        bench.send(client, [(i * 64 * size, bench.random.randint(1, 40 * size)) for i in range(12)])
    await bench.start()
    await bench.settle()
    taken = bench.taken(*clients)
    ends = chain.from_iterable(bench.monitors[f"{client}_data"].moved for client in clients)
    took = max(cycle for cycle, _ in ends) - taken[0][0] + 1
    golden = cycles(bench.design.read, [command for _, _, command in taken], latency)
    assert took == golden, f"took {took} cycles, golden {golden}"


@cocotb.test
@cocotb.parametrize(pause=[0.0, 0.5], stuck=[None, "store_data", "load_data", "w", "aw", "ar"])
async def clear_drops_all_and_harms_nothing(dut: Any, pause: float, stuck: str | None) -> None:
    bench = PortBench(dut, dict.fromkeys(PARTS, pause) | ({stuck: 0.95} if stuck else {}))
    await bench.start()
    voids = 0
    for _ in range(4):
        for client in CLIENTS:
            bench.send(client, anywhere(bench.random, bench.p, 12))
        await bench.cycles(bench.random.randint(5, 120))
        await bench.clear()
        voids += bench.voids
        bench.begin_again()
    assert voids or stuck in ("aw", "load_data") or not pause, "no burst had to be filled"
    for client in CLIENTS:
        for word in list(bench.sources[f"{client}_command"].words)[6:]:
            bench.sources[f"{client}_command"].words.remove(word)
    bench.begin_again()
    bench.resume()
    await bench.settle()


@cocotb.test
@cocotb.parametrize(stuck=["fetch", "load"])
async def clears_leave_all_places_free(dut: Any, stuck: str) -> None:
    """However many commands a clear dropped whose words had not come: as many have room again."""
    bench = PortBench(dut, {f"{stuck}_data": 1.0})
    await bench.start()
    size, owners = bench.p.word_bytes, word_owners(bench.design)
    dropped = 0
    while dropped < 2 * owners + 2:
        bench.send(stuck, [(i * size, size) for i in range(min(owners, 8))])
        await bench.cycles(14)
        dropped += len(bench.taken(stuck))
        await bench.clear()
        bench.sources[f"{stuck}_command"].words.clear()
        bench.begin_again()
    bench.send(stuck, [(i * size, size) for i in range(bench.design.read_buffer + 3 * owners)])
    await bench.check_still("ar", min(owners, bench.design.read_buffer), 40 * owners + 200)
    bench.resume()
    await bench.settle()


@cocotb.test
async def a_clear_at_rest_takes_one_cycle(dut: Any) -> None:
    bench = PortBench(dut, {})
    await bench.start()
    await bench.cycles(3)
    assert dut.quiet.value == 1
    dut.clear.value = 1
    await RisingEdge(dut.clk)
    dut.clear.value = 0
    for client in CLIENTS:
        bench.send(client, anywhere(bench.random, bench.p, 10))
    await bench.settle()


@cocotb.test
@cocotb.parametrize(pause=[0.0, 0.5])
async def reset_in_mid_flight_leaves_nothing_behind(dut: Any, pause: float) -> None:
    bench = PortBench(dut, dict.fromkeys(PARTS, pause))
    for client in CLIENTS:
        bench.send(client, anywhere(bench.random, bench.p, 40))
    await bench.start()
    await bench.cycles(bench.random.randint(30, 90))
    await bench.reset()
    bench.begin_again()
    bench.resume()
    await bench.settle()


case = partial(verilog_case, "accelerator/memory_port", make_params)
CASES = [
    case("l4", lanes=4, outstanding=4, buffer=32),
    case("l16", lanes=16, outstanding=32, buffer=256),
    case("l64", lanes=64, outstanding=2, buffer=16),
]
QUICK = {"icarus": ["l4"], "verilator": ["l4"]}
LONG = {"verilator": ["l16"], "icarus": ["l16"]}
EXTREME = extremes("accelerator/memory_port")
MUTANTS = [Faults("l4", 2), Faults("l16", 3, slow=True)]
