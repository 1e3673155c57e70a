"""A whole program's cycles: when each command starts and is done, at a memory of fixed latency.

What each unit says of itself (load and store: move_timing, matrix: multiply_cycles, vector: vector) is put
together as control does: commands come from memory, go in order into queues, wait for tokens and for their
unit. A unit is a generator that goes on with its next command when all is known that decides about it; which
one goes first changes nothing, since none looks at what comes later.

Left out: words that wait because another unit is at the same bank of the scratchpad. Where that is rare the
result is within 3 % of the RTL, mostly within 1 % (tests/accelerator/test_timing.py).
"""

from collections.abc import Iterator, Sequence, Sized
from dataclasses import dataclass

from golden import check
from golden.accelerator import control
from golden.accelerator.accesses import sums_taken
from golden.accelerator.assembler import CONTROL, Command
from golden.accelerator.commands import UNITS, Kind, Opcode
from golden.accelerator.map_steps import DONE, WORDS, latency
from golden.accelerator.move_timing import StoreTiming
from golden.accelerator.multiply import count_of, tiles_of
from golden.accelerator.multiply_cycles import NEVER
from golden.accelerator.params import COMMAND_BYTES, AcceleratorParams
from golden.accelerator.timing_units import Loads, Matrix, Taken, unit_cycles

LOAD, MATRIX, VECTOR, STORE = range(len(UNITS))
BEGIN = 22  # cycles of a MAP, about, beyond what its vectors take
Step = Iterator[None]  # of a unit: it yields where it must wait to know more


@dataclass(frozen=True, slots=True)
class Span:
    """A command of a unit, cycles from the start on.

    number  in the program
    ready   when it could go to its unit, if all its tokens were there
    start   when the unit takes it
    done    of its `done`
    waits   the unit whose token it waited for last, "" if for none
    """

    number: int
    ready: int
    start: int
    done: int
    waits: str


@dataclass(frozen=True, slots=True)
class Prediction:
    """cycles: from start to the interrupt. spans: of each unit.

    lost: cycles by cause and by the command, by its number, that is the reason; they add up to `cycles`:

    compute     a vector enters the array
    waste       passes of fewer vectors than the array has rows
    fill        the first words of commands, up to the first vector of each
    memory      the array waits, maybe by way of others, for what load or store is doing
    dependency  the same of vector; or it waits for room for its sums
    control     the same of commands that have not come
    drain       behind the last vector: of a command, from the `done` of the one before to its own
    """

    cycles: int
    spans: dict[str, list[Span]]
    lost: dict[str, list[int]]

    @property
    def losses(self) -> dict[str, int]:
        """Cycles by cause, of all commands."""
        return {cause: sum(cycles) for cause, cycles in self.lost.items()}

    def busy(self, unit: str) -> list[tuple[int, int]]:
        """[first, end) of the times in which a unit has a command."""
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
    """What a well-formed program takes. address: of its first command.

    ahead                        cycles before the start in which it is being fetched
    read_latency, write_latency  cycles from AR accepted to the first beat, from the last W accepted to B
    raises                       BadValue if it never ends
    """
    model = Model(p, commands, read_latency, write_latency, address, ahead)
    end = model.run() - ahead
    spans = [
        [Span(s.number, s.ready - ahead, s.start - ahead, s.done - ahead, s.waits) for s in each]
        for each in model.spans
    ]
    return Prediction(end, dict(zip(UNITS, spans, strict=True)), model.lost())


