// SPDX-License-Identifier: BSL-1.0
// See creation_traces.hpp.
#include "creation_traces.hpp"

#include "backtrace.hpp"

#include <algorithm>
#include <new>

namespace coir {
inline namespace v0 {
namespace detail {

void CreationTraces::note(const void* memory) noexcept {
    try {
        Trace trace;
        trace.count = capture_here(trace.frames, most);
        traces_.insert_or_assign(memory, trace);
    } catch (const std::bad_alloc&) {
        traces_.erase(memory);  // of what was here before
    }
}

int CreationTraces::copy(const void* memory, void** addresses, int most_of_them) const noexcept {
    const auto found = traces_.find(memory);
    if (found == traces_.end()) return 0;
    const int count = std::min(found->second.count, most_of_them);
    std::copy(found->second.frames, found->second.frames + count, addresses);
    return count;
}

std::string CreationTraces::describe(const void* memory) const {
    const auto found = traces_.find(memory);
    if (found == traces_.end()) return {};
    const Trace& trace = found->second;
    return describe_frames(trace.frames, trace.count, "  called from ");
}

std::string creation_note(const std::string& description) {
    return description.empty() ? description : "; it was created at " + description;
}

}  // namespace detail
}  // namespace v0
}  // namespace coir
