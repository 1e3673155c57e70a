// Runs the accelerator: the memory behind its AXI port, the register accesses, the wait for the interrupt.
//
// A cycle: set inputs, clk = 0, evaluate; what stands now is what the edge samples; clk = 1, evaluate.
// ports.h has LANES, the bytes of a bus word; sim/accelerator.py mirrors Setup and State.

#include <array>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <deque>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "Vdut.h"
#include "ports.h"
#if VM_TRACE_FST
#include "verilated_fst_c.h"
#endif

namespace {

enum Channel { AR, R, AW, W, B, CHANNELS };
enum Response : uint8_t { okay = 0, slverr = 2, decerr = 3 };
enum Outcome { paused, interrupted, out_of_cycles, silent, fatal };

struct Setup {
    uint8_t* memory;
    uint64_t base, bytes;        // what is there; all else answers DECERR
    uint64_t failing[2];         // first address, and one past the last, of what answers SLVERR
    uint64_t random;             // state of the random generator, not 0
    uint64_t window[2];          // cycles to trace
    const char* trace_file;
    uint32_t read_latency;       // from AR accepted to the first beat
    uint32_t write_latency;      // from the last W accepted to B
    uint32_t words, cycles;      // of each data channel, at most: words in cycles
    uint32_t stall[CHANNELS];    // probability of holding a channel back in a cycle, in 2^-32
    uint32_t record;             // note the activity port's changes
};

struct State {
    uint64_t cycle;
    uint64_t moved;              // the last cycle in which a channel or the activity moved
    uint64_t words_read, words_written, bursts_read, bursts_written;
    uint64_t interrupts, interrupted;  // times that irq rose; the first cycle in which it stood since
};

constexpr auto slice = std::chrono::milliseconds(200);  // between two looks at Python's signals
constexpr uint32_t page = 4096;
constexpr uint64_t all_bytes = LANES == 64 ? ~uint64_t(0) : (uint64_t(1) << LANES % 64) - 1;

struct Burst {
    uint64_t address, ready;     // of the next beat; cycle from which on its data, or its response, may come
    uint32_t left;               // beats
    uint8_t response;
};

struct Beat {
    std::array<uint8_t, LANES> data;
    uint64_t strobe;
    bool last;
};

struct Address {                 // of AR or AW, as it stands
    uint64_t address;
    uint32_t length, rest;
    bool operator==(const Address& o) const { return address == o.address && length == o.length && rest == o.rest; }
};

struct Lite {                    // an access of a register on its way
    bool active, write, address_sent, data_sent, done;
    uint32_t data;
    uint8_t response;
};

struct Broken : std::runtime_error { using std::runtime_error::runtime_error; };

struct Model {
    VerilatedContext context;
    std::unique_ptr<Vdut> dut;
    std::string message;  // of a fatal error
    Setup setup{};
    State state{};
    std::deque<Burst> reads, writes, answers;  // asked for; announced; whose response is on its way
    std::deque<Beat> early;                    // words that came before their address
    std::vector<uint64_t> changes;             // cycle, activity, cycle, ...
    Lite lite{};
    bool held[CHANNELS]{};                     // offered and not taken in the last cycle
    Address address_held[2]{};
    Beat beat_held{};
    uint64_t credit[2]{};
    uint32_t activity = 0;
    bool irq = false;
    bool full = false;
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

inline bool chance(Setup& setup, Channel channel) {  // xorshift64
    setup.random ^= setup.random << 13;
    setup.random ^= setup.random >> 7;
    setup.random ^= setup.random << 17;
    return uint32_t(setup.random >> 32) < setup.stall[channel];
}

[[noreturn]] void broken(const Model& self, const std::string& what) {
    throw Broken("cycle " + std::to_string(self.state.cycle) + ": m_axi: " + what);
}

void dump(Model& self, int half) {
#if VM_TRACE_FST
    if (self.trace && self.state.cycle >= self.setup.window[0] && self.state.cycle < self.setup.window[1])
        self.trace->dump(self.state.cycle * 10 + half * 5);  // a cycle is 10 ns
#endif
}

inline uint8_t response_of(const Setup& s, uint64_t address) {
    if (address < s.base || address - s.base + LANES > s.bytes) return decerr;
    return address + LANES > s.failing[0] && address < s.failing[1] ? slverr : okay;
}

void check_address(const Model& self, const char* channel, const Address& a, uint32_t size, uint32_t burst, uint32_t id) {
    const std::string name = channel;
    if ((uint32_t(1) << size) != LANES) broken(self, name + "SIZE is not that of a bus word");
    if (burst != 1) broken(self, name + "BURST is not INCR");
    if (id) broken(self, name + "ID is not 0");
    if (a.address % LANES) broken(self, name + "ADDR is not a bus word's");
    if (a.address % page + (a.length + 1) * LANES > page) broken(self, name + ": a burst crosses 4 KiB");
}

// A channel on which the accelerator offered something must go on to offer it.
template <class T> inline void hold(Model& self, Channel channel, bool valid, bool ready, const T& now, T& before, const char* name) {
    if (self.held[channel] && !valid) broken(self, std::string(name) + "VALID fell before its READY");
    if (self.held[channel] && !(now == before)) broken(self, std::string(name) + " changed while it waited");
    self.held[channel] = valid && !ready;
    if (self.held[channel]) before = now;
}

bool operator==(const Beat& a, const Beat& b) { return a.data == b.data && a.strobe == b.strobe && a.last == b.last; }

inline Address read_address(const Vdut& m) {
    return {m.m_axi_araddr, m.m_axi_arlen,
            uint32_t(m.m_axi_arsize | m.m_axi_arburst << 3 | m.m_axi_arprot << 5 | m.m_axi_arcache << 8)};
}
inline Address write_address(const Vdut& m) {
    return {m.m_axi_awaddr, m.m_axi_awlen,
            uint32_t(m.m_axi_awsize | m.m_axi_awburst << 3 | m.m_axi_awprot << 5 | m.m_axi_awcache << 8)};
}

inline Beat beat_of(const Vdut& m) {
    Beat beat;
    static_assert(sizeof m.m_axi_wdata == LANES, "one bus word");
    std::memcpy(beat.data.data(), &m.m_axi_wdata, LANES);
    beat.strobe = m.m_axi_wstrb;
    beat.last = m.m_axi_wlast;
    return beat;
}

void take_beat(Model& self, const Beat& beat) {
    Setup& setup = self.setup;
    Burst& burst = self.writes.front();
    if (beat.last != (burst.left == 1)) broken(self, beat.last ? "WLAST before the burst's end" : "no WLAST at the burst's end");
    if (beat.strobe & (beat.strobe + 1)) broken(self, "WSTRB has a hole");
    if (!beat.last && beat.strobe != all_bytes && beat.strobe) broken(self, "WSTRB is partial before the burst's end");
    const uint8_t response = response_of(setup, burst.address);
    if (!burst.response) burst.response = response;
    if (!response) {
        uint8_t* to = setup.memory + (burst.address - setup.base);
        if (beat.strobe == all_bytes) std::memcpy(to, beat.data.data(), LANES);
        else for (int i = 0; i < LANES; ++i) if (beat.strobe >> i & 1) to[i] = beat.data[i];
    }
    burst.address += LANES;
    ++self.state.words_written;
    if (!--burst.left) {
        burst.ready = self.state.cycle + setup.write_latency;
        self.answers.push_back(burst);
        self.writes.pop_front();
        ++self.state.bursts_written;
    }
}

inline bool affords(Model& self, int direction) { return self.credit[direction] >= self.setup.cycles; }

// What the memory offers and takes in this cycle.
template <bool Full> inline void drive(Model& self) {
    Vdut& m = *self.dut;
    Setup& s = self.setup;
    if (Full) {
        for (auto& credit : self.credit) credit = std::min<uint64_t>(credit + s.words, s.cycles + s.words - 1);
        m.m_axi_arready = !chance(s, AR);
        m.m_axi_awready = !chance(s, AW);
        m.m_axi_wready = affords(self, 1) && !chance(s, W);
    }
    if (!self.held[R]) {
        m.m_axi_rvalid = !self.reads.empty() && self.reads.front().ready <= self.state.cycle
            && (!Full || (affords(self, 0) && !chance(s, R)));
        if (m.m_axi_rvalid) {
            const Burst& burst = self.reads.front();
            m.m_axi_rresp = response_of(s, burst.address);
            m.m_axi_rlast = burst.left == 1;
            if (m.m_axi_rresp != decerr) std::memcpy(&m.m_axi_rdata, s.memory + (burst.address - s.base), LANES);
            else std::memset(&m.m_axi_rdata, 0xEE, LANES);
        }
    }
    if (!self.held[B]) {
        m.m_axi_bvalid = !self.answers.empty() && self.answers.front().ready <= self.state.cycle && (!Full || !chance(s, B));
        if (m.m_axi_bvalid) m.m_axi_bresp = self.answers.front().response;
    }
}

// What moved; returns whether anything did.
template <bool Full> inline bool sample(Model& self) {
    Vdut& m = *self.dut;
    Setup& s = self.setup;
    if (Full) {
        hold(self, AR, m.m_axi_arvalid, m.m_axi_arready, read_address(m), self.address_held[0], "AR");
        hold(self, AW, m.m_axi_awvalid, m.m_axi_awready, write_address(m), self.address_held[1], "AW");
        hold(self, W, m.m_axi_wvalid, m.m_axi_wready, beat_of(m), self.beat_held, "W");
    }
    const bool ar = m.m_axi_arvalid & m.m_axi_arready, r = m.m_axi_rvalid & m.m_axi_rready;
    const bool aw = m.m_axi_awvalid & m.m_axi_awready, w = m.m_axi_wvalid & m.m_axi_wready;
    const bool b = m.m_axi_bvalid & m.m_axi_bready;
    self.held[R] = m.m_axi_rvalid & !r;
    self.held[B] = m.m_axi_bvalid & !b;
    if (r) {
        Burst& burst = self.reads.front();
        burst.address += LANES;
        ++self.state.words_read;
        self.credit[0] -= s.cycles;
        if (!--burst.left) self.reads.pop_front();
    }
    if (ar) {
        const Address a = read_address(m);
        check_address(self, "AR", a, m.m_axi_arsize, m.m_axi_arburst, m.m_axi_arid);
        self.reads.push_back({a.address, self.state.cycle + s.read_latency, a.length + 1, 0});
        ++self.state.bursts_read;
    }
    if (b) self.answers.pop_front();
    if (aw) {
        const Address a = write_address(m);
        check_address(self, "AW", a, m.m_axi_awsize, m.m_axi_awburst, m.m_axi_awid);
        self.writes.push_back({a.address, 0, a.length + 1, 0});
        for (; !self.early.empty() && !self.writes.empty(); self.early.pop_front()) take_beat(self, self.early.front());
    }
    if (w) {
        self.credit[1] -= s.cycles;
        if (self.writes.empty()) self.early.push_back(beat_of(m));
        else take_beat(self, beat_of(m));
    }
    return ar | r | aw | w | b;
}

void lite_drive(Model& self) {
    Vdut& m = *self.dut;
    const Lite& lite = self.lite;
    m.s_axil_awvalid = lite.write && !lite.address_sent;
    m.s_axil_wvalid = lite.write && !lite.data_sent;
    m.s_axil_arvalid = !lite.write && !lite.address_sent;
}

void lite_sample(Model& self) {
    Vdut& m = *self.dut;
    Lite& lite = self.lite;
    lite.address_sent |= (m.s_axil_awvalid & m.s_axil_awready) | (m.s_axil_arvalid & m.s_axil_arready);
    lite.data_sent |= m.s_axil_wvalid & m.s_axil_wready;
    if (lite.write && m.s_axil_bvalid) lite.done = true, lite.response = m.s_axil_bresp;
    if (!lite.write && m.s_axil_rvalid) lite.done = true, lite.response = m.s_axil_rresp, lite.data = m.s_axil_rdata;
}

template <bool Full> inline void step(Model& self) {
    Vdut& m = *self.dut;
    drive<Full>(self);
    if (self.lite.active) lite_drive(self);
    m.clk = 0;
    m.eval();
    if (Full) dump(self, 0);
    bool moved = sample<Full>(self);
    if (self.lite.active) lite_sample(self);
    if (m.irq != self.irq) {
        self.irq = m.irq;
        if (self.irq) ++self.state.interrupts, self.state.interrupted = self.state.cycle;
    }
    if (m.activity != self.activity) {
        self.activity = m.activity;
        moved = true;
        if (self.setup.record) self.changes.insert(self.changes.end(), {self.state.cycle, self.activity});
    }
    m.clk = 1;
    m.eval();
    if (Full) dump(self, 1);
    if (moved) self.state.moved = self.state.cycle;
    ++self.state.cycle;
}

void one(Model& self) {
    if (self.full) step<true>(self);
    else step<false>(self);
}

template <bool Full> Outcome run(Model& self, uint64_t until, uint64_t max_idle) {
    const auto end = std::chrono::steady_clock::now() + slice;
    while (!self.dut->irq) {
        if (self.state.cycle >= until) return out_of_cycles;
        if (self.state.cycle - self.state.moved > max_idle) return silent;
        step<Full>(self);
        if (self.state.cycle % 1024 == 0 && std::chrono::steady_clock::now() > end) return paused;
    }
    return interrupted;
}

}  // namespace

// Verilator's last word, instead of the end of the process.
void vl_fatal(const char*, int, const char*, const char* message) { throw std::runtime_error(message); }

#define EXPORT extern "C" __attribute__((visibility("default")))

EXPORT Model* accelerator_new() { return new Model; }
EXPORT void accelerator_delete(Model* self) { delete self; }
EXPORT const char* accelerator_message(Model* self) { return self->message.c_str(); }
EXPORT int accelerator_lanes() { return LANES; }
EXPORT int accelerator_traces() { return VM_TRACE_FST; }
EXPORT const State* accelerator_state(Model* self) { return &self->state; }

// How the memory behaves from now on.
EXPORT void accelerator_set_up(Model* self, const Setup* setup) {
    self->setup = *setup;
    self->full = setup->words < setup->cycles || setup->trace_file;
    for (uint32_t stall : setup->stall) self->full |= stall != 0;
    Vdut& m = *self->dut;
    m.m_axi_arready = m.m_axi_awready = m.m_axi_wready = 1;
    self->credit[0] = self->credit[1] = setup->cycles;
    self->held[AR] = self->held[AW] = self->held[W] = false;
#if VM_TRACE_FST
    if (setup->trace_file) {
        self->trace = std::make_unique<VerilatedFstC>();
        m.trace(self->trace.get(), 99);
        self->trace->open(setup->trace_file);
    }
#endif
}

EXPORT void accelerator_end_trace(Model* self) {
    self->setup.trace_file = nullptr;
#if VM_TRACE_FST
    if (self->trace) self->trace->close();
    self->trace.reset();
#endif
}

// One cycle of reset; what was on the bus is forgotten.
EXPORT void accelerator_reset(Model* self) {
    Vdut& m = *self->dut;
    self->reads.clear();
    self->writes.clear();
    self->answers.clear();
    self->early.clear();
    self->changes.clear();
    std::memset(self->held, 0, sizeof self->held);
    self->lite = {};
    self->state = {};
    self->activity = 0;
    self->irq = false;
    m.m_axi_rvalid = m.m_axi_bvalid = m.m_axi_rid = m.m_axi_bid = 0;
    m.s_axil_awvalid = m.s_axil_wvalid = m.s_axil_arvalid = m.s_axil_awprot = m.s_axil_arprot = 0;
    m.s_axil_bready = m.s_axil_rready = 1;
    m.rst = 1;
    for (int clk = 0; clk < 2; ++clk) {
        m.clk = clk;
        m.eval();
    }
    m.rst = 0;
}

// A register access; the response, or -1: none came, or (message set) the model failed.
EXPORT int accelerator_access(Model* self, int write, uint32_t address, uint32_t* data) try {
    Vdut& m = *self->dut;
    self->lite = {};
    self->lite.active = true;
    self->lite.write = write;
    m.s_axil_awaddr = m.s_axil_araddr = address;
    m.s_axil_wdata = *data;
    m.s_axil_wstrb = 0xF;
    for (int cycle = 0; cycle < 10000 && !self->lite.done; ++cycle) one(*self);
    self->lite.active = false;
    m.s_axil_awvalid = m.s_axil_wvalid = m.s_axil_arvalid = 0;
    if (!self->lite.done) return -1;
    *data = self->lite.data;
    return self->lite.response;
} catch (const std::exception& error) {
    self->message = error.what();
    return -1;
}

// Goes on until the interrupt, a cycle, or so many cycles in which nothing moved; or a slice of time is over.
EXPORT int accelerator_run(Model* self, uint64_t until, uint64_t max_idle) try {
    return self->full ? run<true>(*self, until, max_idle) : run<false>(*self, until, max_idle);
} catch (const std::exception& error) {
    self->message = error.what();
    return fatal;
}

// So many cycles, whatever happens.
EXPORT int accelerator_step(Model* self, uint64_t cycles) try {
    while (cycles--) one(*self);
    return paused;
} catch (const std::exception& error) {
    self->message = error.what();
    return fatal;
}

// The changes of the activity port since they were last asked for: cycle, value, cycle, ...
EXPORT const uint64_t* accelerator_changes(Model* self, uint64_t* count) {
    *count = self->changes.size();
    return self->changes.data();
}

// What the simulator itself can do: so many cycles of the clock, and nothing else.
EXPORT void accelerator_toggle(Model* self, uint64_t cycles) {
    Vdut& m = *self->dut;
    while (cycles--) {
        m.clk = 0;
        m.eval();
        m.clk = 1;
        m.eval();
    }
}
