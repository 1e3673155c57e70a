"""Depths of the FIFOs of attention's graphs: enough as derived, and one place less is too few."""

import pytest

from golden.attention import graphs
from golden.check import BadValue

ROWS = 20
LENGTHS = (1, 2, 8, 17, 64)
GRAPHS = {
    "naive": lambda n, long, **more: graphs.naive(n, long=long, **more),
    "maximum": lambda n, long, **more: graphs.with_maximum(n, long=(long, long), **more),
}


@pytest.mark.parametrize("n", LENGTHS)
@pytest.mark.parametrize("kind", GRAPHS)
def test_a_row_waits_in_as_many_places_as_derived(kind, n):
    depth = graphs.long_depth(n)
    assert depth == n + 2
    for more in (0, 5):
        assert graphs.run(GRAPHS[kind](n, depth + more), ROWS).cycles == graphs.cycles(kind, n, ROWS)


@pytest.mark.parametrize("n", LENGTHS[1:])
@pytest.mark.parametrize("kind", GRAPHS)
def test_each_place_less_costs_a_cycle_a_row(kind, n):
    for missing in (1, 2):
        took = graphs.run(GRAPHS[kind](n, graphs.long_depth(n) - missing), ROWS).cycles
        assert took == graphs.cycles(kind, n, ROWS, missing=missing)
        assert took == graphs.cycles(kind, n, ROWS) + missing * (ROWS - 1)


@pytest.mark.parametrize("n", LENGTHS[1:])
@pytest.mark.parametrize("kind", GRAPHS)
def test_a_row_that_has_no_place_stands_still(kind, n):
    assert graphs.run(GRAPHS[kind](n, n - 1), ROWS).cycles is None


@pytest.mark.parametrize("short_one", [0, 1])
def test_either_fifo_of_the_graph_with_a_maximum_stands_still_without_a_place_for_the_row(short_one):
    depths = [10, 10]
    depths[short_one] = 7
    assert graphs.run(graphs.with_maximum(8, long=tuple(depths)), ROWS).cycles is None


@pytest.mark.parametrize("latency", [1, 2, 3, 5, 9, 16])
@pytest.mark.parametrize("kind", GRAPHS)
def test_a_reduction_that_answers_later_needs_as_many_places_more(kind, latency):
    n = 24
    depth = graphs.long_depth(n, latency)
    took = [graphs.run(GRAPHS[kind](n, depth - less, latency=latency), ROWS).cycles for less in (-1, 0, 1)]
    assert took[0] == took[1] and took[2] == took[1] + ROWS - 1


@pytest.mark.parametrize("n", LENGTHS)
def test_two_places_are_enough_for_the_online_graph_at_any_length(n):
    took = graphs.run(graphs.online(n), ROWS)
    assert took.cycles == graphs.cycles("online", n, ROWS) == ROWS * n + 4
    assert max(took.peaks.values()) <= graphs.SHORT
    assert graphs.run(graphs.online(n, short=9), ROWS).cycles == took.cycles


def test_one_place_halves_the_online_graphs_throughput_and_never_stops_it():
    n = 16
    one, other = (graphs.run(graphs.online(n, short=1), rows).cycles for rows in (ROWS, ROWS + 1))
    assert other - one == 2 * n


@pytest.mark.parametrize("delay", range(1, 9))
def test_a_branch_that_takes_longer_asks_for_as_many_places_beside_it(delay):
    words = 200
    enough = graphs.short_depth(delay)
    took = [graphs.run(graphs.join(short=depth, delay=delay), words).cycles for depth in range(1, enough + 3)]
    assert took[enough - 1] == took[enough] == took[enough + 1] == words + 2 + delay
    assert sorted(took, reverse=True) == took and took[enough - 2] > took[enough - 1] + words // (delay + 3)


@pytest.mark.parametrize(("queries", "registers"), [(1, 1), (1, 4), (2, 4), (3, 4), (4, 4), (5, 4), (8, 4)])
def test_queries_in_turn_hide_the_adders_registers(queries, registers):
    """Scores of `queries` queries pass in max(queries, registers) cycles a key."""
    keys = 32
    n = queries * keys
    one, other = (graphs.run(graphs.online(n, loop=(queries, registers)), rows).cycles for rows in (2, 3))
    assert other - one == keys * max(queries, registers)


def test_memory_grows_with_the_row_except_online():
    grown = {kind: graphs.memory(kind, 4096) - graphs.memory(kind, 1) for kind in graphs.HOPS}
    assert grown == {"naive": 4095, "maximum": 2 * 4095, "online": 0}


@pytest.mark.parametrize("kind", graphs.HOPS)
def test_memory_is_that_of_the_graph_that_is_run(kind):
    n = 11
    depth = graphs.long_depth(n)
    graph = {"online": lambda: graphs.online(n)}.get(kind, lambda: GRAPHS[kind](n, depth))()
    assert sum(fifo.depth for fifo in graph.fifos.values()) == graphs.memory(kind, n)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda: graphs.naive(0, long=2), "scores of a row is 0"),
        (lambda: graphs.naive(4, long=0), "fifo long is 0"),
        (lambda: graphs.memory("other", 4), "graph is 'other'; allowed: naive, maximum, online"),
        (lambda: graphs.cycles("naive", 4, 2, missing=3), "missing places is 3; allowed: 0 to 2"),
        (lambda: graphs.cycles("online", 4, 2, missing=1), "missing places is 1; allowed: 0 to 0"),
    ],
)
def test_what_no_graph_has_is_refused(wrong, message):
    with pytest.raises(BadValue, match=message):
        wrong()
