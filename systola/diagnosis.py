"""`systola doctor`: which tools are here, what each is for, and how to get what is missing."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from systola.output import table

if TYPE_CHECKING:
    from sim.doctor import ToolReport


def doctor() -> "list[ToolReport]":
    """All tools, those that are required first."""
    from sim import doctor as tools

    return tools.doctor()


def missing(tools: "Sequence[ToolReport]") -> "list[ToolReport]":
    """Missing tools without which something that was asked for cannot work."""
    return [tool for tool in tools if tool.required and not tool.found]


def text(tools: "Sequence[ToolReport]") -> str:
    """The table, and under it what is to be done."""
    rows = [
        (tool.name, state(tool), tool.version or "-", tool.where or "-", tool.needed_for) for tool in tools
    ]
    remedies = [f"{tool.name}: {tool.hint}" for tool in tools if not tool.found]
    verdict = "something required is missing" if missing(tools) else "all that is required is here"
    return "\n".join([table(("tool", "state", "version", "from", "for"), rows), "", verdict, *remedies])


def state(tool: "ToolReport") -> str:
    return "found" if tool.found else "missing" if tool.required else "not there (optional)"
