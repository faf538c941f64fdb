// SPDX-License-Identifier: BSL-1.0
// gather, gather_settled, race, wait and as_completed against a model of what they should do, with
// drawn jobs in drawn orders; and a cancellation of the caller at every step of each (D3, D15).
#include "seeds.hpp"
#include "support/catch.hpp"
#include "support/run.hpp"

#include <coir/await.hpp>
#include <coir/error.hpp>
#include <coir/event_loop.hpp>
#include <coir/gather.hpp>
#include <coir/timeout.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <numeric>
#include <optional>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

using namespace std::chrono_literals;
using coir::ReturnWhen;
using coir_test::run_on_sim;

namespace {

enum class End { value, error, cancelled };

/// A job of a model: when and how it ends, and what it makes of a cancellation before.
struct Plan {
    int delay = 0;  // seconds; no two jobs have the same
    End end = End::value;
    End when_cancelled = End::cancelled;
};

[[noreturn]] void throw_end(End end, int id) {
    if (end == End::error) throw std::range_error(std::to_string(id));
    throw coir::CancelledError();
}

std::function<int()> job_of(const Plan& plan, int id, int& running) {
    return [plan, id, &running] {
        struct Count {
            int& running;
            explicit Count(int& r) : running(r) { ++running; }
            ~Count() { --running; }
        } count(running);
        End end = plan.end;
        try {
            coir::sleep(plan.delay * 1s);
        } catch (const coir::CancelledError&) {
            end = plan.when_cancelled;
        }
        if (end != End::value) throw_end(end, id);
        return id;
    };
}

struct Case {
    std::vector<Plan> plans;
    std::vector<std::size_t> by_time;  // indices
    int last = 0;

    explicit Case(std::uint64_t seed) {
        std::mt19937_64 random(seed);
        auto draw = [&](int most) { return static_cast<int>(random() % static_cast<unsigned>(most)); };
        plans.resize(1 + static_cast<std::size_t>(draw(6)));
        std::vector<int> delays(plans.size());
        std::iota(delays.begin(), delays.end(), 1);
        std::shuffle(delays.begin(), delays.end(), random);
        for (std::size_t i = 0; i < plans.size(); ++i) {
            const int end = draw(6);
            plans[i] = {delays[i], end < 4 ? End::value : end == 4 ? End::error : End::cancelled,
                        static_cast<End>(draw(3))};
            by_time.push_back(i);
        }
        std::sort(by_time.begin(), by_time.end(),
                  [&](std::size_t a, std::size_t b) { return plans[a].delay < plans[b].delay; });
        last = static_cast<int>(plans.size());
    }
    std::vector<std::function<int()>> jobs(int& running) const {
        std::vector<std::function<int()>> jobs;
        for (std::size_t i = 0; i < plans.size(); ++i) {
            jobs.push_back(job_of(plans[i], static_cast<int>(i), running));
        }
        return jobs;
    }
    /// The first in time whose end is one of these.
    std::optional<std::size_t> first(std::initializer_list<End> ends) const {
        for (std::size_t i : by_time) {
            if (std::find(ends.begin(), ends.end(), plans[i].end) != ends.end()) return i;
        }
        return std::nullopt;
    }
};

/// "value ...", "error ...", "cancelled" (TaskCancelledError), "self" (CancelledError) or "timeout".
std::string told(const std::function<std::string()>& f) {
    try {
        return f();
    } catch (const std::range_error& error) {
        return std::string("error ") + error.what();
    } catch (const coir::TaskCancelledError&) {
        return "cancelled";
    } catch (const coir::TimeoutError&) {
        return "timeout";
    } catch (const coir::CancelledError&) {
        return "self";
    }
}

std::string end_of(const Plan& plan, std::size_t id) {
    const std::string text = std::to_string(id);
    if (plan.end == End::value) return "value " + text;
    return plan.end == End::error ? "error " + text : "cancelled";
}

std::string list(const std::vector<int>& values) {
    std::string text = "value";
    for (int value : values) text += ' ' + std::to_string(value);
    return text;
}

int seconds_since(coir::TimePoint start) {
    const auto passed = coir::get_running_loop().time() - start;
    return static_cast<int>(std::chrono::duration_cast<std::chrono::seconds>(passed).count());
}

/// Calls f(case) for many drawn cases, each as the main task of a loop with a drawn order.
void for_each_case(const std::function<void(const Case&)>& f) {
    for (std::uint64_t seed = 1; seed <= (COIR_TSAN ? 8u : 150u); ++seed) {
        INFO("case " << seed);
        const Case drawn(seed);
        run_on_sim([&] { f(drawn); }, seed);
    }
}

}  // namespace

