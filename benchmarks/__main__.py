"""Run benchmarks by name, all if none is named; status 1 if a bar is missed."""

import sys
from importlib import import_module

NAMES = ("utilisation", "scaling", "driver_speed", "array_speed", "elaboration", "turnaround", "warnings",
         "accelerator", "closed_form", "composition", "pes", "onnx_nodes",
         "attention_real")  # fmt: skip


def main(names: list[str]) -> int:
    """Print each result; 0 if all bars are met."""
    unknown = sorted(set(names) - set(NAMES))
    if unknown:
        print(f"benchmarks: {', '.join(unknown)} is unknown; allowed: {', '.join(NAMES)}", file=sys.stderr)
        return 2
    met = True
    for name in names or NAMES:
        print(f"{name}", flush=True)
        for result in import_module(f"benchmarks.{name}").measure():
            print(f"  {result.line()}", flush=True)
            met &= result.met
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
