// The least that keeps a matrix unit busy: new operands every cycle, no handshake looked at, nothing taken.
// bare_loop CYCLES LEFT TOP COMMAND DRAIN: files of words as the driver gets them; prints cycles a second.
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <vector>

#include "Vdut.h"

static std::vector<char> words(const char* path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

void vl_fatal(const char*, int, const char*, const char*) { std::abort(); }  // the run-time asks for one

int main(int, char** argv) {
    const long cycles = std::atol(argv[1]);
    const auto left = words(argv[2]), top = words(argv[3]), command = words(argv[4]), drain = words(argv[5]);
    Vdut m;
    for (int clk = 0; clk < 2; ++clk) m.rst = 1, m.clk = clk, m.eval();
    m.rst = 0;
    m.command_valid = m.left_valid = m.top_valid = m.drain_valid = m.scale_valid = m.o_ready = 1;
    std::memcpy(&m.command_payload, command.data(), sizeof m.command_payload);
    std::memcpy(&m.drain_payload, drain.data(), sizeof m.drain_payload);
    size_t l = 0, t = 0;
    const auto began = std::chrono::steady_clock::now();
    for (long i = 0; i < cycles; ++i) {
        std::memcpy(&m.left_payload, &left[l], sizeof m.left_payload);
        std::memcpy(&m.top_payload, &top[t], sizeof m.top_payload);
        if ((l += sizeof m.left_payload) == left.size()) l = 0;
        if ((t += sizeof m.top_payload) == top.size()) t = 0;
        m.clk = 0;
        m.eval();
        m.clk = 1;
        m.eval();
    }
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - began;
    std::printf("%f\n", cycles / took.count());
}
