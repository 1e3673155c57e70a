"""Fill the page's templates."""

import json
from collections.abc import Sequence

from markupsafe import Markup

from systola.output import is_number
from systola.report import numbers, svg, timeline, wavefront
from systola.report.schema import Report, Wavefront
from systola.templates import asset, environment

FILTERS = (numbers.count, numbers.percent, numbers.label, numbers.size)


def render(report: Report) -> str:
    """The whole page as text; KeyError or UndefinedError if the dict lacks something."""
    wave, pages = report["wavefront"], environment(escaped=True)
    pages.filters |= {each.__name__: each for each in (*FILTERS, column_is_number)}
    return pages.get_template("report.html").render(
        report=report,
        picture=pictures(wave) if wave else None,
        wave_data=Markup(script_data(wave)) if wave else None,
        timeline=lambda run: Markup(timeline.draw(run)),
        losses=lambda program: Markup(timeline.losses(program)),
        picture_css=Markup(svg.style()),
        page_css=Markup(asset("page.css")),
        page_js=Markup(asset("page.js")),
    )


def column_is_number(rows: Sequence[Sequence[str]], index: int) -> bool:
    """Whether a column of an answers table is set to the right."""
    return bool(rows) and all(is_number(row[index].lstrip("-+")) for row in rows)


def busiest(wave: Wavefront) -> int:
    """The cycle in which most PEs do useful work: where the film stands before it is played."""
    useful = [tally[2] for tally in wavefront.tally(wave)]
    return useful.index(max(useful))


def pictures(wave: Wavefront) -> dict[str, Markup]:
    start = busiest(wave)
    return {"frame": Markup(wavefront.frame(wave, start)), "strip": Markup(wavefront.strip(wave))}


def script_data(wave: Wavefront) -> str:
    """The film for the page's script; `</` cannot end the script element early."""
    labels = [[word for row in rows for word in row] for rows in wave["labels"]] if "labels" in wave else None
    film = {"states": wavefront.compact(wave), "labels": labels, "start": busiest(wave)}
    return json.dumps(film, separators=(",", ":")).replace("</", "<\\/")
