"""Where the words of keys go in a rolling buffer, and when there is room for one; a part of the walker."""

from amaranth.hdl import Module, Mux, Signal, signed, unsigned
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from golden.attention import walk
from golden.attention.sliding_window import fields
from golden.attention.window import WindowParams
from hw.emit import Definition
from hw.fit import fit
from hw.lanes import bits

SHARED, RANDOM, WINDOW = range(3)  # what is loaded
PLACE = signed(walk.POSITION + 1)  # a position, and a stride or a dilation further
SIGNED = ("low", "high", "last")
FIELDS = ("steps", "shared", "randoms", "high", "last", "stride", "held", "goes_on")


def shapes(p: WindowParams) -> dict[str, object]:
    """{field: shape} of a command's fields."""
    return {name: (signed if name in SIGNED else unsigned)(width) for name, width, _ in fields(p)["command"]}


def wrapped(m: Module, place, size: int, beside, name: str) -> Signal:
    """`place`; past the last of `size` it goes on behind the places that stand beside the window."""
    found = Signal(range(size), name=name)
    m.d.comb += found.eq(Mux(place >= size, place - size + beside, place)[: len(found)])
    return found


class Loader(wiring.Component):
    """take                 the command whose fields stand here begins
    valid, ready, place     a word is taken, and goes there
    free_window             places of the window that are free, in this cycle already; free_random: of theirs
    used_random             random keys that are read for the last time
    loaded                  one past the last position loaded; what is below stands in the buffer, or stood
    shared_there, randoms_there  how many of them stand
    base, base_next         place of position 0; of the command whose fields stand here
    beside                  places that are not the window's
    loading_window          the word that is taken is the window's
    """

    def __init__(self, p: WindowParams, extra: int, delay: int, most: int):
        self.size, self.delay = p.slots + extra, delay
        found = shapes(p)
        self.fields = {name: found[name] for name in FIELDS}
        slot, many = range(self.size), range(self.size + 1)
        super().__init__(
            {
                "take": In(1),
                **{name: In(shape) for name, shape in self.fields.items()},
                "valid": In(1),
                "ready": Out(1),
                "place": Out(slot),
                **{name: In(range(most + 1)) for name in ("free_window", "free_random", "used_random")},
                "loaded": Out(PLACE),
                **{name: Out(many) for name in ("shared_there", "randoms_there", "beside")},
                **{name: Out(slot) for name in ("base", "base_next")},
                "loading_window": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        names = ("shared", "randoms", "last", "stride")
        self.kept = {n: Signal(self.fields[n], name=f"{n}_kept", reset_less=True) for n in names}
        told = ("loaded", "shared_there", "randoms_there", "beside", "base")
        self.told = {n: Signal.like(getattr(self, n), name=f"{n}_q", reset_less=True) for n in told}
        m.d.comb += [getattr(self, name).eq(q) for name, q in self.told.items()]
        self.part = Signal(range(3), reset_less=True)
        places = ("index", "room", "random_room")
        self.index, self.room, self.random_room = (
            Signal.like(self.beside, name=name, reset_less=True) for name in places
        )
        self.window_place = Signal(range(self.size), reset_less=True)
        self.steps_left = Signal.like(self.steps, reset_less=True)  # whose random keys are not all loaded
        self.begun, self.settled, self.moves = bits("begun", "settled", "moves")
        self.accept(m)
        self.move(m)
        self.begin(m)
        return m

    def accept(self, m):
        """Is there room for the word, and where."""
        high = Signal(PLACE, name="step_end")  # with random keys, what a step needs comes before the next's
        self.step_high = Signal(PLACE, reset_less=True)
        m.d.comb += [
            high.eq(Mux(self.kept["randoms"] == 0, self.kept["last"], self.step_high)),
            self.moves.eq(self.valid & self.ready),
        ]
        self.due = Signal(name="due")  # the window still needs a key
        self.due_last = Signal(name="due_last")
        stop = Signal(PLACE, name="stop")
        m.d.comb += [
            stop.eq(Mux(high > self.kept["last"], self.kept["last"], high)),
            self.due.eq(self.loaded <= stop),
            self.due_last.eq(self.loaded == stop),
        ]
        windows = self.due & (self.room.any() | self.free_window.any())
        randoms = self.random_room.any() | self.free_random.any()
        shared = self.kept["shared"]
        has_room = Mux(self.part == WINDOW, windows, Mux(self.part == RANDOM, randoms, 1))
        beside = Mux(self.part == RANDOM, shared + self.index, self.index)
        m.d.comb += [
            self.ready.eq(self.begun & self.settled & has_room),
            self.place.eq(Mux(self.part == WINDOW, self.window_place, beside)[: len(self.place)]),
        ]

    def move(self, m):
        """A word was taken: what comes next; and counts of what stands and of what is free."""
        windows, randoms = self.loading_window, Signal(name="to_random")
        m.d.comb += [
            windows.eq(self.moves & (self.part == WINDOW)),
            randoms.eq(self.moves & (self.part == RANDOM)),
        ]
        m.d.sync += [
            self.room.eq((self.room + self.free_window - windows)[: len(self.room)]),
            self.random_room.eq((self.random_room + self.free_random - randoms)[: len(self.room)]),
            self.told["randoms_there"].eq(
                (self.randoms_there + randoms - self.used_random)[: len(self.room)]
            ),
        ]
        steps = self.steps_left
        next_step, after = Signal(name="next_step"), Signal.like(self.index, name="after")
        m.d.comb += after.eq((self.index + 1)[: len(after)])
        with m.If(self.moves):
            m.d.sync += self.index.eq(after)
        with m.If(self.moves & (self.part == SHARED)):
            m.d.sync += self.told["shared_there"].eq(after)
            with m.If(after == self.kept["shared"]):
                m.d.sync += [self.part.eq(Mux(self.kept["randoms"] == 0, WINDOW, RANDOM)), self.index.eq(0)]
        with m.If(randoms & (after == self.kept["randoms"])):
            m.d.sync += self.index.eq(0)
            with m.If(self.due):
                m.d.sync += self.part.eq(WINDOW)
            with m.Else():
                m.d.comb += next_step.eq(1)
        with m.If(windows):
            place = wrapped(m, self.window_place + 1, self.size, self.beside, "window_place_next")
            m.d.sync += self.window_place.eq(place)
            m.d.sync += self.told["loaded"].eq((self.loaded + 1)[: len(self.loaded)])
            m.d.comb += next_step.eq(self.due_last & (self.kept["randoms"] != 0))
        with m.If(next_step):
            m.d.sync += [
                self.step_high.eq((self.step_high + self.kept["stride"])[: len(self.step_high)]),
                self.part.eq(Mux(steps == 1, WINDOW, RANDOM)),
                self.index.eq(0),
                steps.eq((steps - 1)[: len(steps)]),
            ]

    def begin(self, m):
        """A command: what it finds in the buffer, and where."""
        beside, ring = (Signal.like(self.beside, name=name) for name in ("beside_next", "ring_next"))
        back = Signal(signed(len(ring) + 1), name="back")
        around = Signal.like(self.base, name="around")
        m.d.comb += [
            beside.eq((self.shared + self.randoms)[: len(beside)]),
            ring.eq((self.size - beside)[: len(ring)]),
            fit(back, self.window_place - self.held),
            around.eq(Mux(back < beside, back + ring, back)[: len(around)]),
            self.base_next.eq(Mux(self.goes_on, around, beside)[: len(self.base)]),
        ]
        settled = 1
        if self.delay:
            # what the command before still reads must not be written
            age = Signal(range(self.delay + 1), name="age")
            settled = age == self.delay
            with m.If(self.take):
                m.d.sync += age.eq(0)
            with m.Elif(~settled):
                m.d.sync += age.eq(age + 1)
        m.d.comb += self.settled.eq(settled)
        first = Mux(self.goes_on | (self.shared == 0), Mux(self.randoms == 0, WINDOW, RANDOM), SHARED)
        with m.If(self.take):
            m.d.sync += [kept.eq(getattr(self, name)) for name, kept in self.kept.items()]
            m.d.sync += [
                self.begun.eq(1),
                self.part.eq(first),
                self.index.eq(0),
                self.told["loaded"].eq(self.held),
                self.room.eq((ring - self.held)[: len(self.room)]),
                self.random_room.eq(self.randoms),
                self.told["randoms_there"].eq(0),
                self.step_high.eq(self.high),
                self.steps_left.eq(self.steps),
                self.told["base"].eq(self.base_next),
                self.told["beside"].eq(beside),
            ]
            with m.If(~self.goes_on):
                m.d.sync += [self.window_place.eq(beside), self.told["shared_there"].eq(0)]


def definition(p: WindowParams, extra: int, delay: int, most: int) -> Definition:
    """The loader of a buffer of p.slots + `extra` places, whose reads come `delay` cycles behind a slot.

    most  places that are free at once
    """
    return Definition(f"{p.name}_loader_{extra}_{delay}", Loader(p, extra, delay, most))
