// SPDX-License-Identifier: BSL-1.0
// See thread_place.hpp. Memory is read through the kernel: the thread may go on meanwhile, end, and
// take its stack along.
#include "thread_place.hpp"

#include "backtrace.hpp"

#include <coir/detail/sys.hpp>

#include <array>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <optional>
#include <vector>

#include <dlfcn.h>
#include <fcntl.h>
#include <sys/uio.h>

namespace coir {
inline namespace v0 {
namespace detail {
namespace {

using ReturnAddress = std::uint64_t;

// What /proc/PID/task/TID/syscall says of a thread that waits.
struct WaitingThread {
    long call = -1;
    ReturnAddress stack = 0;
    ReturnAddress code = 0;
};

std::string read_file(const char* path) {
    char text[256] = {};
    const long fd = real_sys()(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return {};
    const long got = real_sys()(SYS_read, fd, text, sizeof text - 1);
    real_sys().close(static_cast<int>(fd));
    return got > 0 ? std::string(text, static_cast<std::size_t>(got)) : std::string();
}

std::optional<WaitingThread> waiting_place(const std::string& text) {
    WaitingThread found;
    unsigned long a[6], stack = 0, code = 0;
    if (std::sscanf(text.c_str(), "%ld %lx %lx %lx %lx %lx %lx %lx %lx", &found.call, &a[0], &a[1], &a[2], &a[3], &a[4],
                    &a[5], &stack, &code) == 9) {
        found.stack = stack;
        found.code = code;
        return found;
    }
    return std::nullopt;
}

// How many bytes could be read.
std::size_t read_memory(ReturnAddress from, void* to, std::size_t size) {
    iovec here{to, size};
    iovec there{reinterpret_cast<void*>(from), size};
    const long got = real_sys()(SYS_process_vm_readv, real_sys()(SYS_getpid), &here, 1, &there, 1, 0);
    return got > 0 ? static_cast<std::size_t>(got) : 0;
}

// Whether the instruction before this address is a call.
bool follows_call(ReturnAddress address) {
    std::array<unsigned char, 7> code{};
    if (read_memory(address - code.size(), code.data(), code.size()) != code.size()) return false;
#if defined(__x86_64__)
    if (code[2] == 0xe8) return true;  // a number relative to here
    // By a register or memory: FF /2, with two to seven bytes.
    for (const std::size_t at : {std::size_t{5}, std::size_t{4}, std::size_t{3}, std::size_t{1}, std::size_t{0}}) {
        if (code[at] == 0xff && (code[at + 1] & 0x38) == 0x10) return true;
    }
    return false;
#elif defined(__aarch64__)
    std::uint32_t instruction = 0;
    std::memcpy(&instruction, code.data() + 3, sizeof instruction);
    return (instruction & 0xfc000000u) == 0x94000000u || (instruction & 0xfffffc1fu) == 0xd63f0000u;
#else
    return false;
#endif
}

bool is_code(ReturnAddress address) {
    Dl_info info{};
    return ::dladdr(reinterpret_cast<const void*>(address), &info) != 0 && follows_call(address);
}

std::vector<const void*> return_addresses(const WaitingThread& waiting) {
    constexpr std::size_t most_words = 2048;
    constexpr std::size_t most_frames = 16;
    std::vector<const void*> frames{reinterpret_cast<const void*>(waiting.code)};
    std::vector<ReturnAddress> words(most_words);
    // Up to the end of the stack, perhaps: what is readable of it.
    std::size_t got = 0;
    for (std::size_t size = most_words * sizeof(ReturnAddress); got == 0 && size >= sizeof(ReturnAddress); size /= 2) {
        got = read_memory(waiting.stack, words.data(), size);
    }
    for (std::size_t i = 0; i < got / sizeof(ReturnAddress) && frames.size() < most_frames; ++i) {
        if (words[i] > 4096 && is_code(words[i])) frames.push_back(reinterpret_cast<const void*>(words[i]));
    }
    return frames;
}

std::string name_of_call(long call) {
    struct Named {
        long call;
        const char* name;
    };
    static constexpr Named names[] = {
        {SYS_read, "read"}, {SYS_write, "write"}, {SYS_readv, "readv"}, {SYS_writev, "writev"},
        {SYS_recvfrom, "recv"}, {SYS_sendto, "send"}, {SYS_recvmsg, "recvmsg"}, {SYS_sendmsg, "sendmsg"},
        {SYS_accept, "accept"}, {SYS_accept4, "accept4"}, {SYS_connect, "connect"}, {SYS_ppoll, "ppoll"},
        {SYS_pselect6, "pselect"}, {SYS_epoll_pwait, "epoll_pwait"}, {SYS_futex, "futex (a lock, a condition, a join)"},
        {SYS_nanosleep, "nanosleep"}, {SYS_clock_nanosleep, "clock_nanosleep"}, {SYS_wait4, "wait4"},
        {SYS_waitid, "waitid"}, {SYS_flock, "flock"}, {SYS_fcntl, "fcntl"}, {SYS_openat, "open"},
        {SYS_fsync, "fsync"}, {SYS_fdatasync, "fdatasync"}, {SYS_rt_sigsuspend, "sigsuspend"},
        {SYS_rt_sigtimedwait, "sigwait"}, {SYS_restart_syscall, "a call that was taken up again"},
#ifdef SYS_poll
        {SYS_poll, "poll"}, {SYS_select, "select"}, {SYS_epoll_wait, "epoll_wait"}, {SYS_pause, "pause"},
#endif
    };
    for (const Named& named : names) {
        if (named.call == call) return named.name;
    }
    return "system call " + std::to_string(call);
}

}  // namespace

std::string describe_place(pid_t thread) {
    char path[64];
    std::snprintf(path, sizeof path, "/proc/self/task/%d/syscall", static_cast<int>(thread));
    const std::string text = read_file(path);
    if (text.starts_with("running")) return "it computes";
    const std::optional<WaitingThread> waiting = waiting_place(text);
    if (!waiting) return "the kernel does not say where it is";
    const std::vector<const void*> frames = return_addresses(*waiting);
    return "it waits in " + name_of_call(waiting->call) + " at " +
           describe_frames(frames.data(), static_cast<int>(frames.size()), "  called from ");
}

}  // namespace detail
}  // namespace v0
}  // namespace coir
