"""The aligner's RTL, compiled: 2^20 numbers are golden's, every fp16 code among them."""

import numpy as np

from golden.formats import pack, unpack
from golden.vector.align import AlignParams, align
from hw.emit import verilog
from hw.vector.align import definition
from sim.build import build_model
from sim.driver import CompiledModel
from sim.ports import StreamPort

P = AlignParams(group=32)


def test_every_fp16_code_in_many_groups(has):
    has("verilator")
    rng = np.random.default_rng(1)
    codes = rng.permutation(np.tile(np.arange(1 << 16), 16)).reshape(-1, P.group)
    shift = rng.integers(0, 32, (len(codes), 1))  # so that not every group has large exponents
    fields = np.where(rng.random(codes.shape) < 0.97, np.minimum(codes >> 10 & 31, shift), codes >> 10 & 31)
    codes[: len(codes) // 2] = (codes & 0x83FF | fields << 10)[: len(codes) // 2]
    block, bits = definition(P), P.lanes * P.bits + P.exponent.width + 2
    ports = [StreamPort("i", "in", P.lanes * P.format.width), StreamPort("o", "out", bits)]
    words = codes.reshape(-1, P.lanes)
    found = CompiledModel(build_model(verilog(block), block.name, ports)).run(
        {"i": pack(words, P.format.width)}, {"o": len(words)}
    ).outputs["o"]  # fmt: skip
    integers, exponents, specials = align(P, codes.astype(np.uint64))
    assert (P.out.decode(unpack(found, P.bits, P.lanes)) == integers.reshape(words.shape)).all()
    flags = (unpack(found, bits - P.lanes * P.bits, bits // 7)[:, -1]).reshape(-1, P.words)  # 112 bits and 7
    last = np.arange(P.words) == P.words - 1
    assert (flags == (exponents | specials.astype(int) << 5)[:, None] + (last << 6)).all()
    assert specials.any() and not specials.all()
