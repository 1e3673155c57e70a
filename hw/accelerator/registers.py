"""The registers behind AXI4-Lite, made from the table in golden.accelerator.registers."""

from operator import or_

from amaranth.hdl import Cat, Const, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from golden.accelerator.params import AcceleratorParams
from golden.accelerator.registers import ADDRESS_BITS, FIRST_COUNTER, Bits, Register, counters, registers
from golden.axi.bursts import BurstStatus
from hw.emit import Definition
from hw.lanes import tree

TOLD = ("PROGRAM", "COMMANDS")  # registers of which a write is told
LITE = {
    "awaddr": In(ADDRESS_BITS), "awprot": In(3), "awvalid": In(1), "awready": Out(1),
    "wdata": In(32), "wstrb": In(4), "wvalid": In(1), "wready": Out(1),
    "bresp": Out(2), "bvalid": Out(1), "bready": In(1),
    "araddr": In(ADDRESS_BITS), "arprot": In(3), "arvalid": In(1), "arready": Out(1),
    "rdata": Out(32), "rresp": Out(2), "rvalid": Out(1), "rready": In(1),
}  # fmt: skip


def port_of(register: Register, field: Bits) -> str:
    """The name of a field's port: `cause_code`."""
    return f"{register.name}_{field.name}".lower()


def inner_ports(p: AcceleratorParams) -> dict:
    """Ports of the hardware behind the registers; a counter is 64 bits of `counters`."""
    ports = {"counters": In(64 * len(counters(p))), "irq": Out(1)}
    ports |= {f"{name.lower()}_written": Out(1) for name in TOLD}
    for register in registers(p):
        if not register.constant and register.offset < FIRST_COUNTER:
            for field in register.fields:
                inward = field.access in ("read", "event")
                if register.name != "INTERRUPT_ENABLE":
                    ports[port_of(register, field)] = In(field.width) if inward else Out(field.width)
    return ports


