"""Compare with the frozen files, or freeze what is computed now.

    python -m tests.frozen                            what differs, of everything: some minutes
    python -m tests.frozen networks/dense cycles/pe   of these
    python -m tests.frozen --write [NAME ...]         they become what is computed
    python -m tests.frozen NAME --on ws16_int8        on these examples alone
"""

import argparse
import sys
from collections.abc import Sequence
from difflib import unified_diff

from tests.frozen.adapter import DESIGNS
from tests.frozen.files import HERE, differences, read, write
from tests.frozen.parts import BY, LEVELS, PARTS, TEXTS


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m tests.frozen", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join([*PARTS, *TEXTS]))
    parser.add_argument("--write", action="store_true", help="freeze")
    parser.add_argument("--on", nargs="+", choices=DESIGNS, metavar="DESIGN", help="these examples alone")
    given = parser.parse_args()
    if unknown := sorted({*given.names} - {*PARTS, *TEXTS}):
        parser.error(f"{', '.join(unknown)}: no frozen file")
    found = 0
    for name in given.names or [*PARTS, *TEXTS]:
        for line in freeze(name, given.on) if given.write else moved(name, given.on):
            print(line, flush=True)
            found += 1
    return 0 if given.write else int(found > 0)


def freeze(name: str, on: Sequence[str] | None = None) -> list[str]:
    """on: designs, all if None."""
    if name in TEXTS:
        (HERE / name).write_text(TEXTS[name](), encoding="utf-8")
    else:
        write(name, (read(name) if on else {}) | PARTS[name](on or DESIGNS), LEVELS)
    return [f"wrote {name}"]


def moved(name: str, on: Sequence[str] | None = None) -> list[str]:
    """What differs, a line each."""
    if name in PARTS:
        frozen, found = read(name), PARTS[name](on or DESIGNS)
        by = differences(name, {BY: frozen.pop(BY, "")}, {BY: found.pop(BY, "")})
        each = [differences(f"{name}, {k}", frozen.get(k, {}), found[k]) for k in found]
        return sum(each, by)
    was, now = (HERE / name).read_text(encoding="utf-8"), TEXTS[name]()
    return list(unified_diff(was.splitlines(), now.splitlines(), f"frozen {name}", name, n=0, lineterm=""))


if __name__ == "__main__":
    sys.exit(main())
