// What every model and driver reads first, compiled once (sim.build.read_first): Verilator's headers take a
// compiler as long as a small model does.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <deque>
#include <memory>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <vector>

#include "verilated.h"
#include "verilated_vpi.h"
