"""The scratchpad: banks of words, and the arbitration of their ports. Golden:
golden.accelerator.scratchpad.
"""

from functools import cache

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import memory, wiring
from amaranth.lib.wiring import In, Out

from golden.accelerator.params import AcceleratorParams
from golden.accelerator.scratchpad import readers, writers
from hw.accelerator.ports import scratch_read, scratch_write
from hw.emit import Definition
from hw.lanes import lane


class ScratchpadBank(wiring.Component):
    """One memory. read_data stands in the cycle after read_en, with the contents before that cycle's
    write."""

    def __init__(self, words: int, width: int):
        self.words = words
        address = range(words)
        super().__init__({
            "read_en": In(1),
            "read_address": In(address),
            "read_data": Out(width),
            "write_en": In(1),
            "write_address": In(address),
            "write_data": In(width),
        })

    def elaborate(self, platform):
        m = Module()
        m.submodules.words = words = memory.Memory(shape=len(self.read_data), depth=self.words, init=[])
        read, write = words.read_port(), words.write_port()
        m.d.comb += [
            read.en.eq(self.read_en),
            read.addr.eq(self.read_address),
            self.read_data.eq(read.data),
            write.en.eq(self.write_en),
            write.addr.eq(self.write_address),
            write.data.eq(self.write_data),
        ]
        return m


class Scratchpad(wiring.Component):
    """A member each of golden's readers and writers (hw.accelerator.ports). ready is combinational, from
    valid and address of those before it; a reader's data are registered.

    An address's bits beyond the memory's do not count. A read sees the writes accepted in earlier cycles.
    """

    def __init__(self, p: AcceleratorParams):
        self.banks, self.width = p.banks, 8 * p.lanes
        self.readers, self.writers = tuple(readers(p)), tuple(writers(p))
        bank = ScratchpadBank(p.bank_words, self.width)
        self.bank = Definition(f"scratchpad_bank_{p.bank_words}x{self.width}", bank)
        self.uses = (self.bank,)
        self.inside = (p.bank_words - 1).bit_length()  # address bits of a word in its bank
        self.outside = (p.words - 1).bit_length()
        reads = {name: In(scratch_read(p)) for name in self.readers}
        super().__init__(reads | {name: In(scratch_write(p)) for name in self.writers})

    def elaborate(self, platform):
        m = Module()
        reads, read_address, _ = self.choose(m, self.readers, "read")
        writes, write_address, write_data = self.choose(m, self.writers, "write")
        found = Signal(self.banks * self.width)  # every bank's word
        for bank in range(self.banks):
            self.bank.place(
                m, f"bank_{bank}",
                read_en=reads[bank], read_address=read_address[bank],
                read_data=lane(found, bank, self.banks),
                write_en=writes[bank], write_address=write_address[bank], write_data=write_data[bank],
            )
        for name in self.readers:
            self.deliver(m, name, getattr(self, name), found)
        return m

    def bank_of(self, port):
        return port.address[self.inside : self.outside]

    def choose(self, m, names, what):
        """Arbitrate: ready of each of `names`; for each bank whether it is accessed, the address, and the
        data."""
        ports = [getattr(self, name) for name in names]
        for i, port in enumerate(ports):
            before = [other.valid & (self.bank_of(other) == self.bank_of(port)) for other in ports[:i]]
            waits = Signal(name=f"{names[i]}_waits")
            m.d.comb += [waits.eq(Cat(before).any()), port.ready.eq(~waits)]
        used, addresses, words = [], [], []
        for bank in range(self.banks):
            use = Signal(name=f"{what}_{bank}")
            address = Signal(self.inside, name=f"{what}_address_{bank}")
            word = Signal(self.width, name=f"{what}_data_{bank}")
            # the first in the order overrides those behind it
            for port in reversed(ports):
                with m.If(port.valid & (self.bank_of(port) == bank)):
                    m.d.comb += [use.eq(1), address.eq(port.address[: self.inside])]
                    if what == "write":
                        m.d.comb += word.eq(port.data)
            used.append(use)
            addresses.append(address)
            words.append(word)
        return used, addresses, words

    def deliver(self, m, name, port, found):
        """Deliver a reader's word from its bank."""
        accepted = Signal(name=f"{name}_accepted")
        bank = Signal(range(self.banks), name=f"{name}_bank", reset_less=True)
        word = Signal(self.width, name=f"{name}_word", reset_less=True)
        m.d.sync += accepted.eq(port.valid & port.ready)
        m.d.sync += bank.eq(self.bank_of(port))
        with m.If(accepted):
            m.d.sync += word.eq(found.word_select(bank, self.width))
        m.d.comb += port.data.eq(word)


@cache
def definition(p: AcceleratorParams) -> Definition:
    """The scratchpad of `p`."""
    return Definition(f"scratchpad_{p.banks}x{p.bank_words}x{8 * p.lanes}{p.suffix}", Scratchpad(p))
