// SPDX-License-Identifier: BSL-1.0
// COIR_DEBUG=passthrough and fds: calls that block the thread although a function of the table was
// called, and why. Nothing of it is on otherwise: a wrapper asks one global.
#pragma once

#include "../legacy_hooks.hpp"

#include <cstdint>
#include <string_view>
#include <type_traits>

namespace coir_legacy {

namespace hooks = coir::detail::legacy;

/// Whether COIR_DEBUG has one of the words; set when the library is loaded.
extern constinit bool watching_calls;
void watch_calls() noexcept;

/// Why a function of libc was called as it is.
enum class Why : unsigned char {
    outside,        ///< there is no task; it matters if this thread runs a loop
    left_out,       ///< by COIR_LEGACY
    in_region,      ///< blocking_region, no_suspend
    in_handler,     ///< where nothing can be said
    in_child,       ///< of a fork, in the loop of the parent
    taken_over,     ///< it was not: the task could have been suspended
};

/// What there is to say of a call.
struct WatchedLine {
    const char* name;
    const char* word;
    int fd;
    Why why;
    const void* caller;
    std::int64_t took = 0;
};

/// A call of the program's that is going on; says what there is to say at its end. Keeps errno.
class WatchedCall {
public:
    /// `word`: that of COIR_LEGACY. `fd`: the descriptor that it is about, or -1.
    WatchedCall(const char* name, const char* word, int fd, Why why, const void* caller) noexcept;
    WatchedCall(const WatchedCall&) = delete;
    WatchedCall& operator=(const WatchedCall&) = delete;
    ~WatchedCall();

private:
    void see_to(std::int64_t took) const noexcept;

    const WatchedLine line_;
    bool on_ = false;
    unsigned left_ = 0;           // how often tasks had been left
    std::int64_t began_ = 0;
    long waits_ = 0;              // how often the thread had waited
};

/// Not one of those that never wait.
constexpr bool can_wait(std::string_view name) noexcept {
    for (const std::string_view part : {"try", "yield", "_init", "_destroy", "unlock", "eventfd_write"}) {
        if (name.find(part) != std::string_view::npos) return false;
    }
    return true;
}

/// The first argument, if it is a descriptor, as far as can be told: an int.
constexpr int descriptor_of() noexcept { return -1; }
template <class First, class... Rest>
constexpr int descriptor_of(First first, const Rest&...) noexcept {
    if constexpr (std::is_same_v<First, int>) return first;
    return -1;
}

}  // namespace coir_legacy
