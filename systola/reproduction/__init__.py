"""Papers' hardware claims beside ours: `systola reproduce`."""

from systola.reproduction.command import SYSTEMS, reproduce

__all__ = ["SYSTEMS", "reproduce"]
