// A mapped netlist, 64 runs at once: bit r of a net's word is the net in run r.
//
// synth/gate_simulator.py lays the netlist out: nets are numbered in the order in which they are computed, gates of
// one level and one function stand together, and what a function does is a short program that runs over
// blocks of gates. Zero delay: a net has one value a cycle, so glitches are not seen.

#include <cstdint>
#include <cstring>
#include <vector>

#if defined(__x86_64__)
#define POPCOUNT __attribute__((target("popcnt")))  // numpy itself asks for more of the processor
#else
#define POPCOUNT
#endif

using Word = uint64_t;

constexpr int BLOCK = 64;  // gates at a time: the slots of a function stay in the first cache

enum Op { AND, OR, XOR, NOT, COPY };
enum Outcome { PAUSED, DONE, HUNG, SPLIT, DROPPED, LOOPS };

struct Step {
    int32_t op, target, a, b;  // slots
};

struct Group {
    int64_t inputs;  // where its gates' inputs begin: net of input k of gate g at [inputs + k * gates + g]
    int64_t gates;
    int64_t out;  // first of its outputs, which follow one another
    int32_t arity, step, steps, result;
};

struct Stream {
    Word* words;  // [count][bits]
    const int32_t* payload;
    uint64_t count, moved, waits, stalls;
    uint32_t stall;
    int32_t bits, valid, ready;
    uint8_t input, offered, stalled, pad;
};

struct Port {  // of a memory
    const int32_t *address, *data, *enable;  // nets; enable has one for each bit of data
    uint64_t accesses;
    int32_t address_bits, write;
};

struct Memory {
    Word* content;  // [words][width]
    Port* ports;
    int64_t words;
    int32_t width, port_count;
};

struct Netlist {
    Word *value, *old, *next, *forced;
    uint64_t *toggles, *ones;
    const Step* steps;
    const int32_t* inputs;
    const Group *logic, *state, *forcing;
    Memory* memories;
    const int32_t* forced_state;  // which state each forced value is for; later ones win
    const uint8_t* forced_one;
    int64_t nets, states, first_state, forced_count;
    int32_t logic_groups, state_groups, forcing_groups, memory_count;
};

struct Job {
    Word mask;
    Stream* streams;
    const Word* driven;  // [driven_cycles][driven_bits]
    const int32_t* driven_nets;
    Word* recorded;  // [cycles][recorded_bits]
    const int32_t* recorded_nets;
    uint64_t random, cycle, cycles, window_first, window_end, counted, idle, max_idle, remaining, settle;
    uint64_t driven_cycles, first_in, last_out;
    int32_t stream_count, driven_bits, recorded_bits, reset_net, reset, outcome, culprit, slice;
};

static void run_block(const Step* step, const Step* end, Word slot[][BLOCK]) {
    for (; step != end; ++step) {
        Word* target = slot[step->target];
        const Word *a = slot[step->a], *b = slot[step->b];
        switch (step->op) {
            case AND: for (int i = 0; i < BLOCK; ++i) target[i] = a[i] & b[i]; break;
            case OR: for (int i = 0; i < BLOCK; ++i) target[i] = a[i] | b[i]; break;
            case XOR: for (int i = 0; i < BLOCK; ++i) target[i] = a[i] ^ b[i]; break;
            case NOT: for (int i = 0; i < BLOCK; ++i) target[i] = ~a[i]; break;
            case COPY: for (int i = 0; i < BLOCK; ++i) target[i] = a[i]; break;
        }
    }
}

static void run_group(const Netlist& n, const Group& group, Word* out) {
    alignas(64) Word slot[64][BLOCK];
    for (int64_t first = 0; first < group.gates; first += BLOCK) {
        int64_t count = group.gates - first < BLOCK ? group.gates - first : BLOCK;
        for (int k = 0; k < group.arity; ++k) {
            const int32_t* net = n.inputs + group.inputs + k * group.gates + first;
            for (int64_t i = 0; i < count; ++i) slot[k][i] = n.value[net[i]];
        }
        run_block(n.steps + group.step, n.steps + group.step + group.steps, slot);
        memcpy(out + group.out + first, slot[group.result], count * sizeof(Word));
    }
}

static void run_logic(Netlist& n) {
    for (int i = 0; i < n.logic_groups; ++i) run_group(n, n.logic[i], n.value);
}

static void apply_forced(Netlist& n) {
    for (int64_t i = 0; i < n.forced_count; ++i) {
        Word& state = n.next[n.forced_state[i]];
        state = n.forced_one[i] ? state | n.forced[i] : state & ~n.forced[i];
    }
}

// Sets and resets that do not wait for the clock; whether a state changed.
static bool force(Netlist& n) {
    for (int i = 0; i < n.forcing_groups; ++i) run_group(n, n.forcing[i], n.forced);
    memcpy(n.next, n.value + n.first_state, n.states * sizeof(Word));
    apply_forced(n);
    bool changed = memcmp(n.next, n.value + n.first_state, n.states * sizeof(Word));
    memcpy(n.value + n.first_state, n.next, n.states * sizeof(Word));
    return changed;
}