TEST_CASE("rule 103, 106, 108, D15: gather and gather_settled do what a model of them does") {
    for_each_case([](const Case& drawn) {
        int running = 0;
        auto start = coir::get_running_loop().time();
        const auto failure = drawn.first({End::error, End::cancelled});
        std::vector<int> all(drawn.plans.size());
        std::iota(all.begin(), all.end(), 0);
        CHECK(told([&] { return list(coir::gather(drawn.jobs(running))); }) ==
              (failure ? end_of(drawn.plans[*failure], *failure) : list(all)));
        CHECK(seconds_since(start) == (failure ? drawn.plans[*failure].delay : drawn.last));
        CHECK(running == 0);

        start = coir::get_running_loop().time();
        const auto outcomes = coir::gather_settled(drawn.jobs(running));
        CHECK(seconds_since(start) == drawn.last);
        for (std::size_t i = 0; i < outcomes.size(); ++i) {
            CHECK(told([&] { return "value " + std::to_string(outcomes[i].value()); }) ==
                  end_of(drawn.plans[i], i));
            CHECK(outcomes[i].cancelled() == (drawn.plans[i].end == End::cancelled));
        }
    });
}

TEST_CASE("D5, D15: race does what a model of it does") {
    for_each_case([](const Case& drawn) {
        int running = 0;
        const auto start = coir::get_running_loop().time();
        const std::size_t winner = drawn.by_time.front();
        CHECK(told([&] { return "value " + std::to_string(coir::race(drawn.jobs(running))); }) ==
              end_of(drawn.plans[winner], winner));
        CHECK(seconds_since(start) == 1);
        CHECK(running == 0);
        CHECK(coir::all_tasks().size() == 1);
    });
}

TEST_CASE("rule 117, 120, 122, 124, 125: wait does what a model of it does") {
    for_each_case([](const Case& drawn) {
        for (const auto when : {ReturnWhen::all_completed, ReturnWhen::first_completed,
                                ReturnWhen::first_exception}) {
            for (int limit = 1; limit <= drawn.last + 1; ++limit) {
                int running = 0;
                std::vector<coir::Task<int>> tasks;
                for (auto& job : drawn.jobs(running)) tasks.push_back(coir::create_task(job));
                const auto error = drawn.first({End::error});
                int until = drawn.last;
                if (when == ReturnWhen::first_completed) until = 1;
                if (when == ReturnWhen::first_exception && error) until = drawn.plans[*error].delay;
                until = std::min(until, limit);
                const auto start = coir::get_running_loop().time();
                const auto sets =
                    coir::wait(tasks, {.timeout = limit * 1s, .return_when = when});
                CHECK(seconds_since(start) == until);
                std::vector<coir::Task<int>> done;
                std::vector<coir::Task<int>> pending;
                for (std::size_t i = 0; i < tasks.size(); ++i) {
                    (drawn.plans[i].delay <= until ? done : pending).push_back(tasks[i]);
                }
                CHECK(sets.done == done);
                CHECK(sets.pending == pending);
                coir::gather_settled(tasks);
            }
        }
    });
}

