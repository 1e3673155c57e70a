// The two functions of LZ4 that Verilator's FST writer calls, so that waves need no lz4 package.
//
// Format: https://github.com/lz4/lz4/blob/dev/doc/lz4_Block_format.md. Greedy, one candidate a position.
#pragma once

#include <cstdint>
#include <cstring>
#include <vector>

inline int LZ4_compressBound(int size) { return size + size / 255 + 16; }

namespace lz4 {

constexpr int least_match = 4, last_literals = 5, no_match_after = 12, farthest = 65535, hash_bits = 14;

inline uint32_t four(const uint8_t* at) {
    uint32_t value;
    std::memcpy(&value, at, sizeof value);
    return value;
}

inline uint8_t* length(uint8_t* out, int rest) {
    for (; rest >= 255; rest -= 255) *out++ = 255;
    *out++ = uint8_t(rest);
    return out;
}

// Literals, then a match of `match` bytes `offset` back; match 0 ends the block.
inline uint8_t* sequence(uint8_t* out, const uint8_t* literals, int count, int offset, int match) {
    const int more = match ? match - least_match : 0;
    *out++ = uint8_t((count < 15 ? count : 15) << 4 | (more < 15 ? more : 15));
    if (count >= 15) out = length(out, count - 15);
    std::memcpy(out, literals, count);
    out += count;
    if (!match) return out;
    *out++ = uint8_t(offset);
    *out++ = uint8_t(offset >> 8);
    return more >= 15 ? length(out, more - 15) : out;
}

}  // namespace lz4

// `out` has LZ4_compressBound(size) bytes; returns how many are used.
inline int LZ4_compress_default(const char* in, char* out, int size, int /*room*/) {
    using namespace lz4;
    const uint8_t* from = reinterpret_cast<const uint8_t*>(in);
    uint8_t* to = reinterpret_cast<uint8_t*>(out);
    std::vector<int> seen(1 << hash_bits, -1);
    int literals = 0;
    for (int at = 0; at + no_match_after < size;) {
        int& slot = seen[four(from + at) * 2654435761u >> (32 - hash_bits)];
        const int match = slot;
        slot = at;
        if (match < 0 || at - match > farthest || four(from + match) != four(from + at)) {
            ++at;
            continue;
        }
        int count = least_match;
        while (at + count < size - last_literals && from[match + count] == from[at + count]) ++count;
        to = sequence(to, from + literals, at - literals, at - match, count);
        literals = at += count;
    }
    to = sequence(to, from + literals, size - literals, 0, 0);
    return int(to - reinterpret_cast<uint8_t*>(out));
}
