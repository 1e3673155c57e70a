"""Hostile text reaches each language as the word it is, or is refused."""

import shutil
import subprocess
from html.parser import HTMLParser
from xml.etree import ElementTree

import pytest

from golden.check import BadValue
from sim import quote
from tests.hostile import HOSTILE


def said(command, script, folder):
    done = subprocess.run(command, input=script, capture_output=True, text=True, cwd=folder)
    assert done.returncode == 0, done.stderr
    assert not (folder / "pwned").exists()
    return done.stdout


@pytest.mark.parametrize("text", HOSTILE, ids=ascii)
def test_the_shell_reads_one_word(text, tmp_path):
    assert said(["sh"], f"printf '%s|' {quote.shell(text)} end", tmp_path) == f"{text}|end|"


@pytest.mark.parametrize("text", HOSTILE, ids=ascii)
def test_tcl_reads_one_word(text, tmp_path):
    program = shutil.which("tclsh") or shutil.which("sta")
    if program is None:
        pytest.skip("neither tclsh nor sta is on PATH")
    script = f"puts [scan [join [list {quote.tcl(text)} end] |] [string repeat %c {len(text) + 4}]]\n"
    (tmp_path / "script.tcl").write_text(script, encoding="ascii")
    options = ["-no_splash", "-exit"] if program.endswith("sta") else []
    found = said([program, *options, "script.tcl"], "", tmp_path).split()
    assert "".join(chr(int(code)) for code in found) == f"{text}|end"


class Reader(HTMLParser):
    def __init__(self):
        super().__init__()
        self.tags, self.text, self.values = [], "", []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.values += [value for _, value in attrs]

    def handle_data(self, data):
        self.text += data


@pytest.mark.parametrize("text", HOSTILE, ids=ascii)
def test_html_and_xml_show_the_text(text):
    page = f'<p title="{quote.html(text)}">{quote.html(text)}</p>'
    reader = Reader()
    reader.feed(page)
    reader.close()
    plain = text.replace("\x1b", "\ufffd")
    assert (reader.tags, reader.text, reader.values) == (["p"], plain, [plain])
    assert ElementTree.fromstring(page).text == (plain or None)


@pytest.mark.parametrize("text", sorted(set(HOSTILE) - {"a\\", "$$"}), ids=ascii)
def test_yosys_is_told_plain_names_alone(text):
    with pytest.raises(BadValue, match="name for Yosys is "):
        quote.yosys(text)


@pytest.mark.parametrize("text", ["top", "$auto$a.v:12$5", "\\column_3.cell", "a\\", "$$", "m/cell", "a-b"])
def test_yosys_own_names_pass(text):
    assert quote.yosys(text) == text


def test_no_room_quotes_on_its_own():
    """Scripts, pages and commands ask sim.quote: nobody else imports what quotes."""
    from tests.test_arrows import ROOT, imports, modules

    own = {"shlex", "html", "pipes", "xml.sax.saxutils"}
    for room in ("golden", "hw", "mapping", "sim", "synth", "systola"):
        for name, path in modules(room).items():
            if path != ROOT / "sim/quote.py":
                assert not imports(path) & own, f"{name} quotes by itself"
