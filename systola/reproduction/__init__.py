"""Papers' hardware claims beside ours: `systola reproduce`."""

from systola.reproduction.command import COUNTED, SYSTEMS, reproduce

__all__ = ["COUNTED", "SYSTEMS", "reproduce"]
