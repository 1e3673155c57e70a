"""The memory port: two read clients on one AXI4 master, a write client on another. Golden:
golden.accelerator.memory_port.
"""

from amaranth.hdl import Module, Mux, ResetSignal, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from golden.accelerator.memory_port import word_owners
from golden.accelerator.params import AcceleratorParams
from hw.accelerator.ports import memory_read, memory_write
from hw.axi import bursts, read, write
from hw.axi.queue import definition as queue
from hw.emit import Definition, flat_ports
from hw.lanes import bits, tied


class MemoryPort(wiring.Component):
    """fetch, load, store  clients (hw.accelerator.ports). fetch goes before load, combinationally
    clear       drop everything; level, until `quiet`
    quiet       combinational: nothing is on the way, so the masters start anew at this edge if `clear`
    word_read, word_written  a beat moved on R, on W, in the cycle before
    m_axi       all of AXI4

    fetch asks for two words and load for three in one cycle, at a memory latency of 3; later load asks for
    three more, M, and `clear` comes before their first beat (as simulated in Icarus):

        cycle          0   1   2   3   4   5   6   7   8   9   10  11  14  16  19  20  21  24
        fetch.command  F
        load.command   -   L                                           M
        AR                     F   L                                       M
        R                                  F0  F1  L0  L1  L2                  M0  M1  M2
        fetch.data                                 F0  F1
        fetch.status                                   F
        load.data                                          L0  L1  L2
        load.status                                                L
        clear                                                                  1   1   1   1
        quiet          1                                               1                   1

    L waits a cycle, since fetch goes first. Words leave in the order of the commands, each to the client at
    the head of `word_owners`. While `clear` stands the beats of M are taken and shown to nobody; masters and
    owners start anew at the edge at which `clear` and `quiet` meet.
    """

    def __init__(self, p: AcceleratorParams):
        self.p = p
        self.read = read.definition(p.read)
        self.write = write.definition(p.write)
        self.word_depth = word_owners(p)
        self.word_owners = queue(1, self.word_depth)
        self.status_owners = queue(1, p.read.outstanding + 1)  # one a slot, and the command at the cursor
        self.uses = (self.read, self.write, self.word_owners, self.status_owners)
        bus = {
            name.removeprefix("m_axi_"): (In if is_input else Out)(len(value))
            for master in (self.read, self.write)
            for name, is_input, value in flat_ports(master.component)
            if name.startswith("m_axi_")
        }
        super().__init__({
            "fetch": In(memory_read(p)),
            "load": In(memory_read(p)),
            "store": In(memory_write(p)),
            "clear": In(1),
            **{name: Out(1) for name in ("quiet", "word_read", "word_written")},
            "m_axi": Out(wiring.Signature(bus)),
        })

    def elaborate(self, platform):
        m = Module()
        bus = self.m_axi
        command = stream.Signature(bursts.command_layout(self.p.read)).create(path=("read_command",))
        words = stream.Signature(read.data_layout(self.p.read)).create(path=("read_data",))
        status = stream.Signature(2).create(path=("read_status",))
        read_idle, write_idle, renew = bits("read_idle", "write_idle", "renew")
        word_read, word_written = bits("word_read_q", "word_written_q")
        m.d.comb += [
            # the bus owes its beats also after `clear`: masters are reset only when none is on the way
            self.quiet.eq(read_idle & write_idle),
            renew.eq(ResetSignal() | (self.clear & self.quiet)),
            self.word_read.eq(word_read),
            self.word_written.eq(word_written),
        ]
        m.d.sync += [word_read.eq(bus.rvalid & bus.rready), word_written.eq(bus.wvalid & bus.wready)]
        self.read.place(
            m, "read", reset=renew, stop=self.clear, idle=read_idle, **self.channels("ar", "r"),
            **tied("command", command), **tied("data", words), **tied("status", status),
        )
        self.take_commands(m, command)
        self.give_words(m, renew, command, words)
        self.give_statuses(m, renew, command, status)
        self.give_to_bus(m, renew, write_idle)
        return m

    def channels(self, *letters):
        """Ports of the AXI channels whose names begin with these letters."""
        found = {name: value for name, _, value in flat_ports(self) if name.startswith("m_axi_")}
        return {
            name: value for name, value in found.items() if name.removeprefix("m_axi_").startswith(letters)
        }

    def take_commands(self, m, command):
        """Arbitrate the two read clients: fetch goes first."""
        room = self.room = Signal()
        fetches = self.fetch.command.valid
        m.d.comb += [
            # a fixed order does not starve load: control asks for a few words, and units wait without them
            command.payload.eq(Mux(fetches, self.fetch.command.payload, self.load.command.payload)),
            command.valid.eq((fetches | self.load.command.valid) & room),
            self.fetch.command.ready.eq(command.ready & room),
            self.load.command.ready.eq(command.ready & room & ~fetches),
        ]

    def give_words(self, m, renew, command, words):
        """Route words to the client whose command they belong to; a command without words has no
        owner here."""
        beats, refused = bursts.measure(m, self.p.read, command.payload)
        added, known, load, last = bits("owner_added", "owner_known", "owner_load", "last_word")
        count = Signal(range(self.word_depth + 1))
        m.d.comb += [
            # a command that moves nothing has no last word that would take its owner out again
            added.eq(command.valid & command.ready & (beats != 0) & ~refused),
            last.eq(words.valid & words.ready & words.payload.last),
            self.room.eq(count != self.word_depth),
            # in `clear` words are taken whoever their owner is, so that the master drains
            words.ready.eq(self.clear | (known & Mux(load, self.load.data.ready, self.fetch.data.ready))),
            self.fetch.data.valid.eq(words.valid & known & ~load & ~self.clear),
            self.load.data.valid.eq(words.valid & known & load & ~self.clear),
            self.fetch.data.payload.eq(words.payload),
            self.load.data.payload.eq(words.payload),
        ]
        m.d.sync += count.eq(Mux(renew, 0, (count + added - last)[: len(count)]))
        self.word_owners.place(
            m, "word_owners", reset=renew, write=added, i=~self.fetch.command.valid,
            o_valid=known, o_ready=last, o_payload=load,
        )

    def give_statuses(self, m, renew, command, status):
        """Route each command's status to its client."""
        known, load, taken = bits("waiter_known", "waiter_load", "status_taken")
        wanted = Signal(name="status_wanted")
        m.d.comb += [
            taken.eq(status.valid & status.ready),
            wanted.eq(Mux(load, self.load.status.ready, self.fetch.status.ready)),
            status.ready.eq(self.clear | (known & wanted)),
            self.fetch.status.valid.eq(status.valid & known & ~load & ~self.clear),
            self.load.status.valid.eq(status.valid & known & load & ~self.clear),
            self.fetch.status.payload.eq(status.payload),
            self.load.status.payload.eq(status.payload),
        ]
        # apart from the owners of words: each command has a status, also one without words
        self.status_owners.place(
            m, "status_owners", reset=renew, write=command.valid & command.ready, i=~self.fetch.command.valid,
            o_valid=known, o_ready=taken, o_payload=load,
        )

    def give_to_bus(self, m, renew, idle):
        """Place the write master; while `clear` stands its statuses are taken here."""
        taken, given = bits("store_status_taken", "store_status_given")
        m.d.comb += [
            taken.eq(self.store.status.ready | self.clear),
            self.store.status.valid.eq(given & ~self.clear),
        ]
        self.write.place(
            m, "write", reset=renew, stop=self.clear, idle=idle, **self.channels("aw", "w", "b"),
            **tied("command", self.store.command), **tied("data", self.store.data),
            status_valid=given, status_ready=taken, status_payload=self.store.status.payload,
        )


def definition(p: AcceleratorParams) -> Definition:
    """The memory port of `p`."""
    return Definition(f"memory_port_{8 * p.lanes}_o{p.outstanding}_{p.read_buffer}", MemoryPort(p))
