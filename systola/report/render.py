"""Fill the page's templates."""

import json
from collections.abc import Sequence
from importlib.resources import files

import jinja2
from markupsafe import Markup

from systola.output import is_number
from systola.report import numbers, svg, timeline, wavefront
from systola.report.schema import Report, Wavefront


def render(report: Report) -> str:
    """The whole page as text; KeyError or UndefinedError if the dict lacks something."""
    wave = report["wavefront"]
    return (
        environment()
        .get_template("report.html")
        .render(
            report=report,
            picture=pictures(wave) if wave else None,
            wave_data=Markup(script_data(wave)) if wave else None,
            picture_css=Markup(svg.style()),
            page_css=Markup(asset("page.css")),
            page_js=Markup(asset("page.js")),
        )
    )


def asset(name: str) -> str:
    return (files("systola.report") / "templates" / name).read_text(encoding="utf-8")


def environment() -> jinja2.Environment:
    """Templates of the package; a name that is not there is an error, not a blank."""
    made = jinja2.Environment(
        loader=jinja2.FunctionLoader(asset),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
    )
    made.filters |= {
        "count": numbers.count,
        "percent": numbers.percent,
        "label": numbers.label,
        "size": numbers.size,
        "column_is_number": column_is_number,
    }
    made.globals |= {
        "timeline": lambda run: Markup(timeline.draw(run)),
        "losses": lambda program: Markup(timeline.losses(program)),
    }
    return made


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
