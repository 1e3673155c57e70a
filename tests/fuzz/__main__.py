"""How the cases of a reader end, and one case with its trace.

python -m tests.fuzz READER|all [COUNT [FIRST SEED]]
python -m tests.fuzz READER =SEED [FOLDER]
"""

import sys
import tempfile
from pathlib import Path

import numpy as np

from tests.fuzz import campaign
from tests.fuzz.readers import READERS


def main(name: str = "all", count: str = "300", more: str = "") -> None:
    if count.startswith("="):
        reader, random = READERS[name](), np.random.default_rng(int(count[1:]))
        reader.prepare()
        print(reader.use(random, reader.damage(random, Path(more or tempfile.mkdtemp()))))
        return
    first = int(more or 0)
    for each in READERS if name == "all" else [name]:
        found = campaign.run(READERS[each](), range(first, first + int(count)))
        print(campaign.show(each, found, 12), flush=True)


main(*sys.argv[1:])
