"""Open tiles: MULTIPLY commands that leave their rows of sums open, and those that add to them.

Unfinished tiles form a queue. `open` continues the oldest; `more` puts it back at the end instead of
finishing it. So the rounds of several tiles over the depth are interleaved, and the first round needs only a
small share of the operands in the scratchpad. Hardware visits the rows of all unfinished tiles one after the
other, so a program must keep these rules:

    all tiles begin, one after another, before any tile has its second part
    every later round has one part for each tile, of as many rows as the tile began with; no part of the last
    round has `more`
    with several tiles open, a part is a single pass
    the passes of all parts of a tile are no more than those of a whole product
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from golden import check
from golden.accelerator.multiply import count_of, passes_of


@dataclass(slots=True)
class OpenTiles:
    """The queue of open tiles.

    most            passes of a whole product (golden.accelerator.multiply.most_passes)
    counts, passes  of each open tile, the next one first: its vectors, and the passes that it has had
    size            tiles of a round; turn: parts since the round's begin
    long            a part had several passes; begun: a tile has had its second part
    ends            this round is the last
    """

    most: int
    counts: list[int] = field(default_factory=list)
    passes: list[int] = field(default_factory=list)
    turn: int = 0
    size: int = 0
    long: bool = False
    begun: bool = False
    ends: bool = False

    def check(self, command: Mapping[str, int]) -> None:
        """Account for the next MULTIPLY; BadValue if the rules do not allow it."""
        if why := self.add(command):
            raise check.fail("MULTIPLY in parts", why, "see golden.accelerator.open_tiles")

    def add(self, command: Mapping[str, int]) -> str:
        """Account for the next MULTIPLY; returns what is wrong with it, or ""."""
        count, more = count_of(command), bool(command["more"])
        if not command["open"]:
            if self.counts and (self.begun or not more):
                return "a tile begins among parts of others"
            if more:
                self.counts.append(count)
                self.passes.append(passes_of(command))
                self.size += 1
                self.long |= passes_of(command) > 1
                if self.long and self.size > 1:
                    return "several passes of one of several tiles"
            return ""
        if not self.counts or self.counts[0] != count:
            return f"{count} rows are added to {self.counts[0] if self.counts else 0}"
        if self.size > 1 and passes_of(command) > 1:
            return "several passes of one of several tiles"
        if self.turn and more == self.ends:
            return "a round ends some tiles and not others"
        passes = self.passes[0] + passes_of(command)
        if passes > self.most:
            return f"{passes} passes of a tile, and the accumulators hold {self.most}"
        self.begun, self.ends = True, not more
        self.turn = (self.turn + 1) % self.size
        self.counts.pop(0)
        self.passes.pop(0)
        if more:
            self.counts.append(count)
            self.passes.append(passes)
        elif not self.counts:
            self.turn = self.size = 0
            self.long = self.begun = self.ends = False
        return ""
