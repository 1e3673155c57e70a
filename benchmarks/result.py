"""One measured ratio beside its bar."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Result:
    """value, bar: the ratio and what it must reach; at_most: smaller is better. detail: how it came."""

    what: str
    value: float
    bar: float
    unit: str
    detail: str
    at_most: bool = False

    @property
    def met(self) -> bool:
        return self.value <= self.bar if self.at_most else self.value >= self.bar

    def line(self) -> str:
        sign = "<=" if self.at_most else ">="
        return (
            f"{'met   ' if self.met else 'MISSED'}  {self.what}: {self.value:.4g} {self.unit} "
            f"(bar {sign} {self.bar:g})\n          {self.detail}"
        )