TEST_CASE("rule 129, 131, 135: as_completed does what a model of it does") {
    for_each_case([](const Case& drawn) {
        for (int limit = 0; limit <= drawn.last; ++limit) {
            int running = 0;
            std::vector<coir::Task<int>> order;
            std::vector<coir::Task<int>> seen;
            std::vector<coir::Task<int>> tasks;
            for (auto& job : drawn.jobs(running)) tasks.push_back(coir::create_task(job));
            for (std::size_t i : drawn.by_time) {
                if (drawn.plans[i].delay <= limit) order.push_back(tasks[i]);
            }
            const auto start = coir::get_running_loop().time();
            CHECK(told([&] {
                      for (auto& task : coir::as_completed(tasks, limit * 1s)) seen.push_back(task);
                      return std::string("all");
                  }) == (limit == drawn.last ? "all" : "timeout"));
            CHECK(seconds_since(start) == limit);
            CHECK(seen == order);
            coir::gather_settled(tasks);
        }
    });
}

TEST_CASE("rule 110, 111, D3, D15: a caller that is cancelled at any time, against a model") {
    for_each_case([](const Case& drawn) {
        for (int at = 0; at < drawn.last; ++at) {
            // What ends before the cancellation, and what a job ends with after it.
            auto cancelled = [&](const std::function<std::string(int&)>& call) {
                int running = 0;
                std::string end;
                auto caller = coir::create_task([&] { end = told([&] { return call(running); }); });
                coir::sleep(at * 1s + 500ms);
                caller.cancel();
                coir::await(caller);
                CHECK(running == 0);
                CHECK(coir::all_tasks().size() == 1);
                return end;
            };
            auto first_after = [&](std::initializer_list<End> ends) -> std::string {
                // Cancelled together, jobs end in an order that is drawn: all candidates.
                std::string found;
                for (std::size_t i = 0; i < drawn.plans.size(); ++i) {
                    const Plan& plan = drawn.plans[i];
                    if (plan.delay <= at) continue;
                    if (std::find(ends.begin(), ends.end(), plan.when_cancelled) == ends.end()) continue;
                    found += '[' + end_of({0, plan.when_cancelled, {}}, i) + ']';
                }
                return found.empty() ? "[self]" : found;
            };
            const auto failure = drawn.first({End::error, End::cancelled});
            std::string expected = failure && drawn.plans[*failure].delay <= at
                                       ? '[' + end_of(drawn.plans[*failure], *failure) + ']'
                                       : first_after({End::error});
            std::string end = cancelled(
                [&](int& running) { return list(coir::gather(drawn.jobs(running))); });
            INFO("gather, at " << at << ": " << end << " in " << expected);
            CHECK(expected.find('[' + end + ']') != std::string::npos);

            const std::size_t winner = drawn.by_time.front();
            expected = at >= 1 ? '[' + end_of(drawn.plans[winner], winner) + ']'
                               : first_after({End::value, End::error});
            end = cancelled([&](int& running) {
                return "value " + std::to_string(coir::race(drawn.jobs(running)));
            });
            INFO("race, at " << at << ": " << end << " in " << expected);
            CHECK(expected.find('[' + end + ']') != std::string::npos);
        }
    });
}