static bool settle(Netlist& n) {
    run_logic(n);
    for (int tries = 0; n.forcing_groups && force(n); ++tries) {
        if (tries == 16) return false;
        run_logic(n);
    }
    return true;
}

POPCOUNT static uint64_t ones_in(Word word) { return __builtin_popcountll(word); }

POPCOUNT static void count_toggles(Netlist& n, Word mask) {
    for (int64_t i = 0; i < n.nets; ++i) {
        n.toggles[i] += __builtin_popcountll((n.value[i] ^ n.old[i]) & mask);
        n.ones[i] += __builtin_popcountll(n.value[i] & mask);
    }
}

static int64_t address_of(const Netlist& n, const Port& port, int run) {
    int64_t address = 0;
    for (int b = 0; b < port.address_bits; ++b) {
        address |= static_cast<int64_t>(n.value[port.address[b]] >> run & 1) << b;
    }
    return address;
}

static bool same_address(const Netlist& n, const Port& port, Word mask) {
    for (int b = 0; b < port.address_bits; ++b) {
        Word word = n.value[port.address[b]] & mask;
        if (word && word != mask) return false;
    }
    return true;
}

// `runs` of the port access `address`; a read's data goes to `read`.
static void access(Netlist& n, Memory& memory, const Port& port, int64_t address, Word runs, Word* read) {
    if (address >= memory.words) return;
    Word* row = memory.content + address * memory.width;
    for (int b = 0; b < memory.width; ++b) {
        Word on = n.value[port.enable[b]] & runs;
        if (port.write) row[b] = (row[b] & ~on) | (n.value[port.data[b]] & on);
        else read[b] = (read[b] & ~on) | (row[b] & on);
    }
}

static void move_port(Netlist& n, Memory& memory, Port& port, Word mask, bool counting, Word* read) {
    Word any = 0;
    for (int b = 0; b < memory.width; ++b) any |= n.value[port.enable[b]];
    any &= mask;
    if (!any) return;
    if (counting) port.accesses += ones_in(any);
    if (same_address(n, port, mask)) {
        access(n, memory, port, address_of(n, port, __builtin_ctzll(mask)), mask, read);
        return;
    }
    for (int run = 0; run < 64; ++run) {
        if (any >> run & 1) access(n, memory, port, address_of(n, port, run), Word(1) << run, read);
    }
}

// What the memories' outputs become: reads see what stood there before the edge.
static void clock_memories(Netlist& n, Word mask, bool counting, std::vector<Word>& read) {
    read.clear();
    for (int m = 0; m < n.memory_count; ++m) {
        Memory& memory = n.memories[m];
        size_t first = read.size();
        for (int p = 0; p < memory.port_count; ++p) {
            for (int b = 0; b < memory.width && !memory.ports[p].write; ++b) {
                read.push_back(n.value[memory.ports[p].data[b]]);
            }
        }
        for (int writes = 0; writes < 2; ++writes) {
            size_t place = first;
            for (int p = 0; p < memory.port_count; ++p) {
                Port& port = memory.ports[p];
                if (port.write == writes) move_port(n, memory, port, mask, counting, read.data() + place);
                if (!port.write) place += memory.width;
            }
        }
    }
}

static void clock_edge(Netlist& n, Word mask, bool counting, std::vector<Word>& read) {
    for (int i = 0; i < n.state_groups; ++i) run_group(n, n.state[i], n.next);
    apply_forced(n);  // what holds a state holds it over the edge
    clock_memories(n, mask, counting, read);
    memcpy(n.value + n.first_state, n.next, n.states * sizeof(Word));
    size_t place = 0;
    for (int m = 0; m < n.memory_count; ++m) {
        for (int p = 0; p < n.memories[m].port_count; ++p) {
            const Port& port = n.memories[m].ports[p];
            for (int b = 0; b < n.memories[m].width && !port.write; ++b) n.value[port.data[b]] = read[place++];
        }
    }
}

static uint32_t random_word(uint64_t& state) {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return static_cast<uint32_t>(state >> 32);
}

static void offer(Netlist& n, Job& job, Stream& stream, bool resetting) {
    bool left = stream.moved < stream.count && !resetting;
    stream.stalled = stream.stall && random_word(job.random) < stream.stall;
    bool go = left && (!stream.stalled || (stream.input && stream.offered));  // what was offered is not withdrawn
    if (left && !go) ++stream.stalls;
    n.value[stream.input ? stream.valid : stream.ready] = go ? ~Word(0) : 0;
    if (!stream.input || !go) return;
    for (int b = 0; b < stream.bits; ++b) {
        n.value[stream.payload[b]] = stream.words[stream.moved * stream.bits + b];
    }
}

