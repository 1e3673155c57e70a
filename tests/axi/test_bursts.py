"""Commands into bursts: AXI4's rules, and the closed form of their number."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from golden.axi.bursts import AxiParams, BurstStatus, burst_count, bursts, status
from golden.check import BadValue

P = AxiParams(address_bits=20, data_bits=64, bytes_bits=16, longest_burst=16)
WORDS = st.integers(0, (1 << 17) - 1).map(lambda word: word * 8)
COUNTS = st.integers(0, (1 << 16) - 1)


@given(WORDS, COUNTS)
def test_bursts_cover_the_words_in_order(address, count):
    end = address
    for start, beats in bursts(P, address, count):
        assert start == end
        end += beats * 8
    assert end == address + (0 if P.refuses(address, count) else -(-count // 8) * 8)


@given(WORDS, COUNTS)
def test_no_burst_crosses_4_kib_or_is_too_long(address, count):
    for start, beats in bursts(P, address, count):
        assert 1 <= beats <= 16
        assert start // 4096 == (start + beats * 8 - 1) // 4096


@given(WORDS, COUNTS)
def test_their_number_in_closed_form(address, count):
    assert burst_count(P, address, count) == len(bursts(P, address, count))


def test_all_but_the_first_and_the_last_are_longest():
    assert bursts(P, 0xF8, 8 * 34) == [(0xF8, 1), (0x100, 16), (0x180, 16), (0x200, 1)]


@pytest.mark.parametrize("address, count", [(1, 8), (0xFFFF8, 9), (4, 0)])
def test_unaligned_or_beyond_the_last_address_is_refused(address, count):
    assert status(P, address, count, []) == BurstStatus.REFUSED
    assert bursts(P, address, count) == []
    assert burst_count(P, address, count) == 0


def test_the_last_address_is_allowed():
    assert bursts(P, 0xFFFF8, 8) == [(0xFFFF8, 1)]


def test_nothing_to_move_is_okay():
    assert status(P, 8, 0, []) == BurstStatus.OKAY
    assert bursts(P, 8, 0) == []


def test_the_first_error_is_the_status():
    assert status(P, 0, 32, [0, BurstStatus.DECERR, BurstStatus.SLVERR, 0]) == BurstStatus.DECERR


def test_an_exclusive_okay_is_no_error():
    assert status(P, 0, 16, [1, 0]) == BurstStatus.OKAY


@pytest.mark.parametrize(
    "wrong, told",
    [
        ({"data_bits": 48}, "data_bits is 48; allowed: 32, 64, 128, 256, 512"),
        ({"data_bits": 512, "longest_burst": 128}, "longest_burst is 128; allowed: 1, 2, 4, 8, 16, 32, 64"),
        ({"longest_burst": 3}, "longest_burst is 3"),
        ({"outstanding": 0}, "outstanding is 0; allowed: 1 to 256"),
        ({"address_bits": 12}, "address_bits is 12"),
        ({"bytes_bits": 33}, "bytes_bits is 33; allowed: 8 to 32"),
    ],
)
def test_wrong_parameters_are_named(wrong, told):
    with pytest.raises(BadValue, match=told):
        AxiParams(**wrong)


@pytest.mark.parametrize("address, count", [(-8, 8), (1 << 20, 8), (0, 1 << 16)])
def test_a_command_that_no_word_holds_is_refused(address, count):
    with pytest.raises(BadValue, match=r"address|bytes"):
        bursts(P, address, count)
