"""Verilog is made once for the same parameters and sources."""

import pytest

from sim import elaborated

pytestmark = pytest.mark.rtl


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("SYSTOLA_CACHE", str(tmp_path))


def test_the_same_is_made_once():
    made = []

    def make():
        made.append(1)
        return "module a; endmodule\n"

    texts = [elaborated.kept_verilog("a", (1, 2), make) for _ in range(3)]
    assert texts == ["module a; endmodule\n"] * 3 and len(made) == 1


def test_other_parameters_names_or_sources_are_made_anew(monkeypatch):
    texts = iter("abcd")
    found = [
        elaborated.kept_verilog("a", 1, lambda: next(texts)),
        elaborated.kept_verilog("a", 2, lambda: next(texts)),
        elaborated.kept_verilog("b", 1, lambda: next(texts)),
    ]
    monkeypatch.setattr(elaborated, "sources", lambda: "other")
    assert [*found, elaborated.kept_verilog("a", 1, lambda: next(texts))] == list("abcd")


def test_a_source_that_changes_is_noticed(tmp_path, monkeypatch):
    room = tmp_path / "room"
    room.mkdir()
    (room / "__init__.py").write_text("")

    class Room:
        __file__, __name__ = str(room / "__init__.py"), "room"

    monkeypatch.setattr(elaborated, "ROOMS", (Room,))
    before = elaborated.sources.__wrapped__()
    (room / "block.py").write_text("x = 1\n")
    assert elaborated.sources.__wrapped__() != before
