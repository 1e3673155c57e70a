"""Ports: what is allowed, how large a word is, what the driver is told."""

import pytest

from golden.check import BadValue
from sim.ports import StreamPort, WatchPort, header, stride


@pytest.mark.parametrize(
    ("bits", "expected"),
    [(1, 1), (8, 1), (9, 2), (16, 2), (17, 4), (32, 4), (33, 8), (64, 8), (65, 12), (96, 12), (97, 16)],
)
def test_stride_is_that_of_verilators_types(bits, expected):
    assert stride(bits) == StreamPort("a", "in", bits).stride == WatchPort("a", bits).stride == expected


def test_inputs_come_before_outputs_in_their_own_order():
    streams = [StreamPort("o", "out", 4), StreamPort("b", "in", 2), StreamPort("a", "in", 3)]
    assert header(streams, [WatchPort("w", 1)]).splitlines() == [
        "#define INPUTS(X) X(b, 2) X(a, 3)",
        "#define OUTPUTS(X) X(o, 4)",
        "#define WATCHES(X) X(w, 1)",
    ]


@pytest.mark.parametrize("name", ["a__0", "1a", "a b", "A", "", "a_", "a;b"])
def test_names_that_verilator_would_change_are_refused(name):
    with pytest.raises(BadValue, match=r"port name is .*; allowed: small letters, digits and single"):
        StreamPort(name, "in", 8)


def test_a_port_of_no_width_is_refused():
    with pytest.raises(BadValue, match=r"port a.bits is 0; allowed: 1 to"):
        WatchPort("a", 0)


def test_an_unknown_direction_is_refused():
    with pytest.raises(BadValue, match=r"port a.direction is 'inout'; allowed: in, out"):
        StreamPort("a", "inout", 8)
