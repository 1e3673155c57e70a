"""SVG as text: elements, and pictures that stand alone.

Colours are classes whose values come from `templates/picture.css`, so one picture serves the light and the
dark page. `standalone` puts that style inside, for a README.
"""

import re
from collections.abc import Iterable

from golden import check
from sim.quote import html
from systola.templates import asset

LIGHT_DARK = re.compile(r"light-dark\((#\w+), (#\w+)\)")

LETTER = 6.6  # width of a small letter, about


def element(tag: str, content: str | Iterable[str] = "", **attributes: object) -> str:
    """One element; `class_` is class, and in the other names an underscore is a hyphen."""
    body = content if isinstance(content, str) else "".join(content)
    given = "".join(
        f' {name.rstrip("_").replace("_", "-") if name != "viewBox" else name}="{html(number(value))}"'
        for name, value in attributes.items()
    )
    return f"<{tag}{given}>{body}</{tag}>" if body else f"<{tag}{given}/>"


def number(value: object) -> str:
    """Coordinates to a hundredth: what is finer is only longer."""
    return f"{value:.2f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value)


def text(x: float, y: float, words: str, kind: str = "", anchor: str = "start") -> str:
    shown = html(check.printable(words))
    return element("text", shown, x=x, y=y, class_=f"t {kind}".strip(), text_anchor=anchor)


def rect(x: float, y: float, width: float, height: float, kind: str, tip: str = "", **more: object) -> str:
    return element("rect", hint(tip), x=x, y=y, width=width, height=height, class_=kind, **more)


def line(x1: float, y1: float, x2: float, y2: float, kind: str) -> str:
    return element("line", x1=x1, y1=y1, x2=x2, y2=y2, class_=kind)


def hint(words: str) -> str:
    """The hint that a resting pointer shows."""
    return element("title", html(check.printable(words))) if words else ""


def picture(width: float, height: float, parts: Iterable[str], label: str) -> str:
    """A whole <svg>. label: what it shows, for who cannot see it."""
    return element(
        "svg", parts, xmlns="http://www.w3.org/2000/svg", viewBox=f"0 0 {number(width)} {number(height)}",
        class_="picture", role="img", aria_label=label,
    )  # fmt: skip


def style() -> str:
    """The pictures' style sheet."""
    return asset("picture.css")


def resolved(css: str, index: int) -> str:
    """`css` with each light-dark() replaced by its light (0) or dark (1) colour: few viewers know it."""
    return LIGHT_DARK.sub(lambda match: match[index + 1], css)


def standalone(svg: str) -> str:
    """`svg` with its style inside, as a file of its own."""
    head, _, rest = svg.partition(">")
    dark = f"@media (prefers-color-scheme: dark) {{\n{resolved(style(), 1)}}}"
    return f"{head}><style>\n{resolved(style(), 0)}{dark}\n</style>{rest}\n"
