// SPDX-License-Identifier: BSL-1.0
// A bit of everything for a long time, and whether this process grows meanwhile.
#include "mixed_loads.hpp"
#include "soak.hpp"
#include "trend.hpp"
#include "usage.hpp"

#include <coir/await.hpp>
#include <coir/run.hpp>
#include <coir/task_group.hpp>

#include <memory>
#include <utility>
#include <vector>

namespace coir_soak {
namespace {

class Mixed {
public:
    Mixed(const Plan& plan, Progress& progress) : plan_(plan), progress_(progress) {}

    // The main task.
    void run() {
        warm_up();
        const std::size_t descriptors = read_usage().descriptors;
        {
            const auto loads = make_loads();
            coir::with_task_group([&](coir::TaskGroup& group) {
                for (const auto& load : loads) {
                    for (int i = 0; i < load->workers(); ++i) group.create_task([&] { work(*load); });
                }
                watch();
                over_ = true;
            });
            check_work(loads);
        }
        check_end(descriptors);
    }
    std::string figures() const { return trend_.figures() + "; " + done_; }

private:
    // Makes what a loop makes once and keeps: threads of its pool, pipes and signals for children.
    void warm_up() {
        for (const auto& load : make_loads()) load->step();
    }
    void work(Load& load) {
        while (!over_) {
            load.step();
            ++load.steps;
            coir::yield_now();
        }
    }
    void watch() {
        const Clock::time_point begin = Clock::now();
        const double seconds = plan_.minutes * 60;
        while (seconds_since(begin) < seconds) {
            coir::sleep(std::chrono::duration<double>(plan_.sample_seconds));
            trend_.add(read_usage());
            progress_.show(seconds_since(begin) / seconds);
        }
        trend_.check();
    }
    void check_work(const std::vector<std::unique_ptr<Load>>& loads) {
        for (const auto& load : loads) {
            require(load->steps > 0, std::string(load->name()) + " did not get on at all");
            done_ += (done_.empty() ? "" : ", ") + whole(load->steps) + " " + load->name();
        }
    }
    static void check_end(std::size_t descriptors) {
        coir::sleep(std::chrono::milliseconds(200));  // what has been closed, but is still under way
        const coir::LoopMetrics metrics = coir::get_running_loop().metrics();
        require(metrics.tasks_alive == 1, whole(metrics.tasks_alive) + " tasks are alive at the end, not the main one");
        require(metrics.timers == 0, whole(metrics.timers) + " timers are armed at the end");
        const std::size_t left = read_usage().descriptors;
        require(left == descriptors, whole(left) + " descriptors at the end, and at the beginning " +
                                         whole(descriptors));
    }

    const Plan& plan_;
    Progress& progress_;
    Trend trend_;
    std::string done_;
    bool over_ = false;
};

}  // namespace

std::string soak_mixed(const Plan& plan) {
    Progress progress("mixed on " + plan.reactor);
    coir::RunOptions options;
    options.reactor = plan.reactor;
    Mixed mixed(plan, progress);
    coir::run([&] { mixed.run(); }, options);
    return fixed(plan.minutes, 1) + " minutes on " + plan.reactor + ": " + mixed.figures();
}

}  // namespace coir_soak
