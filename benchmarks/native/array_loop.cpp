// Clocks a bare weight-stationary array with random operands; a tile every PERIOD cycles.
// array_loop CYCLES PERIOD ROWS: prints cycles a second and a checksum of all sums.
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>

#include "Vdut.h"

static uint64_t state = 88172645463325252ull;

template <class Port> static void randomise(Port& port) {
    auto* words = reinterpret_cast<uint32_t*>(&port);
    for (unsigned i = 0; i < sizeof port / 4; ++i) {
        state ^= state << 13, state ^= state >> 7, state ^= state << 17;
        words[i] = static_cast<uint32_t>(state);
    }
}

void vl_fatal(const char*, int, const char*, const char*) { std::abort(); }  // the run-time asks for one

int main(int, char** argv) {
    const long cycles = std::atol(argv[1]), period = std::atol(argv[2]), rows = std::atol(argv[3]);
    Vdut m;
    for (int clk = 0; clk < 2; ++clk) m.rst = 1, m.clk = clk, m.eval();
    m.rst = 0;
    uint64_t sum = 0;
    const auto began = std::chrono::steady_clock::now();
    for (long i = 0; i < cycles; ++i) {
        randomise(m.left);
        randomise(m.top);
        m.load = i % period < rows;
        m.parity = (i / period + 1) & 1;
        m.swap = i % period == rows;
        m.clk = 0;
        m.eval();
        m.clk = 1;
        m.eval();
        const auto* acc = reinterpret_cast<const uint32_t*>(&m.acc);
        for (unsigned k = 0; k < sizeof m.acc / 4; ++k) sum = sum * 31 + acc[k];
    }
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - began;
    std::printf("%f %llx\n", cycles / took.count(), static_cast<unsigned long long>(sum));
}
