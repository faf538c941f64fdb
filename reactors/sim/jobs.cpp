// SPDX-License-Identifier: BSL-1.0
// See jobs.hpp.
#include "jobs.hpp"

#include "world.hpp"

#include <algorithm>

namespace coir {
inline namespace v0 {
namespace detail {
namespace sim {
namespace {

constexpr Nanoseconds usual_job_delay = std::chrono::microseconds(200);

}  // namespace

void Jobs::add(const Sys& owner, Run run, void* argument) {
    const std::uint64_t number = ++last_;
    jobs_.push_back({&owner, run, argument, number});
    Nanoseconds delay{0};
    if (world_.choices.chance(Site::job, world_.faults.late)) {
        delay = world_.choices.delay(Site::job, usual_job_delay);
    }
    world_.after(delay, [this, number] { begin(number); });
}

void Jobs::begin(std::uint64_t number) noexcept {
    const auto at = std::find_if(jobs_.begin(), jobs_.end(),
                                 [number](const Job& job) { return job.number == number; });
    if (at == jobs_.end()) return;
    const Job job = *at;
    jobs_.erase(at);
    job.run(job.argument);
}

bool Jobs::withdraw(const void* argument) noexcept {
    return std::erase_if(jobs_, [argument](const Job& job) { return job.argument == argument; }) > 0;
}

void Jobs::forget(const Sys& owner) noexcept {
    std::erase_if(jobs_, [&owner](const Job& job) { return job.owner == &owner; });
}

}  // namespace sim
}  // namespace detail
}  // namespace v0
}  // namespace coir
