"""Figures in documents are those that the project computes; `python -m benchmarks.figures` writes them."""

import pytest

from benchmarks.figures import DOCUMENTS, FIGURES, ROOT, marks, written

HELD = [(name, figure) for name in DOCUMENTS for figure in marks((ROOT / name).read_text())]


@pytest.mark.parametrize("name, figure", HELD, ids=[f"{name}-{figure[0]}" for name, figure in HELD])
def test_a_figure_is_what_computes_it(name, figure):
    assert figure[0] in FIGURES, f"{name} marks {figure[0]}, which nothing computes"
    assert figure[1] == FIGURES[figure[0]](), f"{name}: {figure[0]}: python -m benchmarks.figures"


def test_every_figure_stands_somewhere():
    assert {figure for _, (figure, _) in HELD} == set(FIGURES)


def test_a_figure_is_written_where_it_stands():
    assert written("of <!--=sizes-->4<!--=--> lanes") == "of <!--=sizes-->4, 8, 16, 32, 64<!--=--> lanes"
    with pytest.raises(KeyError):
        written("<!--=no-such-->1<!--=-->")
