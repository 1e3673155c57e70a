// The driver's run of a program beside the bare model, which gets the same inputs in the same cycles.
// replay MEMORY ADDRESS COMMANDS ROUNDS: prints the cycles, then of each round the driver's and the model's
// seconds of processor time.
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <iterator>

#include "accelerator.cpp"

namespace {

constexpr uint32_t latency = 50;

struct Inputs {  // of a cycle; all others stand still
    bool rvalid, rlast, bvalid;
    uint8_t rresp, bresp;
    std::array<uint8_t, LANES> rdata;
};

void start(Model& self, const Setup& setup, uint32_t address, uint32_t commands) {
    accelerator_reset(&self);
    accelerator_set_up(&self, &setup);
    const uint32_t writes[][2] = {{0x18, address}, {0x1C, commands}, {0x10, 3}, {0x08, 1}};
    for (const auto& [offset, value] : writes) {
        uint32_t word = value;
        if (accelerator_access(&self, 1, offset, &word)) std::abort();
    }
}

Inputs inputs_of(const Vdut& m) {
    Inputs now{bool(m.m_axi_rvalid), bool(m.m_axi_rlast), bool(m.m_axi_bvalid), m.m_axi_rresp, m.m_axi_bresp, {}};
    std::memcpy(now.rdata.data(), &m.m_axi_rdata, LANES);
    return now;
}

void replay(Vdut& m, const std::vector<Inputs>& inputs) {
    for (const Inputs& now : inputs) {
        m.m_axi_rvalid = now.rvalid;
        m.m_axi_bvalid = now.bvalid;
        if (now.rvalid) {
            m.m_axi_rlast = now.rlast;
            m.m_axi_rresp = now.rresp;
            std::memcpy(&m.m_axi_rdata, now.rdata.data(), LANES);
        }
        if (now.bvalid) m.m_axi_bresp = now.bresp;
        m.clk = 0;
        m.eval();
        m.clk = 1;
        m.eval();
    }
}

double since(std::clock_t began) { return double(std::clock() - began) / CLOCKS_PER_SEC; }

}  // namespace

int main(int, char** argv) {
    std::ifstream file(argv[1], std::ios::binary);
    std::vector<char> memory{std::istreambuf_iterator<char>(file), {}};
    const uint32_t address = std::atol(argv[2]), commands = std::atol(argv[3]);
    Setup setup{};
    setup.memory = reinterpret_cast<uint8_t*>(memory.data());
    setup.bytes = memory.size();
    setup.random = setup.words = setup.cycles = 1;
    setup.read_latency = setup.write_latency = latency;
    Model self;
    Vdut& m = *self.dut;
    std::vector<Inputs> inputs;
    start(self, setup, address, commands);
    while (!m.irq) step<false>(self), inputs.push_back(inputs_of(m));
    std::printf("%zu\n", inputs.size());
    for (int round = std::atoi(argv[4]); round--;) {
        start(self, setup, address, commands);
        auto began = std::clock();
        while (accelerator_run(&self, ~uint64_t(0), 1 << 20) == paused);
        const double driver = since(began);
        start(self, setup, address, commands);
        began = std::clock();
        replay(m, inputs);
        std::printf("%f %f\n", driver, since(began));
        if (!m.irq) std::abort();  // another program than the driver's
    }
}
