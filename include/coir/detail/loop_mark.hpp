// SPDX-License-Identifier: BSL-1.0
// Which loop an object of a loop's is used by: debug mode tells uses from elsewhere.
#pragma once

#include <coir/detail/config.hpp>

#include <atomic>
#include <cstdint>

namespace coir {
inline namespace v0 {
namespace detail {

/// Whether there has been a loop in debug mode in this process: before that nothing is marked.
COIR_API extern std::atomic<bool> loop_marks_in_use;

/// A member of what belongs to one loop without being made by it: locks, queues. The first loop in
/// debug mode that uses it leaves its mark; as long as that loop is open, nobody else may use it.
class COIR_API LoopMark {
public:
    LoopMark() = default;
    LoopMark(const LoopMark&) = delete;
    LoopMark& operator=(const LoopMark&) = delete;

    /// Throws WrongThreadError naming `call` in another loop or thread than the mark's.
    void check(const char* call) {
        if (loop_marks_in_use.load(std::memory_order_relaxed)) [[unlikely]] compare(call);
    }

private:
    void compare(const char* call);
    std::atomic<std::uint64_t> loop_{0};  // 0: nobody yet; atomic for who is told off
};

}  // namespace detail
}  // namespace v0
}  // namespace coir
