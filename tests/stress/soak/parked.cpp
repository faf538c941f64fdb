// SPDX-License-Identifier: BSL-1.0
// A great many tasks that wait: they are made, all woken, and what they took is given back, while the
// loop goes on and again when it has ended.
#include "soak.hpp"
#include "usage.hpp"

#include <coir/await.hpp>
#include <coir/event.hpp>
#include <coir/run.hpp>
#include <coir/task.hpp>

#include <malloc.h>

namespace coir_soak {
namespace {

constexpr double spare_bytes = 64 << 20;      // for everything that is not a task
constexpr double most_bytes_a_task = 6 << 10;
constexpr std::uint64_t tasks_a_mapping = 1000;  // at least, beyond the first hundred mappings
// What a loop keeps of each task that there was at once, for the next ones: a control block, and a note of
// the stack, whose pages are gone.
constexpr double kept_bytes_a_task = 320;
constexpr int patience_s = 60;  // for the rest to come back while the loop goes on

class Parked {
public:
    Parked(std::uint64_t count, Progress& progress) : count_(count), progress_(progress) {}

    // The main task.
    void run() {
        make();
        const Usage parked = read_usage();
        check_parked(parked);
        wake();
        give_back(parked);
    }
    void check_end() const {
        ::malloc_trim(0);  // what the allocator keeps is not coir's
        const Usage now = read_usage();
        check_memory(now, 0, "after the loop");
        require(now.mappings <= before_.mappings + 16, "after the loop there are " + whole(now.mappings) +
                                                           " mappings, before it " + whole(before_.mappings));
        require(now.descriptors == before_.descriptors,
                "after the loop there are " + whole(now.descriptors) + " descriptors, before it " +
                    whole(before_.descriptors));
    }
    std::string figures() const {
        return figures_ + ", all but " + mebibytes(read_usage().resident - before_.resident) + " with the loop";
    }

private:
    void make() {
        const Clock::time_point begin = Clock::now();
        for (std::uint64_t i = 0; i < count_; ++i) {
            coir::spawn_detached([this] {
                go_.wait();
                ++ended_;
            });
            if (i % 10'000 != 0) continue;
            coir::yield_now();
            progress_.show(static_cast<double>(i) / static_cast<double>(count_));
        }
        coir::yield_now();  // each has run and waits now
        figures_ = whole(count_) + " tasks made in " + fixed(seconds_since(begin), 1) + " s";
    }
    void check_parked(const Usage& parked) {
        const double growth = parked.resident - before_.resident;
        const auto alive = coir::get_running_loop().metrics().tasks_alive;
        require(ended_ == 0 && alive == count_ + 1, whole(alive) + " tasks are alive, not those and the main one");
        require(growth <= most_bytes_a_task * static_cast<double>(count_) + spare_bytes,
                "they take " + mebibytes(growth) + ": more than 6 KiB each");
        const std::uint64_t most_mappings = 100 + count_ / tasks_a_mapping;
        require(parked.mappings <= before_.mappings + most_mappings,
                "they take " + whole(parked.mappings - before_.mappings) + " mappings, more than " +
                    whole(most_mappings));
        figures_ += ", " + mebibytes(growth) + ", " + whole(parked.mappings - before_.mappings) + " mappings";
    }
    void wake() {
        const Clock::time_point begin = Clock::now();
        go_.set();
        while (ended_ < count_) coir::yield_now();
        const auto alive = coir::get_running_loop().metrics().tasks_alive;
        require(alive == 1, whole(alive) + " tasks are alive when all have ended");
        figures_ += "; woken and ended in " + fixed(seconds_since(begin), 1) + " s";
    }
    void give_back(const Usage& parked) {
        progress_.begin("parked: giving memory back");
        const Clock::time_point begin = Clock::now();
        const double grown = parked.resident - before_.resident;
        const double kept = kept_bytes_a_task * static_cast<double>(count_);
        const double goal = before_.resident + kept + spare_bytes;
        while (read_usage().resident > goal && seconds_since(begin) < patience_s) {
            coir::sleep(std::chrono::milliseconds(100));
            progress_.show((parked.resident - read_usage().resident) / grown);
        }
        const Usage now = read_usage();
        check_memory(now, kept, "a minute after they ended");
        figures_ += "; " + mebibytes(parked.resident - now.resident) + " given back in " +
                    fixed(seconds_since(begin), 1) + " s";
    }
    void check_memory(const Usage& now, double kept, const std::string& when) const {
        const double growth = now.resident - before_.resident;
        require(growth <= kept + spare_bytes,
                when + " this process has " + mebibytes(growth) + " more than before them");
    }

    const std::uint64_t count_;
    Progress& progress_;
    const Usage before_ = read_usage();
    coir::Event go_;
    std::uint64_t ended_ = 0;
    std::string figures_;
};

}  // namespace

std::string soak_parked(const Plan& plan) {
    Progress progress("parked: making tasks");
    coir::RunOptions options;
    options.reactor = plan.reactor;
    Parked parked(plan.count, progress);
    coir::run([&] { parked.run(); }, options);
    parked.check_end();
    return parked.figures();
}

}  // namespace coir_soak
