// Runs arrays of operands through a Verilated PE: weight, activation and acc_in set, acc_out kept, cycle by cycle.
//
// A cycle: set inputs, clk = 0, evaluate; what stands now is what the edge samples; clk = 1, evaluate. acc_in and
// acc_out belong to the operands of `latency` cycles before. ports.h says whether the PE is CLOCKED.

#include <cstdint>
#include <stdexcept>

#include "Vdut.h"
#include "ports.h"

// Verilator's last word, instead of the end of the process.
void vl_fatal(const char*, int, const char*, const char* message) { throw std::runtime_error(message); }

// Codes of `count` operands, and room for as many sums; 0, or 1 if the model broke off.
extern "C" __attribute__((visibility("default"))) int systola_sweep(
    uint64_t count, uint64_t latency, const uint64_t* weight, const uint64_t* activation, const uint64_t* acc_in,
    uint64_t* acc_out) try {
    VerilatedContext context;
    Vdut m(&context);
#if CLOCKED
    m.rst = 0;
#endif
    for (uint64_t cycle = 0; cycle < count + latency; ++cycle) {
        const uint64_t pair = cycle < count ? cycle : count - 1;
        const uint64_t sum = cycle < latency ? 0 : cycle - latency;
        m.weight = weight[pair];
        m.activation = activation[pair];
        m.acc_in = acc_in[sum];
#if CLOCKED
        m.clk = 0;
#endif
        m.eval();
        if (cycle >= latency) acc_out[sum] = m.acc_out;
#if CLOCKED
        m.clk = 1;
        m.eval();
#endif
    }
    return 0;
} catch (const std::exception&) {
    return 1;
}
