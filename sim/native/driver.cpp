// Runs one job on a Verilated model: words in, words out, nothing else between two evaluations.
//
// A cycle: set inputs, clk = 0, evaluate; what stands now is what the edge samples; clk = 1, evaluate.
// ports.h (sim/ports.py writes it) lists the ports as X(name, bits); sim/driver.py mirrors Stream and Job.

#include <chrono>
#include <cstdint>
#include <cstring>
#include <memory>
#include <stdexcept>
#include <string>
#include <type_traits>

#include "Vdut.h"
#include "ports.h"
#if VM_TRACE_FST
#include "verilated_fst_c.h"
#endif

namespace {

struct Stream {
    uint8_t* words;   // the next word to send, or room for the next to take
    uint64_t count;   // words of the job
    uint64_t moved;   // words transferred
    uint64_t waits;   // cycles in which a word waited for ready
    uint64_t stalls;  // cycles in which the driver held back at random
    uint32_t stall;   // probability of holding back, in 2^-32
    uint8_t valid, ready;  // as they stood in the last cycle
    uint8_t holds;    // input: the payload is a word not yet accepted; output: a word waits
};

enum Outcome { paused, done, hung, dropped, changed, surplus, fatal };

struct Job {
    uint64_t random;     // state of the random generator, not 0
    uint64_t remaining;  // words that have still to move
    uint64_t max_idle;   // cycles without a transfer that make a hang
    uint64_t settle;     // cycles afterwards in which no output may offer a word
    uint64_t window[2];  // cycles to record and trace: first, and one past the last
    uint8_t* watched;    // room for the watched ports of the window's cycles, or null
    const char* trace_file;
    uint64_t cycle, idle, first_in, last_in, last_out;
    int32_t outcome, culprit;
    uint8_t full, keep_state, begun;
};

constexpr uint64_t never = ~uint64_t(0);
constexpr auto slice = std::chrono::milliseconds(200);  // between two looks at Python's signals

constexpr size_t stride(int bits) {
    return bits <= 8 ? 1 : bits <= 16 ? 2 : bits <= 32 ? 4 : bits <= 64 ? 8 : (bits + 31) / 32 * 4;
}

#define STREAM_PORT(NAME, BITS)                                                 \
    struct NAME##_port {                                                        \
        using Word = std::remove_reference_t<decltype(Vdut::NAME##_payload)>;   \
        static_assert(sizeof(Word) == stride(BITS));                            \
        static CData& valid(Vdut& m) { return m.NAME##_valid; }                 \
        static CData& ready(Vdut& m) { return m.NAME##_ready; }                 \
        static void* payload(Vdut& m) { return &m.NAME##_payload; }             \
    };
INPUTS(STREAM_PORT)
OUTPUTS(STREAM_PORT)
#define WATCH_PORT(NAME, BITS) \
    static_assert(sizeof(std::remove_reference_t<decltype(Vdut::NAME)>) == stride(BITS));
WATCHES(WATCH_PORT)

struct Model {
    VerilatedContext context;
    std::unique_ptr<Vdut> dut;
    std::string message;  // of a fatal error
#define HELD(NAME, BITS) NAME##_port::Word NAME##_held{};
    OUTPUTS(HELD)
#if VM_TRACE_FST
    std::unique_ptr<VerilatedFstC> trace;
#endif
    Model() {
#if VM_TRACE_FST
        context.traceEverOn(true);
#endif
        dut = std::make_unique<Vdut>(&context);
    }
};

inline bool chance(Job& job, uint32_t probability) {  // xorshift64
    job.random ^= job.random << 13;
    job.random ^= job.random >> 7;
    job.random ^= job.random << 17;
    return uint32_t(job.random >> 32) < probability;
}

// Offers the next word, unless one stands there already.
template <class Port, bool Full> inline void offer(Vdut& m, Job& job, Stream& s) {
    if (s.holds) return;
    bool valid = s.moved != s.count;
    if (Full && valid && chance(job, s.stall)) {
        valid = false;
        ++s.stalls;
    }
    if (valid) std::memcpy(Port::payload(m), s.words, sizeof(typename Port::Word));
    Port::valid(m) = s.holds = valid;
}

template <class Port, bool Full> inline void allow(Vdut& m, Job& job, Stream& s) {
    bool ready = s.moved != s.count;
    if (Full && ready && chance(job, s.stall)) {
        ready = false;
        ++s.stalls;
    }
    Port::ready(m) = ready;
}

template <class Port> inline bool sent(Vdut& m, Job& job, Stream& s) {
    const bool taken = Port::valid(m) & Port::ready(m);
    s.waits += Port::valid(m) & !taken;
    if (taken) {
        s.words += sizeof(typename Port::Word);
        ++s.moved;
        s.holds = false;
        job.last_in = job.cycle;
    }
    return taken;
}

template <class Port> inline bool taken(Vdut& m, Job& job, Stream& s) {
    const bool taken = Port::valid(m) & Port::ready(m);
    if (taken) {
        std::memcpy(s.words, Port::payload(m), sizeof(typename Port::Word));
        s.words += sizeof(typename Port::Word);
        ++s.moved;
        job.last_out = job.cycle;
    }
    return taken;
}

// An output that waits must go on to offer the same word.
template <class Port> inline void holds_still(Vdut& m, Job& job, Stream& s, int index, typename Port::Word& held) {
    if (s.holds && !Port::valid(m)) job.outcome = dropped, job.culprit = index;
    else if (s.holds && std::memcmp(&held, Port::payload(m), sizeof held)) job.outcome = changed, job.culprit = index;
    const bool waits = Port::valid(m) & !Port::ready(m);
    if (waits && !s.holds) std::memcpy(static_cast<void*>(&held), Port::payload(m), sizeof held);
    s.waits += s.holds = waits;
}

void dump(Model& self, const Job& job, int half) {
#if VM_TRACE_FST
    if (self.trace && job.cycle >= job.window[0] && job.cycle < job.window[1])
        self.trace->dump(job.cycle * 10 + half * 5);  // a cycle is 10 ns
#endif
}

void watch(Vdut& m, Job& job) {
    if (!job.watched || job.cycle < job.window[0] || job.cycle >= job.window[1]) return;
#define RECORD(NAME, BITS)                             \
    std::memcpy(job.watched, &m.NAME, sizeof m.NAME);  \
    job.watched += sizeof m.NAME;
    WATCHES(RECORD)
}

// One cycle; returns whether any word moved.
template <bool Full> inline bool step(Model& self, Job& job, Stream* streams) {
    Vdut& m = *self.dut;
    Stream* s = streams;
#define OFFER(NAME, BITS) offer<NAME##_port, Full>(m, job, *s++);
    INPUTS(OFFER)
#define ALLOW(NAME, BITS) allow<NAME##_port, Full>(m, job, *s++);
    OUTPUTS(ALLOW)
    m.clk = 0;
    m.eval();
    s = streams;
    uint64_t in = 0, out = 0;
#define SENT(NAME, BITS) in += sent<NAME##_port>(m, job, *s++);
    INPUTS(SENT)
    if (Full) {
        Stream* o = s;
#define HOLDS(NAME, BITS) holds_still<NAME##_port>(m, job, *o, int(o - streams), self.NAME##_held); ++o;
        OUTPUTS(HOLDS)
        watch(m, job);
        dump(self, job, 0);
    }
#define TAKEN(NAME, BITS) out += taken<NAME##_port>(m, job, *s++);
    OUTPUTS(TAKEN)
    if (in && job.first_in == never) job.first_in = job.cycle;
    m.clk = 1;
    m.eval();
    if (Full) dump(self, job, 1);
    job.remaining -= in + out;
    ++job.cycle;
    return in + out;
}

template <bool Full> void run(Model& self, Job& job, Stream* streams) {
    const auto until = std::chrono::steady_clock::now() + slice;
    while (job.remaining && job.outcome == paused) {
        job.idle = step<Full>(self, job, streams) ? 0 : job.idle + 1;
        if (job.idle > job.max_idle) job.outcome = hung;
        if (job.cycle % 1024 == 0 && std::chrono::steady_clock::now() > until) return;
    }
}

// Valid and ready of each stream as they stand.
void look(Vdut& m, Stream* s) {
#define LOOK(NAME, BITS) s->valid = m.NAME##_valid, s->ready = m.NAME##_ready, ++s;
    INPUTS(LOOK)
    OUTPUTS(LOOK)
}

// All has moved: a few cycles more, in which a word too many would show.
void settle(Model& self, Job& job, Stream* streams) {
    for (; job.settle && job.outcome == paused; --job.settle) {
        step<true>(self, job, streams);
        look(*self.dut, streams);
        Stream* s = streams;
#define PASS(NAME, BITS) ++s;
        INPUTS(PASS)
#define SURPLUS(NAME, BITS) if (s++->valid) job.outcome = surplus, job.culprit = int(s - streams) - 1;
        OUTPUTS(SURPLUS)
    }
    if (job.outcome == paused) job.outcome = done;
}

void begin(Model& self, Job& job) {
    Vdut& m = *self.dut;
#define QUIET_IN(NAME, BITS) m.NAME##_valid = 0;
    INPUTS(QUIET_IN)
#define QUIET_OUT(NAME, BITS) m.NAME##_ready = 0;
    OUTPUTS(QUIET_OUT)
    for (int clk = 0; clk < 2 && !job.keep_state; ++clk) {
        m.rst = 1;
        m.clk = clk;
        m.eval();
    }
    m.rst = 0;
    job.begun = true;
#if VM_TRACE_FST
    if (job.trace_file) {
        self.trace = std::make_unique<VerilatedFstC>();
        m.trace(self.trace.get(), 99);
        self.trace->open(job.trace_file);
    }
#endif
}

}  // namespace

// Verilator's last word, instead of the end of the process.
void vl_fatal(const char*, int, const char*, const char* message) { throw std::runtime_error(message); }

#define EXPORT extern "C" __attribute__((visibility("default")))

EXPORT const char* systola_ports() {  // direction, name, bits; inputs first, as the streams of a job
#define NAME_IN(NAME, BITS) "in " #NAME " " #BITS "\n"
#define NAME_OUT(NAME, BITS) "out " #NAME " " #BITS "\n"
#define NAME_WATCH(NAME, BITS) "watch " #NAME " " #BITS "\n"
    return INPUTS(NAME_IN) OUTPUTS(NAME_OUT) WATCHES(NAME_WATCH) "";
}

EXPORT Model* systola_new() { return new Model; }
EXPORT void systola_delete(Model* self) { delete self; }
EXPORT const char* systola_message(Model* self) { return self->message.c_str(); }
EXPORT int systola_traces() { return VM_TRACE_FST; }

// Goes on with the job until it is done, fails, or a slice of time is over (outcome: paused).
EXPORT void systola_run(Model* self, Job* job, Stream* streams) try {
    if (!job->begun) begin(*self, *job);
    if (job->full) run<true>(*self, *job, streams);
    else run<false>(*self, *job, streams);
    if (job->outcome == hung) look(*self->dut, streams);
    if (!job->remaining) settle(*self, *job, streams);
} catch (const std::exception& error) {
    self->message = error.what();
    job->outcome = fatal;
}

EXPORT void systola_end(Model* self) {
#if VM_TRACE_FST
    if (self->trace) self->trace->close();
    self->trace.reset();
#endif
}
