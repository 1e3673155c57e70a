"""The way to memory. Golden: golden.accelerator.memory_port."""

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
        """Ties of AXI channels."""
        found = {name: value for name, _, value in flat_ports(self) if name.startswith("m_axi_")}
        return {
            name: value for name, value in found.items() if name.removeprefix("m_axi_").startswith(letters)
        }

    def take_commands(self, m, command):
        """Fetch goes first."""
        room = self.room = Signal()
        fetches = self.fetch.command.valid
        m.d.comb += [
            command.payload.eq(Mux(fetches, self.fetch.command.payload, self.load.command.payload)),
            command.valid.eq((fetches | self.load.command.valid) & room),
            self.fetch.command.ready.eq(command.ready & room),
            self.load.command.ready.eq(command.ready & room & ~fetches),
        ]

    def give_words(self, m, renew, command, words):
        """Words to the client whose command has them; a command without words has no owner here."""
        beats, refused = bursts.measure(m, self.p.read, command.payload)
        added, known, load, last = bits("owner_added", "owner_known", "owner_load", "last_word")
        count = Signal(range(self.word_depth + 1))
        m.d.comb += [
            added.eq(command.valid & command.ready & (beats != 0) & ~refused),
            last.eq(words.valid & words.ready & words.payload.last),
            self.room.eq(count != self.word_depth),
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
        """Each command's, to its client."""
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
        self.status_owners.place(
            m, "status_owners", reset=renew, write=command.valid & command.ready, i=~self.fetch.command.valid,
            o_valid=known, o_ready=taken, o_payload=load,
        )

    def give_to_bus(self, m, renew, idle):
        """The write master; `clear` takes the statuses."""
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