// Moves a stream's word where both sides agree; PAUSED where all is well.
static int transfer(Netlist& n, Job& job, Stream& stream, bool& moved) {
    Word valid = n.value[stream.valid] & job.mask, ready = n.value[stream.ready] & job.mask;
    if ((valid && valid != job.mask) || (ready && ready != job.mask)) return SPLIT;
    if (!stream.input && stream.offered && !valid) return DROPPED;
    stream.offered = valid && !ready;
    stream.waits += stream.offered;
    if (!valid || !ready) return PAUSED;
    if (!stream.input) {
        for (int b = 0; b < stream.bits; ++b) {
            stream.words[stream.moved * stream.bits + b] = n.value[stream.payload[b]];
        }
    }
    uint64_t& mark = stream.input ? job.first_in : job.last_out;
    if (!stream.input || mark == ~uint64_t(0)) mark = job.cycle - job.reset;
    ++stream.moved;
    --job.remaining;
    moved = true;
    return PAUSED;
}

static int transfers(Netlist& n, Job& job) {
    bool moved = false;
    for (int i = 0; i < job.stream_count; ++i) {
        int outcome = transfer(n, job, job.streams[i], moved);
        if (outcome != PAUSED) {
            job.culprit = i;
            return outcome;
        }
    }
    job.idle = moved ? 0 : job.idle + 1;
    return job.remaining && job.idle > job.max_idle ? HUNG : PAUSED;
}

static void drive(Netlist& n, Job& job, bool resetting) {
    if (job.reset_net >= 0) n.value[job.reset_net] = resetting ? ~Word(0) : 0;
    if (job.driven_cycles) {
        uint64_t now = resetting ? 0 : job.cycle - job.reset;
        if (now >= job.driven_cycles) now = job.driven_cycles - 1;
        for (int b = 0; b < job.driven_bits; ++b) {
            n.value[job.driven_nets[b]] = job.driven[now * job.driven_bits + b];
        }
    }
    for (int i = 0; i < job.stream_count; ++i) offer(n, job, job.streams[i], resetting);
}

static bool finished(const Job& job, uint64_t now) {
    if (job.cycles) return now + 1 >= job.cycles;
    return !job.remaining && job.idle >= job.settle;
}

static int one_cycle(Netlist& n, Job& job, std::vector<Word>& read) {
    bool resetting = job.cycle < static_cast<uint64_t>(job.reset);
    uint64_t now = job.cycle - job.reset;
    drive(n, job, resetting);
    if (!settle(n)) return LOOPS;
    bool counting = !resetting && now >= job.window_first && now < job.window_end;
    int outcome = resetting ? PAUSED : transfers(n, job);
    for (int b = 0; b < job.recorded_bits && !resetting; ++b) {
        job.recorded[now * job.recorded_bits + b] = n.value[job.recorded_nets[b]];
    }
    if (counting) {
        count_toggles(n, job.mask);
        ++job.counted;
    }
    if (now + 1 >= job.window_first && now + 1 <= job.window_end) memcpy(n.old, n.value, n.nets * sizeof(Word));
    clock_edge(n, job.mask, counting, read);
    ++job.cycle;
    if (outcome == PAUSED && !resetting && finished(job, now)) return DONE;
    return outcome;
}

extern "C" {

// Levels of gates, each with inputs [first[g], first[g + 1]) among `sources`: the gate that drives, or -1.
// The gates that lie on a loop, or behind one, keep -1; their number is returned.
int64_t gates_levels(int64_t gates, const int64_t* first, const int64_t* sources, int32_t* level) {
    std::vector<int64_t> fan(gates + 1, 0), waits(gates, 0), ready;
    for (int64_t g = 0; g < gates; ++g) {
        for (int64_t i = first[g]; i < first[g + 1]; ++i) {
            if (sources[i] >= 0) ++fan[sources[i] + 1], ++waits[g];
        }
    }
    for (int64_t g = 0; g < gates; ++g) fan[g + 1] += fan[g];
    std::vector<int64_t> users(fan[gates]), place(fan.begin(), fan.end() - 1);
    for (int64_t g = 0; g < gates; ++g) {
        for (int64_t i = first[g]; i < first[g + 1]; ++i) {
            if (sources[i] >= 0) users[place[sources[i]]++] = g;
        }
    }
    for (int64_t g = 0; g < gates; ++g) {
        level[g] = waits[g] ? -1 : 0;
        if (!waits[g]) ready.push_back(g);
    }
    std::vector<int32_t> depth(gates, 0);
    for (size_t done = 0; done < ready.size(); ++done) {
        int64_t g = ready[done];
        level[g] = depth[g];
        for (int64_t i = fan[g]; i < fan[g + 1]; ++i) {
            int64_t user = users[i];
            if (depth[user] <= depth[g]) depth[user] = depth[g] + 1;
            if (!--waits[user]) ready.push_back(user);
        }
    }
    return gates - static_cast<int64_t>(ready.size());
}

// A slice of cycles; job->outcome is PAUSED while there is more to do.
void gates_run(Netlist* netlist, Job* job) {
    std::vector<Word> read;
    for (int i = 0; i < job->slice && job->outcome == PAUSED; ++i) job->outcome = one_cycle(*netlist, *job, read);
}
}