class Model:
    """The program as it runs; see `predict`. Cycle 0 is that in which fetching begins.

    mine        numbers of each unit's commands
    ready       of each command that control has given
    full        the (unit, order) whose start made room in a queue that held it up last; order -1: it had not
                come, unit LOAD: behind what LOAD reads
    starts      of each unit's commands, as far as they are known
    spans       the same of what is known to its end
    """

    def __init__(
        self, p: AcceleratorParams, commands: Sequence[Command], read: int, write: int, address: int,
        ahead: int,
    ):  # fmt: skip
        self.p, self.commands, self.read, self.first_address = p, commands, read, address
        self.unit = [-1 if each.unit == CONTROL else UNITS.index(each.unit) for each in commands]
        self.mine: list[list[int]] = [[] for _ in UNITS]
        for number, unit in enumerate(self.unit):
            if unit >= 0:
                self.mine[unit].append(number)
        self.sources = self.matched()
        self.ready: list[int] = []
        self.full: list[tuple[int, int]] = []
        self.spans: list[list[Span]] = [[] for _ in UNITS]
        self.starts: list[list[int]] = [[] for _ in UNITS]
        self.load_unit, self.store_unit = Loads(p, read), StoreTiming(p, write)
        self.matrix, self.taken = Matrix(p, len(commands)), Taken()
        self.start, self.matrix.vector = ahead, ahead - 1
        self.end = -1

    def matched(self) -> list[list[tuple[int, int]]]:
        """Of each command, (unit, order) of those whose tokens it takes."""
        given: dict[tuple[int, int], list[int]] = {}
        taken: dict[tuple[int, int], int] = {}
        orders = [0] * len(UNITS)
        found: list[list[tuple[int, int]]] = []
        for number, (command, unit) in enumerate(zip(self.commands, self.unit, strict=True)):
            sources = []
            for name in command.wait:
                pair = UNITS.index(name), unit
                place = taken.get(pair, 0)
                if place >= len(given.get(pair, ())):
                    raise check.fail(f"command {number}: token of {name}", "missing", "one given before")
                sources.append((pair[0], given[pair][place]))
                taken[pair] = place + 1
            for name in command.signal:
                given.setdefault((unit, UNITS.index(name)), []).append(orders[unit])
            if unit >= 0:
                orders[unit] += 1
            found.append(sources)
        return found

    def run(self) -> int:
        """The cycle of the interrupt."""
        units = [self.control(), self.loads(), self.multiplies(), self.vectors(), self.stores()]
        while units:
            before = self.progress()
            units = [unit for unit in units if next(unit, self) is not self]
            if units and self.progress() == before:
                if self.load_unit.fetches:
                    self.load_unit.fetch()
                    continue
                raise check.fail("program", f"stuck, {len(self.ready)} commands given", "one that ends")
        return self.end

    def progress(self) -> tuple[int, ...]:
        """How much is known."""
        known: list[Sized] = [self.ready, self.load_unit.come, self.matrix.there, self.taken.segments]
        return (self.end, *(len(each) for each in (*known, *self.starts, *self.spans)))

    # Control.

    def control(self) -> Step:
        """Give each command to its queue, then END."""
        orders = [0] * len(UNITS)
        come = 0  # cycle of a command's last word
        given = last = request = -1
        before = NEVER  # when the one before the last was given
        words = self.p.command_words
        full = -1, -1
        for index in range(control.REQUESTS):
            self.ask(index)
        for number, unit in enumerate(self.unit):
            if number == self.of_request(request + 1)[0]:
                request += 1
                while len(self.load_unit.come) <= request:
                    yield
                come = max(come, self.load_unit.come[request] - 1)
            come += words
            # words are taken while the command before is not waiting
            last = max(come, last + words, before + words - 2)
            if come + control.WORD_TO_UNIT > given + words:
                full = LOAD if self.load_unit.behind[request] else -1, -1
            earliest = given + 1 if number else self.start + control.START_TO_UNIT
            before, given = given, max(last + control.WORD_TO_UNIT, earliest)
            if unit < 0:
                while not self.all_done(orders):
                    yield
                ends = [s[order - 1].done for s, order in zip(self.spans, orders, strict=True) if order]
                given = max([given, *(done + 2 for done in ends)])
            else:
                order = orders[unit] - self.p.queue
                while len(self.starts[unit]) <= order:
                    yield
                if order >= 0:
                    if self.starts[unit][order] >= given:
                        given, full = self.starts[unit][order] + 1, (unit, order)
                orders[unit] += 1
            self.ready.append(given)
            self.full.append(full)
            if number + 1 == self.of_request(request)[1]:
                self.ask(request + control.REQUESTS)
        # the cycle of the start is not counted
        self.end = given - 1 + control.END_TO_DONE - 1

    def all_done(self, orders: Sequence[int]) -> bool:
        """Whether it is known of so many commands of each unit when they are done."""
        return all(len(spans) >= order for spans, order in zip(self.spans, orders, strict=True))

    def ask(self, request: int) -> None:
        """For the commands of a request, once those of the one that had its room have gone on."""
        first, end = self.of_request(request)
        if first >= len(self.commands):
            return
        asked = control.START_TO_REQUEST + request
        if request >= control.REQUESTS:
            before = self.of_request(request - control.REQUESTS)[1] - 1
            asked = max(asked, self.ready[before] - control.WORD_TO_UNIT + 1)
        words = (min(end, len(self.commands)) - first) * self.p.command_words
        self.load_unit.fetches.append((asked, words))

    def of_request(self, request: int) -> tuple[int, int]:
        """First command, and one past the last: requests end at multiples of their length."""
        length = control.REQUEST_BYTES // COMMAND_BYTES
        place = self.first_address // COMMAND_BYTES % length
        return max(0, request * length - place), (request + 1) * length - place

    # Units.

    def offered(self, unit: int, order: int) -> Iterator[None]:
        """Wait until a unit's command and its tokens are known."""
        number = self.mine[unit][order]
        while len(self.ready) <= number:
            yield
        for giver, place in self.sources[number]:
            while len(self.spans[giver]) <= place:
                yield

    def offer(self, unit: int, order: int) -> tuple[int, int, str]:
        """The cycle in which it is ready, that from which on it stands at its unit, and who held it up."""
        number = self.mine[unit][order]
        ready = self.ready[number]
        if order >= control.IN_FLIGHT:
            ready = max(ready, self.spans[unit][order - control.IN_FLIGHT].done + 1)
        cycle, waits = ready, ""
        for giver, place in self.sources[number]:
            token = self.spans[giver][place].done + control.DONE_TO_UNIT
            if token > cycle:
                cycle, waits = token, UNITS[giver]
        return ready, cycle, waits

    def blame(self, unit: int, order: int, first: int, end: int, waits: str) -> None:
        """Cycles before a unit's command started go to who was at work then, the last of them first."""
        lost = self.matrix.lost
        while end > first:
            number = self.mine[unit][order]
            if waits:
                giver = UNITS.index(waits)
                order = max((place for each, place in self.sources[number] if each == giver), default=0)
                unit = giver
            elif order and self.spans[unit][order - 1].done >= self.ready[number]:
                order -= 1
            elif self.full[number][1] >= 0:
                unit, order = self.full[number]
            else:
                lost["memory" if self.full[number][0] == LOAD else "control"][number] += end - first
                return
            cause, number = "memory" if unit in (LOAD, STORE) else "dependency", self.mine[unit][order]
            if order >= len(self.spans[unit]):  # at work, and not known to its end
                lost[cause][number] += end - first
                return
            span = self.spans[unit][order]
            start = max(first, min(end, span.start))
            lost[cause][number] += end - start
            end, waits = start, span.waits

    def lost(self) -> dict[str, list[int]]:
        """See Prediction.lost; what follows the last `done` is of the last command that had one."""
        lost, at, last = self.matrix.lost, self.matrix.vector + 1, len(self.commands) - 1
        late = sorted((span for each in self.spans for span in each if span.done > at), key=lambda s: s.done)
        for span in late:
            lost["drain"][span.number] += span.done - at
            at, last = span.done, span.number
        lost["drain"][last] += self.end - at
        return lost

    def note(self, unit: int, ready: int, start: int, done: int, waits: str) -> None:
        spans = self.spans[unit]
        spans.append(Span(self.mine[unit][len(spans)], ready, start, done, waits))

    def loads(self) -> Step:
        for order, number in enumerate(self.mine[LOAD]):
            yield from self.offered(LOAD, order)
            ready, cycle, waits = self.offer(LOAD, order)
            command = self.commands[number]
            # any rows: of numbers nothing is known
            numbers = range(command.fields["count1"]) if command.opcode == Opcode.GATHER else ()
            start = max(cycle, self.load_unit.start + 1)
            self.starts[LOAD].append(start)
            while self.commands_first(start):
                yield
            done = self.load_unit.command(command.opcode, command.fields, cycle, numbers)
            self.note(LOAD, ready, start, done, waits)

    def commands_first(self, start: int) -> bool:
        """Whether the port takes a request for commands before the run of a command that starts then."""
        unit = self.load_unit
        if not unit.fetches or unit.fetches[0][0] > unit.next_run(start + 1):
            return False
        unit.fetch()
        return True

    def stores(self) -> Step:
        for order, number in enumerate(self.mine[STORE]):
            yield from self.offered(STORE, order)
            ready, cycle, waits = self.offer(STORE, order)
            start = max(cycle, self.store_unit.start + 1)
            done = self.store_unit.command(self.commands[number].fields, cycle)
            self.starts[STORE].append(start)
            self.note(STORE, ready, start, done, waits)

    def multiplies(self) -> Step:
        matrix, made = self.matrix, 0
        for order, number in enumerate(self.mine[MATRIX]):
            yield from self.offered(MATRIX, order)
            ready, cycle, waits = self.offer(MATRIX, order)
            command = self.commands[number]
            self.blame(MATRIX, order, *matrix.idle(cycle), waits)
            start = matrix.begin(command, cycle)
            self.starts[MATRIX].append(start)
            count = count_of(command.fields)
            for _ in range(tiles_of(command.fields)):
                needed = 0 if command.fields["open"] else made + count - self.p.unit.accumulator_rows
                while self.taken.rows < needed:
                    yield
                matrix.tile(command, number, self.taken.cycle(needed - 1) if needed > 0 else NEVER)
                made += 0 if command.fields["open"] else count
            self.note(MATRIX, ready, start, matrix.end(), waits)

    def vectors(self) -> Step:
        done, tile, used = -1, 0, 0  # used: rows of the tile at hand that were taken
        for order, number in enumerate(self.mine[VECTOR]):
            yield from self.offered(VECTOR, order)
            ready, cycle, waits = self.offer(VECTOR, order)
            command = self.commands[number]
            start = max(cycle, done + 1)
            self.starts[VECTOR].append(start)
            took = unit_cycles(self.p, command)
            done = start + took - 1
            left = rows = sums_taken(command)
            pace = max(1, (took - BEGIN) / rows) if rows else 1.0
            last = start + 1.0
            while left:
                while len(self.matrix.there) <= tile:
                    yield
                count, there = self.matrix.there[tile]
                taken = min(left, count - used)
                first = max(there + used, last + (pace if left < rows else 0))
                last = max(there + used + taken - 1, first + (taken - 1) * pace)
                self.taken.add(taken, first, (last - first) / max(1, taken - 1))
                left, used = left - taken, used + taken
                if used == count:
                    tile, used = tile + 1, 0
            if rows:
                words = WORDS[Kind(command.fields["out_kind"])]
                done = max(done, int(last) + latency(self.p, command.fields["function"]) + words + DONE)
            self.note(VECTOR, ready, start, done, waits)
