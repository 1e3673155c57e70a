"""The report: one file, nothing from outside, every figure where it belongs."""

import json
import re
from html.parser import HTMLParser
from xml.etree import ElementTree

import jinja2
import pytest

from systola.report import numbers, render, svg, wavefront


class Page(HTMLParser):
    """Text by element, addresses, and whether all that opens closes."""

    VOID = ("meta", "input", "br")

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.addresses: list[str] = []
        self.scripts: dict[str, str] = {}
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        values = dict(attributes)
        self.addresses += [values[name] for name in ("src", "href") if name in values]
        if tag not in self.VOID:
            self.open.append(tag)
        self.id = values.get("id", "")

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_startendtag(self, tag, attributes):
        pass

    def handle_data(self, data):
        if self.open and self.open[-1] == "script":
            self.scripts[self.id] = data


def test_every_element_closes(sample):
    assert Page(render(sample)).open == []


def test_nothing_comes_from_outside(sample):
    text = render(sample)
    assert Page(text).addresses == [file["path"] for file in sample["files"]]
    assert not re.search(r"https?://(?!www\.w3\.org/2000/svg)", text)
    assert not re.search(r"@import|url\(", text)


def test_the_verdict_stands_at_the_head(sample):
    assert sample["verdict"].replace("'", "&#39;") in render(sample)


def test_a_failure_is_marked(sample):
    sample["ok"] = False
    assert 'class="verdict bad"' in render(sample)


def test_names_are_escaped(sample):
    sample["networks"][0]["program"]["operations"][0]["name"] = "<script>alert(1)</script>"
    assert "<script>alert" not in render(sample)


def test_a_dict_that_lacks_something_is_refused(sample):
    del sample["networks"][0]["answers"][0]["columns"]
    with pytest.raises(jinja2.UndefinedError, match="columns"):
        render(sample)


def test_a_report_without_a_film_has_no_player(sample):
    sample["wavefront"] = None
    assert 'id="play"' not in render(sample)


def test_the_film_reaches_the_script_whole(sample):
    film = json.loads(Page(render(sample)).scripts["wavefront-data"])
    states = sample["wavefront"]["states"]
    assert len(film["states"]) == len(states)
    assert film["states"][20] == "".join(str(state) for row in states[20] for state in row)


def test_a_label_cannot_end_the_script(sample):
    sample["wavefront"]["labels"][0][0][0] = "</script>"
    film = json.loads(Page(render(sample)).scripts["wavefront-data"])
    assert film["labels"][0][0] == "</script>"


def test_the_tally_counts_each_pe_once(sample):
    assert {sum(tally) for tally in wavefront.tally(sample["wavefront"])} == {64}


def test_a_picture_stands_alone(sample):
    text = svg.standalone(wavefront.film(sample["wavefront"], [6, 20]))
    assert ElementTree.fromstring(text).tag == "{http://www.w3.org/2000/svg}svg"
    assert "light-dark" not in text
    assert "prefers-color-scheme: dark" in text


@pytest.mark.parametrize(
    ("value", "words"),
    [(0, "0"), (7, "7.00"), (999, "999"), (1234567, "1.23 M"), (1e9, "1.00 G"), (0.05, "0.05")],
)
def test_short_numbers_have_three_digits(value, words):
    assert numbers.short(value) == words


@pytest.mark.parametrize(
    ("share", "words"),
    [(1, "100.00 %"), (0.999999, "99.99 %"), (0.9987, "99.87 %"), (0.5, "50.0 %"), (0, "0.0 %")],
)
def test_only_all_reads_as_a_hundred_per_cent(share, words):
    assert numbers.percent(share) == words


@pytest.mark.parametrize(("number", "words"), [(100, "100 B"), (1536, "1.50 KiB"), (3 << 20, "3.00 MiB")])
def test_sizes_have_binary_units(number, words):
    assert numbers.size(number) == words


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("conv", "conv"),
        ("layer.0.attention.query", "attention.query"),
        ("a/b/Conv_0/Conv2D", "a/b/Conv_0/Conv2D"),
    ],
)
def test_a_long_name_keeps_its_last_parts(name, words):
    assert numbers.label(name, 18) == words


def test_a_long_name_without_parts_is_cut():
    assert numbers.label("abcdefghij", 5) == "abcd\N{HORIZONTAL ELLIPSIS}"


def test_a_batch_is_told_in_the_shape():
    assert numbers.shape({"m": 2, "n": 3, "k": 4, "batch": 12}) == "12 of 2 x 3 x 4"


@pytest.mark.parametrize(("cycles", "words"), [(250e6, "1.00 s"), (680000, "2.72 ms"), (1, "4.00 ns")])
def test_time_is_cycles_at_the_clock(cycles, words):
    assert numbers.time(cycles, 250) == words