namespace {

/// Runs `call` as a task that is cancelled after `steps` turns of the ready queue. True when the
/// request came too late.
template <class Call>
bool cancelled_after(int steps, Call call) {
    int running = 0;
    int started = 0;
    bool ended = false;
    bool threw = false;
    auto job = [&](int yields, int result) {
        return [&, yields, result] {
            ++started;
            struct Count {
                int& running;
                explicit Count(int& r) : running(r) { ++running; }
                ~Count() { --running; }
            } count(running);
            for (int i = 0; i < yields; ++i) coir::yield_now();
            return result;
        };
    };
    auto kept = coir::create_task([] {
        for (int i = 0; i < 6; ++i) coir::yield_now();
        return 6;
    });
    auto caller = coir::create_task([&] {
        try {
            call(job, kept);
        } catch (const coir::CancelledError&) {
            threw = true;
        }
        CHECK(running == 0);  // what it had started has ended
        ended = true;
        if (!threw && coir::current_task().cancelling() > 0) {
            // The request is still there.
            CHECK_THROWS_AS(coir::checkpoint(), coir::CancelledError);
        }
    });
    for (int i = 0; i < steps; ++i) coir::yield_now();
    const bool late = !caller.cancel();
    static_cast<void>(coir::wait({caller}));
    if (caller.cancelled()) {
        CHECK(started == 0);  // never entered
    } else {
        CHECK(ended);
        CHECK_FALSE((threw && late));
    }
    kept.cancel();
    static_cast<void>(coir::wait({kept}));
    CHECK(coir::all_tasks().size() == 1);
    return late;
}

template <class Call>
void cancelled_at_every_step(Call call) {
    for (std::uint64_t seed = 0; seed <= 10; ++seed) {
        INFO("seed " << seed);
        run_on_sim(
            [&] {
                int steps = 0;
                while (!cancelled_after(steps, call)) {
                    if (++steps > 200) FAIL("it does not end");
                }
                CHECK(steps > 2);
            },
            seed == 0 ? std::nullopt : std::optional(seed));
    }
}

}  // namespace

TEST_CASE("D3, D15: gather, cancelled at every step") {
    cancelled_at_every_step([](auto& job, auto& kept) {
        const auto values = coir::gather(job(3, 1), kept, job(5, 2));
        CHECK(values == std::tuple(1, 6, 2));
    });
    cancelled_at_every_step([](auto& job, auto& kept) {
        const auto outcomes = coir::gather_settled(job(3, 1), kept);
        CHECK(std::get<0>(outcomes).value() == 1);
    });
}

TEST_CASE("D3, D15: race, cancelled at every step") {
    cancelled_at_every_step([](auto& job, auto& kept) {
        const int won = coir::race(job(9, 1), kept, job(4, 2));
        CHECK((won == 2 || won == 6 || won == 1));
    });
}

TEST_CASE("D3, rule 127: wait, cancelled at every step, leaves its members alone") {
    cancelled_at_every_step([](auto&, auto& kept) {
        try {
            const auto sets = coir::wait({kept}, {.timeout = 1s});
            CHECK(sets.done.size() == 1);
        } catch (const coir::CancelledError&) {
            CHECK(kept.cancelling() == 0);
            throw;
        }
    });
}

TEST_CASE("D3, D15: as_completed, cancelled at every step, ends what it has started") {
    cancelled_at_every_step([](auto& job, auto& kept) {
        try {
            std::vector<std::function<int()>> jobs{job(3, 1), job(7, 2), job(1, 3)};
            int sum = 0;
            for (auto& task : coir::as_completed(jobs)) {
                sum += task.result();
                coir::yield_now();
            }
            CHECK(sum == 6);
        } catch (const coir::CancelledError&) {
            CHECK(kept.cancelling() == 0);
            throw;
        }
    });
}

TEST_CASE("D3, D6: move_on_after around a race, cancelled at every step") {
    cancelled_at_every_step([](auto& job, auto&) {
        const auto won = coir::move_on_after(1h, [&] { return coir::race(job(3, 1), job(4, 2)); });
        CHECK(won.has_value());
    });
}

TEST_CASE("D3: twenty thousand members cost a step for each end, not a scan") {
    run_on_sim([] {
        std::vector<coir::Future<int>> futures;
        for (int i = 0; i < 20'000; ++i) futures.push_back(coir::create_future<int>());
        auto setter = coir::create_task([&] {
            for (auto& future : futures) {
                future.set_result(1);
                coir::yield_now();
            }
        });
        int seen = 0;
        for (auto& future : coir::as_completed(futures)) {
            CHECK(future == futures[static_cast<std::size_t>(seen)]);
            ++seen;
        }
        CHECK(seen == 20'000);
        coir::await(setter);
        CHECK(coir::wait(futures).done.size() == 20'000);
    });
}
