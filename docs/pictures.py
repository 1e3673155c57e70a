"""Draws the README's pictures from a demo's report: `python docs/pictures.py demo-out`."""

import json
import sys
from pathlib import Path

from systola.report import svg, timeline, wavefront

HERE = Path(__file__).parent


def main(folder: Path) -> None:
    """The wavefront at four moments, and the units at work on MiniLM."""
    report = json.loads((folder / "report.json").read_text())
    film = wavefront.film(report["wavefront"], [6, 14, 24, 44])
    (HERE / "wavefront.svg").write_text(svg.standalone(film))
    units = timeline.draw(report["networks"][0]["program"]["timeline"])
    (HERE / "timeline.svg").write_text(svg.standalone(units))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
