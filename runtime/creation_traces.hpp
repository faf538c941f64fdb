// SPDX-License-Identifier: BSL-1.0
// Debug mode: where tasks, futures and callbacks were created.
#pragma once

#include <string>
#include <unordered_map>

namespace coir {
inline namespace v0 {
namespace detail {

/// The innermost return addresses at the creation of what lives at an address. The loop's thread.
class CreationTraces {
public:
    /// Keeps the calling stack. What there is no memory for is not kept.
    void note(const void* memory) noexcept;
    void forget(const void* memory) noexcept { traces_.erase(memory); }
    /// Its return addresses; how many there are.
    int copy(const void* memory, void** addresses, int most_of_them) const noexcept;
    /// A line per frame, innermost first, without coir's own frames at the top; empty when unknown.
    std::string describe(const void* memory) const;

private:
    static constexpr int most = 16;
    struct Trace {
        void* frames[most];
        int count;
    };
    std::unordered_map<const void*, Trace> traces_;
};

/// What reports append: "; it was created at ..." or nothing.
std::string creation_note(const std::string& description);

}  // namespace detail
}  // namespace v0
}  // namespace coir
