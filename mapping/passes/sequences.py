"""Rotary embeddings, root mean square normalisation and caches written at known rows, in primitives."""

import numpy as np

from golden import check
from golden.operators.attention import check_caches, in_heads, turned_of
from mapping.passes.page import Page


def rotary(w: Page) -> bool:
    """RotaryEmbedding as x C + partner(x) S: each number of a pair times its cosine, the other times a sine
    of its own sign. Numbers that are not turned have a cosine of 1, a sine of 0 and themselves as partners.
    """
    x, given = w.input(0), w.shape(w.input(0))
    packed = len(given) == 3
    size, heads = check_rotation(w)
    if packed:
        x = w.reshaped(x, (*given[:2], heads, given[2] // heads))
    width = w.shape(x)[3]
    number, partner, sign = pairs(size, width, interleaved=bool(w.attribute("interleaved", 0)))
    cos = factor(w, w.input(1), number, width, 1.0, packed)
    sin = factor(w, w.input(2), number, width, 0.0, packed)
    sin = w("Mul", sin, w.value("signs", sign, w.dtype(x)))
    other = w.gathered(x, partner, 3)
    if packed:
        w.reshaped(w("Add", w("Mul", x, cos), w("Mul", other, sin)), given, out=w.output(0))
    else:
        w("Add", w("Mul", x, cos), w("Mul", other, sin), out=w.output(0))
    return True


def check_rotation(w: Page) -> tuple[int, int]:
    """(numbers of a head that are turned, heads); BadValue, in golden's words, for what does not fit."""
    x, cos, sin, places = (w.like(w.input(i)) for i in range(4))
    assert x is not None and cos is not None and sin is not None  # which the importer asks for
    heads = in_heads("RotaryEmbedding.X", x, int(w.attribute("num_heads", 0)) or None).shape
    size = turned_of(int(w.attribute("rotary_embedding_dim", 0)), heads[3])
    check_caches(cos, sin, places, (heads[0], heads[2], size // 2))
    known = w.constant(w.input(3)) if w.input(3) else None
    if known is not None:  # a Gather would count negative ones from the end
        check.array("RotaryEmbedding.position_ids", known, 0, min(len(cos), len(sin)) - 1)
    return size, heads[1]


def pairs(size: int, width: int, *, interleaved: bool) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Of each of `size` numbers the number of its pair; of each of `width` its partner's place, and its
    sine's sign: the first of a pair loses its partner's share, the second gains it.
    """
    place = np.arange(size)
    number = place // 2 if interleaved else place % (size // 2)
    is_first = place % 2 == 0 if interleaved else place < size // 2
    step = 1 if interleaved else size // 2
    partner = np.where(is_first, place + step, place - step)
    sign = np.where(is_first, -1.0, 1.0)
    rest = np.arange(size, width)
    return number, np.concatenate((partner, rest)), np.concatenate((sign, np.ones(len(rest))))


def factor(w: Page, cache: str, number: np.ndarray, width: int, rest: float, packed: bool) -> str:
    """Cosines or sines [B, 1, S, D] of each number of a head, or [B, S, 1, D]; `rest` where nothing turns."""
    places = w.input(3)
    if places:
        cache = w.write("Gather", (cache, places), (*w.shape(places), w.shape(cache)[1]), axis=0)
    batch, rows, _ = w.shape(cache)
    wide = w.gathered(cache, number, 2)
    if len(number) < width:
        pads = w.value("pads", np.array([0] * 5 + [width - len(number)], np.int64))
        filled = w.value("rest", rest, w.dtype(cache))
        wide = w.write("Pad", (wide, pads, filled), (batch, rows, width))
    return w.reshaped(wide, (batch, rows, 1, width) if packed else (batch, 1, rows, width))


def rms(w: Page) -> bool:
    """RMSNormalization: x / sqrt(mean of squares + epsilon), times the scale; in float32."""
    if w.attribute("stash_type", 1) != 1:
        return False
    x, scale, y = w.input(0), w.input(1), w.output(0)
    shape = w.shape(x)
    axis = int(w.attribute("axis", -1))
    check.in_range("RMSNormalization.axis", axis, -len(shape), len(shape) - 1)
    axis %= len(shape)
    fits = all(n in (1, m) for n, m in zip(w.shape(scale)[::-1], shape[::-1], strict=False))
    if not fits or len(w.shape(scale)) > len(shape):
        raise check.fail("RMSNormalization.scale.shape", list(w.shape(scale)), f"what fits {list(shape)}")
    wide = w.cast(x, np.float32)
    axes = w.value("axes", np.arange(axis, len(shape)), np.int64)
    square = w.write("ReduceMean", (w("Mul", wide, wide), axes), (*shape[:axis], *[1] * (len(shape) - axis)),
                     keepdims=1)  # fmt: skip
    epsilon = w.value("epsilon", w.attribute("epsilon", 1e-5), np.float32)
    normal = w.cast(w("Div", wide, w("Sqrt", w("Add", square, epsilon))), w.dtype(x))
    w("Mul", w.cast(normal, w.dtype(scale)), scale, out=y)
    return True


def scatter(w: Page) -> bool:
    """TensorScatter at the same known rows of all samples: rows of the cache and of the update, chosen."""
    cache, update, starts = w.input(0), w.input(1), w.input(2)
    known = w.constant(starts) if starts else np.zeros(1, np.int64)
    if known is None or (known != known.ravel()[0]).any():
        return False
    axis = int(w.attribute("axis", -2)) % len(w.shape(cache))
    room, rows = w.shape(cache)[axis], w.shape(update)[axis]
    start, circular = int(known.ravel()[0]), w.attribute("mode", "linear") == "circular"
    if start < 0 or rows > room or (start + rows > room and not circular):
        return False  # which the host refuses by name
    source = np.arange(room)
    source[(start % room + np.arange(rows)) % room] = room + np.arange(rows)
    w.gathered(w.joined((cache, update), axis), source, axis, out=w.output(0))
    return True


RULES = {"RotaryEmbedding": rotary, "RMSNormalization": rms, "TensorScatter": scatter}
