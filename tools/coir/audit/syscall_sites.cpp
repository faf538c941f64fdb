// SPDX-License-Identifier: BSL-1.0
#include "syscall_sites.hpp"

#include <elf.h>

#include <algorithm>
#include <set>

namespace coir_tool {
namespace {

using Byte = unsigned char;

// The bytes around a position; outside of the code there are int3, as between functions.
class Window {
public:
    Window(std::string_view code, std::size_t at) : code_(code), at_(at) {}
    Byte operator[](long distance) const {
        const std::size_t position = at_ + static_cast<std::size_t>(distance);
        return position < code_.size() ? static_cast<Byte>(code_[position]) : Byte{0xcc};
    }

private:
    std::string_view code_;
    std::size_t at_;
};

// After the instruction: cmp rax, -4096 or -4095, as libc and compilers do it; or a test of rax.
bool looks_at_result(const Window& code) {
    const long wide = code[2] == 0x48 ? 1 : 0;
    const Byte first = code[2 + wide];
    if (first == 0x3d && code[4 + wide] == 0xf0 && code[5 + wide] == 0xff) return true;
    return (first == 0x85 && code[3 + wide] == 0xc0) || (first == 0x83 && code[3 + wide] == 0xf8);
}

// In the instructions before: something small, or another register, gets into eax. They are not
// decoded; a byte that happens to look so is likely only where 0F 05 happens to look so, too.
bool loads_number(const Window& code) {
    constexpr long farthest = 40;
    for (long at = -2; at >= -farthest; --at) {
        const Byte first = code[at], second = code[at + 1];
        const bool small = code[at + 2] <= 3 && code[at + 3] == 0 && code[at + 4] == 0;
        if (first == 0xb8 && small) return true;           // mov eax, small
        if (first == 0x31 && second == 0xc0) return true;  // xor eax, eax
        if (first == 0xc7 && second == 0xc0 && code[at + 3] <= 3 && code[at + 4] == 0 &&
            code[at + 5] == 0) {
            return true;  // mov rax, small
        }
        if (first == 0x89 && (second & 0xc7) == 0xc0 && second != 0xc0)
            return true;                                                          // mov eax, reg
        if (first == 0x8b && (second & 0x38) == 0 && second < 0xc0) return true;  // mov eax, memory
        if (first == 0x6a && code[at + 2] == 0x58) return true;  // push small; pop rax
    }
    return false;
}

// The two bytes are more likely the end of a number within another instruction.
bool within_number(const Window& code) {
    // A distance: 00050Fxx, or with 05 as the third byte of four, a small one of either sign.
    if (code[2] == 0x00) return true;
    if (code[3] == 0x00 || code[3] == 0xff) return true;
    // The middle of an address of eight bytes, unless a number of four begins after it.
    const bool number_follows =
        (code[2] >= 0xb8 && code[2] <= 0xbf) || code[2] == 0xe8 || code[2] == 0xe9;
    if (code[4] == 0x00 && code[5] == 0x00 && !number_follows) return true;
    // and r, 0Fh; shl r, 0Fh; push 0Fh: and then the add eax, number that is 05.
    return code[-2] == 0x83 || code[-2] == 0xc1 || code[-2] == 0xc0 || code[-1] == 0x6a;
}

// 0F is how an address is made of registers (lea ecx, [rdi + rcx + number]), or where on the stack
// (mov byte [rsp + 15], 5).
bool within_address(const Window& code) {
    const auto has_index = [](Byte form) { return (form & 0xc7) == 0x44 || (form & 0xc7) == 0x84; };
    if (code[-1] == 0x24 && has_index(code[-2])) return true;
    constexpr Byte opcodes[] = {0x03, 0x2b, 0x33, 0x3b, 0x89, 0x8b, 0x8d};
    return has_index(code[-1]) &&
           std::find(std::begin(opcodes), std::end(opcodes), code[-2]) != std::end(opcodes);
}

// Call 15 is the return from a signal handler, which does not wait. Whoever unwinds stacks looks
// for these bytes, and so has them, too.
bool returns_from_signal(const Window& code) {
    return code[-5] == 0xc0 && code[-4] == 15 && code[-3] == 0 && code[-2] == 0 && code[-1] == 0;
}

bool is_x86_syscall(std::string_view code, std::size_t at) {
    const Window window(code, at);
    if (returns_from_signal(window)) return false;
    if (looks_at_result(window)) return true;
    return !within_number(window) && !within_address(window) && loads_number(window);
}

void find_x86(std::string_view code, std::vector<std::size_t>& found) {
    constexpr std::string_view instruction("\x0f\x05", 2);
    for (std::size_t at = code.find(instruction); at != std::string_view::npos;
         at = code.find(instruction, at + 1)) {
        if (is_x86_syscall(code, at)) found.push_back(at);
    }
}

void find_aarch64(std::string_view code, std::vector<std::size_t>& found) {
    constexpr std::string_view instruction("\x01\x00\x00\xd4", 4);
    for (std::size_t at = code.find(instruction); at != std::string_view::npos;
         at = code.find(instruction, at + 1)) {
        if (at % 4 == 0) found.push_back(at);
    }
}

const ElfSymbol* function_at(const std::vector<ElfSymbol>& functions, std::uint64_t address) {
    auto after = std::upper_bound(
        functions.begin(), functions.end(), address,
        [](std::uint64_t value, const ElfSymbol& symbol) { return value < symbol.address; });
    // Several names may begin at the same place, some without a size.
    for (int steps = 0; after != functions.begin() && steps < 8; ++steps) {
        --after;
        if (address - after->address < after->size) return &*after;
    }
    return nullptr;
}

}  // namespace

std::vector<std::size_t> find_syscalls_in(std::string_view code, unsigned machine) {
    std::vector<std::size_t> found;
    if (machine == EM_AARCH64) {
        find_aarch64(code, found);
    } else {
        find_x86(code, found);
    }
    return found;
}

SyscallSites find_syscalls(const FileBytes& file, const ElfFile& elf) {
    std::vector<std::uint64_t> addresses;
    for (const ElfSegment& segment : elf.segments) {
        if (segment.type != PT_LOAD || (segment.flags & PF_X) == 0) continue;
        const std::string code = file.read(segment.offset, segment.file_size, "its code");
        for (const std::size_t at : find_syscalls_in(code, elf.machine)) {
            addresses.push_back(segment.address + at);
        }
    }
    SyscallSites sites;
    sites.count = addresses.size();
    if (addresses.empty()) return sites;
    const ElfFunctions functions = read_functions(file, elf);
    std::set<std::string_view> names;
    for (const std::uint64_t address : addresses) {
        if (const ElfSymbol* function = function_at(functions.list, address)) {
            names.insert(function->name);
        } else {
            ++sites.nameless;
        }
    }
    sites.functions.assign(names.begin(), names.end());
    return sites;
}

}  // namespace coir_tool
