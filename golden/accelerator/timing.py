"""A program's cycles: when each command starts and is done, with a memory of fixed latency.

The Timings of the units (golden.accelerator.unit_timing) are combined as control does it: commands are
fetched from memory, put in order into queues, and wait there for tokens and for their unit. A unit is a
generator that proceeds to its next command once everything that determines the command's timing is known; the
order in which units proceed changes nothing, since none depends on what comes later.

Not modelled: words that stall because another unit accesses the same bank of the scratchpad. Where that is
rare, the result is within 3 % of the RTL, mostly within 1 % (tests/accelerator/test_timing.py).
"""

from collections.abc import Iterator, Sequence, Sized
from dataclasses import dataclass

from golden import check
from golden.accelerator import control
from golden.accelerator.assembler import Command
from golden.accelerator.params import COMMAND_BYTES, AcceleratorParams
from golden.accelerator.unit_timing import Step, StreamTiming, UnitTiming
from golden.accelerator.units import streams, unit

NEVER = -(1 << 60)
LOSSES = ("compute", "waste", "fill", "memory", "dependency", "control", "drain")
COMPUTES = "matrix"  # whose cycles are accounted for
READS = "load"  # who shares memory's read port with control


@dataclass(frozen=True, slots=True)
class Span:
    """The cycles of one command of a unit, counted from the program's start.

    number  in the program
    ready   when it could have gone to its unit, had all its tokens been there
    start   when the unit accepts it
    done    the cycle of its `done`
    waits   the unit whose token it waited for last, "" if none
    """

    number: int
    ready: int
    start: int
    done: int
    waits: str


@dataclass(frozen=True, slots=True)
class Prediction:
    """cycles: from start to the interrupt. spans: of each unit.

    lost: cycles by cause and by the number of the command to blame; they add up to `cycles`:

    compute     a vector enters the array
    waste       a pass has fewer vectors than the array has rows
    fill        the first words of a command are on their way, up to its first vector
    memory      the array waits, directly or through other units, for the load or the store unit
    dependency  the array waits for the vector unit, or for room for its sums
    control     the array waits for a command that has not arrived
    drain       behind the last vector: from the `done` of the command before to that of this one
    """

    cycles: int
    spans: dict[str, list[Span]]
    lost: dict[str, list[int]]

    @property
    def losses(self) -> dict[str, int]:
        """Lost cycles by cause, over all commands."""
        return {cause: sum(cycles) for cause, cycles in self.lost.items()}

    def busy(self, unit: str) -> list[tuple[int, int]]:
        """Intervals [first, end) in which a unit has a command."""
        found: list[tuple[int, int]] = []
        for span in self.spans[unit]:
            if found and span.start <= found[-1][1]:
                found[-1] = (found[-1][0], max(found[-1][1], span.done))
            else:
                found.append((span.start, span.done))
        return found


def predict(
    p: AcceleratorParams, commands: Sequence[Command], read_latency: int, write_latency: int,
    address: int = 0, ahead: int = control.HOST,
) -> Prediction:  # fmt: skip
    """The timing of a well-formed program. address: of its first command.

    ahead                        cycles before the start in which it is being fetched
    read_latency, write_latency  cycles from AR accepted to the first beat, from the last W accepted to B
    raises                       BadValue if it never ends
    """
    model = TimingModel(p, commands, read_latency, write_latency, address, ahead)
    end = model.run() - ahead
    spans = {
        name: [Span(s.number, s.ready - ahead, s.start - ahead, s.done - ahead, s.waits) for s in each]
        for name, each in model.spans.items()
    }
    return Prediction(end, spans, model.all_lost())