class Registers(wiring.Component):
    """s_axil       AXI4-Lite; every output registered, or a register's complement
    REGISTER_FIELD  what is written, out; what is read, in; `pulse` and `event`: for a cycle
    irq             an event has come that is enabled and not cleared
    counters        64 bits each, in the order of golden.accelerator.registers.counters
    REGISTER_written  pulse: it was written, and shows what it now holds

    Write address and write data are held apart until both have come; one write and one read at a time.
    """

    def __init__(self, p: AcceleratorParams):
        self.registers = registers(p)
        self.upper = Signal(32, reset_less=True)  # of the counter that was read last
        super().__init__({"s_axil": Out(wiring.Signature(LITE)), **inner_ports(p)})

    def elaborate(self, platform):
        m = Module()
        word, data, strobe, write = self.take_writes(m)
        events = self.hold_fields(m, word, data, strobe, write)
        enabled = Cat(self.fields["INTERRUPT_ENABLE"].values())
        irq = Signal()
        m.d.sync += irq.eq((events & enabled).any())
        m.d.comb += self.irq.eq(irq)
        self.answer_reads(m)
        return m

    def exists(self, word):
        """Whether there is a register at an address in words."""
        return Cat(word == register.offset // 4 for register in self.registers).any()

    def take_writes(self, m):
        """AW, W and B; returns (address in words, data, strobe, whether the write takes place now)."""
        bus = self.s_axil
        addressed, filled = Signal(), Signal()
        word = Signal(ADDRESS_BITS - 2, reset_less=True)
        data, strobe = Signal(32, reset_less=True), Signal(4, reset_less=True)
        response = Signal(2, reset_less=True)
        write = Signal()
        m.d.comb += [
            bus.awready.eq(~addressed),
            bus.wready.eq(~filled),
            # a write waits for room for its response
            write.eq(addressed & filled & (~bus.bvalid | bus.bready)),
            bus.bresp.eq(response),
        ]
        with m.If(bus.awready):
            m.d.sync += [addressed.eq(bus.awvalid), word.eq(bus.awaddr[2:])]
        with m.If(bus.wready):
            m.d.sync += [filled.eq(bus.wvalid), data.eq(bus.wdata), strobe.eq(bus.wstrb)]
        with m.If(bus.bready):
            m.d.sync += bus.bvalid.eq(0)
        with m.If(write):
            m.d.sync += [addressed.eq(0), filled.eq(0), bus.bvalid.eq(1)]
            m.d.sync += response.eq(Mux(self.exists(word), BurstStatus.OKAY, BurstStatus.SLVERR))
        return word, data, strobe, write

    def hold_fields(self, m, word, data, strobe, write):
        """Hold or show each field, in self.fields; returns the events as one vector."""
        self.fields: dict[str, dict[str, Signal]] = {}
        mask = Cat(bit.replicate(8) for bit in strobe)
        for register in self.registers:
            chosen = Signal(name=f"writes_{register.name.lower()}")
            m.d.comb += chosen.eq(write & (word == register.offset // 4))
            if register.name in TOLD:
                told = Signal(name=f"{register.name.lower()}_written_q")
                # a cycle late, when the fields show what was written
                m.d.sync += told.eq(chosen)
                m.d.comb += getattr(self, f"{register.name.lower()}_written").eq(told)
            held = self.fields[register.name] = {}
            for field in register.fields:
                low, high = field.low, field.low + field.width
                ones = Mux(chosen, (data & mask)[low:high], 0)
                old = ~mask[low:high] | ~chosen.replicate(field.width)
                held[field.name] = self.hold_field(m, register, field, ones, old)
        return Cat(self.fields["INTERRUPT_STATUS"].values())

    def hold_field(self, m, register, field, ones, old):
        """One field, of which the bits `ones` are written and the bits `old` stay; returns the value that is
        read."""
        name = port_of(register, field)
        if register.constant:
            return Const(field.reset, field.width)
        if register.offset >= FIRST_COUNTER:
            return None
        if field.access == "read":
            return getattr(self, name)
        if field.access == "pulse":
            pulse = Signal(name=f"{name}_q")
            m.d.sync += pulse.eq(ones)
            m.d.comb += getattr(self, name).eq(pulse)
            return Const(0, field.width)
        value = Signal(field.width, init=field.reset, name=f"{name}_q")
        if field.access == "event":
            # an event of this cycle wins over the one that clears it
            m.d.sync += value.eq(value & ~ones | getattr(self, name))
        else:
            m.d.sync += value.eq(value & old | ones)
            if hasattr(self, name):
                m.d.comb += getattr(self, name).eq(value)
        return value

    def answer_reads(self, m):
        """Answer reads: AR and R."""
        bus = self.s_axil
        found = Signal(32, reset_less=True)
        response = Signal(2, reset_less=True)
        word = bus.araddr[2:]
        shown = []
        for register in self.registers:
            value = Signal(32, name=f"shown_{register.name.lower()}")
            with m.If(word == register.offset // 4):
                m.d.comb += value.eq(self.shown(m, register))
            shown.append(value)
        m.d.comb += [bus.arready.eq(~bus.rvalid), bus.rdata.eq(found), bus.rresp.eq(response)]
        with m.If(bus.arready):
            m.d.sync += bus.rvalid.eq(bus.arvalid)
            m.d.sync += response.eq(Mux(self.exists(word), BurstStatus.OKAY, BurstStatus.SLVERR))
            # one register at most is not 0 here: OR is shallower than a chain of choices
            m.d.sync += found.eq(tree(m, shown, or_, "read"))
        with m.Elif(bus.rready):
            m.d.sync += bus.rvalid.eq(0)

    def shown(self, m, register):
        """The value of a register; reading a counter's lower half captures the upper one."""
        if register.offset < FIRST_COUNTER:
            bits = [Const(0, 1)] * 32
            for field in register.fields:
                bits[field.low : field.low + field.width] = self.fields[register.name][field.name]
            return Cat(bits)
        index, half = divmod(register.offset - FIRST_COUNTER, 8)
        if half:
            return self.upper
        counter = self.counters[64 * index :][:64]
        # both halves are of one moment: software reads LO, then HI
        with m.If(self.s_axil.arvalid & self.s_axil.arready):
            m.d.sync += self.upper.eq(counter[32:])
        return counter[:32]


def definition(p: AcceleratorParams) -> Definition:
    """The registers of `p`; their constants say what `p` is."""
    functions = len(p.functions)
    return Definition(f"registers_{p.lanes}_{p.banks}x{p.bank_words}_f{functions}{p.suffix}", Registers(p))
