"""Commands into bursts: an address channel, AR or AW, and its constants. Golden: golden.axi.bursts."""

from functools import cache

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from golden.axi.bursts import AxiParams, BurstStatus
from hw.emit import Definition
from hw.fit import fit

INCR = 1  # AxBURST, table A3-3
NORMAL = 0b0011  # AxCACHE: normal, non-cacheable, bufferable (table A4-5)
DATA = 0b000  # AxPROT: unprivileged, secure, data (section A4.7)


def name_of(kind: str, p: AxiParams, *more: int) -> str:
    """A definition's name: kind and every parameter."""
    widths = f"a{p.address_bits}_d{p.data_bits}_n{p.bytes_bits}_i{p.id_bits}"
    return "_".join([kind, widths, f"b{p.longest_burst}_o{p.outstanding}", *map(str, more)])


def command_layout(p: AxiParams) -> data.StructLayout:
    """A command, from bit 0."""
    return data.StructLayout({"address": p.address_bits, "bytes": p.bytes_bits})


def address_channel(p: AxiParams, letters: str) -> dict:
    """Members of AR or AW as the master drives them (tables A2-2 and A2-5)."""
    widths = {"id": p.id_bits, "addr": p.address_bits, "len": 8, "size": 3, "burst": 2, "cache": 4, "prot": 3}
    outputs = {f"{letters}{name}": Out(width) for name, width in widths.items()}
    return {f"{letters}valid": Out(1), f"{letters}ready": In(1), **outputs}


def drive_constants(m: Module, bus, letters: str, p: AxiParams) -> None:
    """ID, size, burst, cache and prot of AR or AW are always the same."""
    values = {"id": 0, "size": p.size, "burst": INCR, "cache": NORMAL, "prot": DATA}
    m.d.comb += [getattr(bus, f"{letters}{name}").eq(value) for name, value in values.items()]


def measure(m: Module, p: AxiParams, command: data.View):
    """Bus words of a command, and whether it is refused (golden: AxiParams.beats and .refuses)."""
    word_bits = p.address_bits - p.size
    beats = Signal(range(p.beats((1 << p.bytes_bits) - 1) + 1))
    reach = Signal(range((1 << word_bits) + (1 << len(beats))))  # the word after the last
    m.d.comb += [
        # beats <= (2^n - 1 + bytes of a word - 1) / bytes of a word, which `>>` does not know
        beats.eq((command.bytes + (p.word_bytes - 1)) >> p.size),
        reach.eq(command.address[p.size :] + beats),
    ]
    return beats, command.address[: p.size].any() | (reach > 1 << word_bits)


class Bursts(wiring.Component):
    """command           stream of {address, bytes}; ready is combinational, from a_ready, slot and room
    length, final, tail  the burst that is next: beats; whether it is its command's last; and if so how many
                         bytes of its last word count, 0 for all
    slot, room           its status, and its data, will have a place
    idle                 no burst or status is under way: a command without bursts waits for that
    issue                the burst is taken, into the address channel's register
    skip, code           a command without bursts is taken; its status
    stop, active         while `stop` nothing is taken, and what is left of a command dropped; whether any is
    a_*                  the address channel; registered
    """

    def __init__(self, p: AxiParams):
        self.p = p
        self.word_bits = p.address_bits - p.size
        self.beats = range(p.beats((1 << p.bytes_bits) - 1) + 1)
        super().__init__({
            "command": In(stream.Signature(p.address_bits + p.bytes_bits)),
            "length": Out(range(p.longest_burst + 1)),
            "final": Out(1),
            "tail": Out(p.size),
            **{name: In(1) for name in ("slot", "room", "idle", "stop")},
            **{name: Out(1) for name in ("issue", "skip", "active")},
            "code": Out(2),
            "a_valid": Out(1),
            "a_ready": In(1),
            "a_addr": Out(p.address_bits),
            "a_len": Out(8),
        })

    def elaborate(self, platform):
        m = Module()
        # Cursor: what is left of the command.
        active = Signal()
        go = Signal()
        word = Signal(self.word_bits, reset_less=True)
        left = Signal(self.beats, reset_less=True)
        refused = Signal(reset_less=True)
        empty = Signal()
        done = Signal()

        self.measure(m, word, left)
        m.d.comb += [
            empty.eq(refused | (left == 0)),
            self.active.eq(active),
            go.eq(active & ~self.stop),
            self.issue.eq(go & ~empty & self.slot & self.room & (~self.a_valid | self.a_ready)),
            # statuses leave in the commands' order, so one without bursts waits for those before it
            self.skip.eq(go & empty & self.idle),
            self.code.eq(Mux(refused, BurstStatus.REFUSED, BurstStatus.OKAY)),
            done.eq(self.skip | (self.issue & self.final)),
            self.command.ready.eq((~active | done) & ~self.stop),
        ]
        with m.If(self.issue):
            m.d.sync += [word.eq(word + self.length), left.eq(left - self.length)]
        with m.If(self.command.ready):
            m.d.sync += active.eq(self.command.valid)
            self.load(m, word, left, refused)
        with m.Elif(self.stop):
            m.d.sync += active.eq(0)
        self.hold_address(m, word)
        return m

    def load(self, m, word, left, refused):
        """The command into the cursor."""
        p = self.p
        command = data.View(command_layout(p), self.command.payload)
        beats, refuses = measure(m, p, command)
        m.d.sync += [
            fit(word, command.address[p.size :]),
            left.eq(beats),
            refused.eq(refuses),
            fit(self.tail, command.bytes[: p.size]),
        ]

    def measure(self, m, word, left):
        """The next burst goes to the next multiple of the longest, or to the command's end."""
        longest = self.p.longest_burst
        inside = word[: longest.bit_length() - 1]
        to_edge = Signal.like(self.length)
        m.d.comb += [
            to_edge.eq((longest - inside)[: len(to_edge)]),
            self.final.eq(left <= to_edge),
            self.length.eq(Mux(self.final, left, to_edge)[: len(self.length)]),
        ]

    def hold_address(self, m, word):
        """The address channel's register."""
        address = Signal(self.word_bits, reset_less=True)
        beats_1 = Signal(8, reset_less=True)
        with m.If(~self.a_valid | self.a_ready):
            m.d.sync += [self.a_valid.eq(self.issue), address.eq(word), beats_1.eq((self.length - 1)[:8])]
        m.d.comb += [self.a_addr[self.p.size :].eq(address), self.a_len.eq(beats_1)]


@cache
def definition(p: AxiParams) -> Definition:
    """The splitter; of `p` only what all masters have."""
    return Definition(name_of("axi_bursts", p), Bursts(p))
