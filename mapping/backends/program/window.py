"""A window that moves over an image: the part of the image that a tile of results needs, with its padding."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from golden import check
from golden.division import ceil_div
from golden.operators.window import OperatorWindow
from mapping.backends.program.builder import Builder
from mapping.backends.program.layout import Place
from mapping.backends.program.scratchpad_allocation import Ring
from mapping.ir import graph

PIECES, LEAST = 2, 96  # pieces that are wanted of a tensor; words that a piece should have


def split(total: int, most: int) -> list[tuple[int, int]]:
    """(start, length) of equal pieces of at most `most`."""
    pieces = ceil_div(total, most)
    ends = [total * (i + 1) // pieces for i in range(pieces)]
    return [(start, end - start) for start, end in zip([0, *ends], ends, strict=False)]


def fine(rows: int, row_words: int, most: int) -> int:
    """Rows of a piece: at most `most`, and few enough that a tensor becomes several pieces whose work
    overlaps."""
    wanted = min(PIECES, rows * row_words // LEAST)
    return max(1, min(most, ceil_div(rows, max(1, wanted))))


@dataclass(frozen=True, slots=True)
class Window(OperatorWindow):
    """A window over x [height, width] pixels."""

    height: int
    width: int

    @property
    def stops(self) -> tuple[int, int]:
        """Height and width of the result."""
        rows, columns = self.out((self.height, self.width))
        return rows, columns

    def pixels(self, rows: int, columns: int) -> tuple[int, int]:
        """Height and width of the input of rows x columns results."""
        (sy, sx), (tall, wide) = self.strides, self.extent
        return (rows - 1) * sy + tall, (columns - 1) * sx + wide

    @property
    def plain(self) -> bool:
        """Whether each result depends on one pixel alone, the one at its place: then rows of any tensor will
        do."""
        return self.kernel == (1, 1) and self.strides == (1, 1) and not any(self.sides)


def window_of(
    place: Place, o: graph.Product | graph.Depthwise | graph.Pool, kernel: tuple[int, int]
) -> Window:
    """The window of an operation on `place`: over an image or, where the window is a pixel or the pixels are
    one line, over rows."""
    of = graph.window_of(o, kernel)
    window = Window(of.kernel, of.strides, of.dilations, of.pads, 1, place.rows)
    if window.plain or len(place.shape) < 3:
        return window
    check.in_range("image rank", len(place.shape), 3, 3, "height, width, channels")
    return replace(window, height=place.shape[0], width=place.shape[1])


@dataclass(slots=True)
class Tile:
    """Results [y, y + rows) x [x, x + columns). address: of its input in the scratchpad, -1: not loaded."""

    window: Window
    y: int
    rows: int
    x: int
    columns: int
    address: int = -1

    @property
    def results(self) -> int:
        return self.rows * self.columns

    @property
    def pixels(self) -> tuple[int, int]:
        """Height and width of its input, padding included."""
        return self.window.pixels(self.rows, self.columns)

    @property
    def outside(self) -> tuple[int, int, int, int]:
        """Pixels of its input that are padding: above, to the left, below, to the right."""
        window, (height, width) = self.window, self.pixels
        top = self.y * window.strides[0] - window.pads[0][0]
        left = self.x * window.strides[1] - window.pads[1][0]
        below, right = top + height - window.height, left + width - window.width
        return max(-top, 0), max(-left, 0), max(below, 0), max(right, 0)

    @property
    def end(self) -> float:
        """The share of all results up to and including the tile's last."""
        height, width = self.window.stops
        return ((self.y + self.rows - 1) * width + self.x + self.columns) / (height * width)

    def load(
        self, builder: Builder, ring: Ring, place: Place, pad: int, vectors: tuple[int, int] | None = None
    ) -> None:
        """Take a buffer and load the tile's input, padding filled with `pad`. vectors: (first, count) of a
        pixel."""
        if self.address >= 0:
            return
        first, count = vectors or (0, place.vectors)
        words, (height, width) = count * place.size, self.pixels
        window = self.window
        self.address = ring.take(height * width * words)
        top = self.y * window.strides[0] - window.pads[0][0]
        left = self.x * window.strides[1] - window.pads[1][0]
        y0, y1 = max(top, 0), min(top + height, window.height)
        x0, x1 = max(left, 0), min(left + width, window.width)
        row = width * words
        above, before = (y0 - top) * row, (x0 - left) * words
        behind = (left + width - x1) * words
        builder.fill(self.address, above, pad, size=place.size)
        builder.fill(self.address + (y1 - top) * row, (top + height - y1) * row, pad, size=place.size)
        middle = self.address + above
        builder.fill(middle, before, pad, [(y1 - y0, row)], place.size)
        builder.fill(middle + row - behind, behind, pad, [(y1 - y0, row)], place.size)
        address = (
            place.address + (y0 * window.width + x0) * place.row_bytes + first * place.size * place.lanes
        )
        loops = [
            (y1 - y0, window.width * place.row_bytes, row),
            (x1 - x0, place.row_bytes, words),
        ]
        if y1 > y0 and x1 > x0:
            builder.load(address, middle + before, words, loops)


def tiles(window: Window, fits: Callable[[int, int], bool]) -> list[Tile]:
    """The largest tiles of results that fit: whole rows, or slices of one row. Empty if not even one result
    fits."""
    height, width = window.stops

    def largest(most: int, good: Callable[[int], bool]) -> int:
        low, high = 0, most
        while low < high:
            middle = (low + high + 1) // 2
            low, high = (middle, high) if good(middle) else (low, middle - 1)
        return low

    columns = largest(width, lambda n: fits(1, n))
    if not columns:
        return []
    rows = largest(height, lambda n: fits(n, width)) if columns == width else 1
    return [
        Tile(window, y, tall, x, wide) for y, tall in split(height, rows) for x, wide in split(width, columns)
    ]
