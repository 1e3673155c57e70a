"""One measured ratio beside its bar."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Result:
    """value, bar: the ratio and what it must reach, None if it is only reported; at_most: smaller is better.
    detail: how it came."""

    what: str
    value: float
    bar: float | None
    unit: str
    detail: str
    at_most: bool = False

    @property
    def met(self) -> bool:
        """Whether the value reaches its bar; True where there is none."""
        if self.bar is None:
            return True
        return self.value <= self.bar if self.at_most else self.value >= self.bar

    def line(self) -> str:
        """Two lines: the verdict with value and bar, the detail. A value without a bar gets no verdict."""
        bar = "no bar" if self.bar is None else f"bar {'<=' if self.at_most else '>='} {self.bar:g}"
        verdict = "only  " if self.bar is None else "met   " if self.met else "MISSED"
        return f"{verdict}  {self.what}: {self.value:.4g} {self.unit} ({bar})\n          {self.detail}"