class TimingModel:
    """The program as it runs; see `predict`. Cycle 0 is that in which fetching begins.

    timings     by unit: its Timing
    mine        by unit: numbers of its commands in the program
    starts      by unit: cycles in which its commands start, as far as they are known
    spans       by unit: Spans of its commands, as far as their ends are known
    streams     by stream: the rows whose timing is known
    lost        as Prediction.lost
    sources     for each command, (unit, order) of the commands whose tokens it takes
    ready       for each command that control has queued, the cycle
    full        what delayed each command last: the (unit, order) of the command whose start freed a full
                queue; or, with order -1, that the command had not been fetched yet (unit READS: because the
                data of that unit's commands came first; unit "": for the memory's latency alone)
    """

    def __init__(
        self, p: AcceleratorParams, commands: Sequence[Command], read: int, write: int, address: int,
        ahead: int,
    ):  # fmt: skip
        self.p, self.commands, self.first_address = p, commands, address
        self.read, self.write, self.start = read, write, ahead
        self.mine: dict[str, list[int]] = {name: [] for name in p.present}
        for number, command in enumerate(commands):
            if command.unit in self.mine:
                self.mine[command.unit].append(number)
        self.sources = self.matched()
        self.ready: list[int] = []
        self.full: list[tuple[str, int]] = []
        self.spans: dict[str, list[Span]] = {name: [] for name in p.present}
        self.starts: dict[str, list[int]] = {name: [] for name in p.present}
        self.lost = {cause: [0] * len(commands) for cause in LOSSES}
        self.streams = {stream: StreamTiming() for stream in streams(p.present)}
        self.timings = {name: unit(name).Timing(self) for name in p.present}
        self.port = self.timings[READS].port
        self.end = -1

    def matched(self) -> list[list[tuple[str, int]]]:
        """`sources`: each token that is taken, matched with the command that gives it; BadValue where one is
        missing."""
        given: dict[tuple[str, str], list[int]] = {}
        taken: dict[tuple[str, str], int] = {}
        orders = dict.fromkeys(self.mine, 0)
        found: list[list[tuple[str, int]]] = []
        for number, command in enumerate(self.commands):
            sources, taker = [], command.unit
            for giver in command.wait:
                place = taken.get((giver, taker), 0)
                if place >= len(given.get((giver, taker), ())):
                    raise check.fail(f"command {number}: token of {giver}", "missing", "one given before")
                sources.append((giver, given[giver, taker][place]))
                taken[giver, taker] = place + 1
            for other in command.signal:
                given.setdefault((taker, other), []).append(orders[taker])
            if taker in orders:
                orders[taker] += 1
            found.append(sources)
        return found

    def run(self) -> int:
        """Run the program; returns the cycle of the interrupt."""
        units = [self.control(), *(self.work(name, timing) for name, timing in self.timings.items())]
        while units:
            before = self.progress()
            units = [each for each in units if next(each, self) is not self]
            if units and self.progress() == before:
                if self.port.fetches:
                    self.port.fetch()
                    continue
                raise check.fail("program", f"stuck, {len(self.ready)} commands given", "one that ends")
        return self.end

    def progress(self) -> tuple[object, ...]:
        """A value that changes as more of the program's timing becomes known."""
        known: list[Sized] = [self.ready, self.port.come, *self.starts.values(), *self.spans.values()]
        return (self.end, *(len(each) for each in known), *(each.known for each in self.streams.values()))

    # Control.

    def control(self) -> Step:
        """Put each command into its unit's queue, then execute END."""
        orders = dict.fromkeys(self.mine, 0)
        come = 0  # cycle of a command's last word
        given = last = request = -1
        before = NEVER  # when the one before the last was given
        words = self.p.command_words
        full = "", -1
        for index in range(control.REQUESTS):
            self.ask(index)
        for number, command in enumerate(self.commands):
            if number == self.of_request(request + 1)[0]:
                request += 1
                while len(self.port.come) <= request:
                    yield
                come = max(come, self.port.come[request] - 1)
            come += words
            # words are taken while the command before is not waiting
            last = max(come, last + words, before + words - 2)
            if come + control.WORD_TO_UNIT > given + words:
                full = READS if self.port.behind[request] else "", -1
            earliest = given + 1 if number else self.start + control.START_TO_UNIT
            before, given = given, max(last + control.WORD_TO_UNIT, earliest)
            name = command.unit
            if name not in orders:
                while not all(len(self.spans[each]) >= order for each, order in orders.items()):
                    yield
                ends = [self.spans[each][order - 1].done for each, order in orders.items() if order]
                given = max([given, *(done + 2 for done in ends)])
            else:
                order = orders[name] - self.p.queue
                while len(self.starts[name]) <= order:
                    yield
                if order >= 0 and self.starts[name][order] >= given:
                    given, full = self.starts[name][order] + 1, (name, order)
                orders[name] += 1
            self.ready.append(given)
            self.full.append(full)
            if number + 1 == self.of_request(request)[1]:
                self.ask(request + control.REQUESTS)
        # the cycle of the start is not counted
        self.end = given - 1 + control.END_TO_DONE - 1

    def ask(self, request: int) -> None:
        """Request the commands of a fetch request, once the commands that occupied its room have
        been queued."""
        first, end = self.of_request(request)
        if first >= len(self.commands):
            return
        asked = control.START_TO_REQUEST + request
        if request >= control.REQUESTS:
            before = self.of_request(request - control.REQUESTS)[1] - 1
            asked = max(asked, self.ready[before] - control.WORD_TO_UNIT + 1)
        words = (min(end, len(self.commands)) - first) * self.p.command_words
        self.port.fetches.append((asked, words))

    def of_request(self, request: int) -> tuple[int, int]:
        """First command of a fetch request and one past its last: requests end at multiples of their
        length."""
        length = control.REQUEST_BYTES // COMMAND_BYTES
        place = self.first_address // COMMAND_BYTES % length
        return max(0, request * length - place), (request + 1) * length - place

    # Units.

    def work(self, name: str, timing: UnitTiming) -> Step:
        """Execute a unit's commands, one after the other."""
        for order, number in enumerate(self.mine[name]):
            yield from self.offered(name, order)
            ready, cycle, waits = self.offer(name, order)
            command = self.commands[number]
            timing.number = number
            self.blame(name, order, timing.idle(cycle), cycle, waits)
            start = timing.begin(command, cycle)
            self.starts[name].append(start)
            yield from timing.finish(command, start)
            self.spans[name].append(Span(number, ready, start, timing.done, waits))

    def offered(self, name: str, order: int) -> Iterator[None]:
        """Wait until control has queued a unit's command and the commands that give its tokens are done."""
        number = self.mine[name][order]
        while len(self.ready) <= number:
            yield
        for giver, place in self.sources[number]:
            while len(self.spans[giver]) <= place:
                yield

    def offer(self, name: str, order: int) -> tuple[int, int, str]:
        """For a unit's command: the cycle in which it is ready, the first in which it is offered to its unit,
        and which unit delayed it."""
        number = self.mine[name][order]
        ready = self.ready[number]
        if order >= control.IN_FLIGHT:
            ready = max(ready, self.spans[name][order - control.IN_FLIGHT].done + 1)
        cycle, waits = ready, ""
        for giver, place in self.sources[number]:
            token = self.spans[giver][place].done + control.DONE_TO_UNIT
            if token > cycle:
                cycle, waits = token, giver
        return ready, cycle, waits

    def blame(self, name: str, order: int, first: int, end: int, waits: str) -> None:
        """Attribute the cycles from `first` to `end`, in which COMPUTES was idle before one of its commands,
        to the units that worked in them, latest cycles first."""
        lost = self.lost
        while end > first:
            number = self.mine[name][order]
            if waits:
                order = max((place for each, place in self.sources[number] if each == waits), default=0)
                name = waits
            elif order and self.spans[name][order - 1].done >= self.ready[number]:
                order -= 1
            elif self.full[number][1] >= 0:
                name, order = self.full[number]
            else:
                lost["memory" if self.full[number][0] == READS else "control"][number] += end - first
                return
            cause, number = "memory" if unit(name).MEMORY else "dependency", self.mine[name][order]
            if order >= len(self.spans[name]):  # at work, and not known to its end
                lost[cause][number] += end - first
                return
            span = self.spans[name][order]
            start = max(first, min(end, span.start))
            lost[cause][number] += end - start
            end, waits = start, span.waits

    def all_lost(self) -> dict[str, list[int]]:
        """As Prediction.lost; the cycles behind the last `done` belong to the command that had it."""
        lost, at, last = self.lost, self.timings[COMPUTES].busy_to, len(self.commands) - 1
        spans = (span for each in self.spans.values() for span in each)
        for span in sorted((span for span in spans if span.done > at), key=lambda span: span.done):
            lost["drain"][span.number] += span.done - at
            at, last = span.done, span.number
        lost["drain"][last] += self.end - at
        return lost
