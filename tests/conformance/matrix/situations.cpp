// SPDX-License-Identifier: BSL-1.0
// How each situation is brought about; the same for all rows.
#include "row.hpp"

#include <coir/await.hpp>
#include <coir/error.hpp>
#include <coir/event_loop.hpp>
#include <coir/gather.hpp>
#include <coir/run.hpp>
#include <coir/task.hpp>
#include <coir/timeout.hpp>

#include <chrono>
#include <csignal>
#include <exception>
#include <set>

#include <sys/time.h>

namespace coir_matrix {
namespace {

using namespace std::chrono_literals;

/// Lets the loop do all that it can: what tasks have begun is under way then.
void settle() {
    for (int i = 0; i < 3; ++i) coir::yield_now();
    coir::sleep(300us);
}

std::string in_words(const std::exception_ptr& error) {
    try {
        std::rethrow_exception(error);
    } catch (const coir::TaskCancelledError&) {
        return "cancelled";
    } catch (const coir::TimeoutError&) {
        return "timed out";
    } catch (const std::system_error& known) {
        return error_name(known.code().value());
    } catch (const std::exception& other) {
        return std::string("error: ") + other.what();
    }
}

using Text = std::string;

Text text_of(Text (Row::*act)(), Row& row) {
    try {
        return (row.*act)();
    } catch (const std::exception&) {
        return in_words(std::current_exception());
    }
}
Text act(Row& row) { return text_of(&Row::act, row); }

coir::Task<Text> begin(Row& row) {
    return coir::create_task([&row] { return row.act(); });
}

Text join(coir::Task<Text>& task) {
    try {
        return coir::await(task);
    } catch (const std::exception&) {
        return in_words(std::current_exception());
    }
}

/// The operation waits.
coir::Task<Text> under_way(Row& row) {
    row.fill();
    auto task = begin(row);
    settle();
    return task;
}

Text later(Row& row) {
    auto task = under_way(row);
    row.satisfy();
    return join(task);
}

Text and_then(const Text& first, Row& row) {
    row.satisfy();
    return first + ", then " + act(row);
}

Text cancelled_before(Row& row) {
    row.fill();
    auto task = begin(row);
    task.cancel();
    return and_then(join(task), row);
}

Text cancelled_in_flight(Row& row) {
    row.fill_for_ever();
    auto task = begin(row);
    settle();
    task.cancel();
    return and_then(join(task), row);
}

/// Either it was in time, or nothing has been taken and the next one gets it.
Text once(Text first, const char* instead, Row& row, const Text& normal) {
    if (first == normal) return "once";
    if (first != instead) return first;
    const Text second = act(row);
    return second == normal ? "once" : first + ", then " + second;
}

Text cancelled_in_batch(Row& row, const Text& normal) {
    auto task = under_way(row);
    row.satisfy();
    task.cancel();
    return once(join(task), "cancelled", row, normal);
}

Text cancelled_after(Row& row) {
    auto task = under_way(row);
    row.satisfy();
    while (!task.done()) coir::sleep(200us);
    const bool accepted = task.cancel();
    return join(task) + (accepted ? ", though cancelled" : "");
}

Text deadline(Row& row, const Text& normal) {
    row.fill();
    auto& loop = coir::get_running_loop();
    const auto takes = row.takes();
    const auto when = loop.time() + (takes > 0ns ? takes : 3ms);
    loop.call_at(when, [&row] { row.satisfy(); });
    auto task = coir::create_task([&row, when] { return coir::with_deadline(when, [&row] { return row.act(); }); });
    Text first = join(task);
    if (first == "timed out") settle();
    return once(std::move(first), "timed out", row, normal);
}

Text closed_by_us(Row& row) {
    auto task = under_way(row);
    row.close_by_us();
    return join(task);
}

Text closed_behind(const RowInfo& info, Row& row) {
    auto task = under_way(row);
    row.close_behind();
    settle();
    task.cancel();
    join(task);  // what it gives is the kernel's affair, but it ends
    row.forget();
    const auto next = info.make();
    next->open();
    return "ends, and the number works: " + later(*next);
}

Text signals(Row& row) {
    struct sigaction handler {};
    struct sigaction before {};
    handler.sa_handler = [](int) {};
    ::sigaction(SIGALRM, &handler, &before);
    auto task = under_way(row);
    const itimerval often{{0, 1000}, {0, 1000}};
    ::setitimer(ITIMER_REAL, &often, nullptr);
    for (int i = 0; i < 10; ++i) coir::sleep(1ms);
    row.satisfy();
    Text text = join(task);
    const itimerval never{};
    ::setitimer(ITIMER_REAL, &never, nullptr);
    ::sigaction(SIGALRM, &before, nullptr);
    return text;
}

Text thousand_tasks(Row& row) {
    // Each of ThreadSanitizer's fibers takes it a long time.
    constexpr int crowd = COIR_TSAN ? 50 : 1000;
    if (!row.is_shared()) {
        std::vector<coir::Task<void>> sleepers;
        for (int i = 0; i < crowd; ++i) {
            sleepers.push_back(coir::create_task([] { coir::sleep(2ms); }));
        }
        Text text = later(row);
        coir::gather(std::move(sleepers));
        return text;
    }
    std::vector<coir::Task<Text>> tasks;
    for (int i = 0; i < crowd; ++i) tasks.push_back(begin(row));
    settle();
    std::set<Text> different;
    for (int i = 0; i < crowd; ++i) row.satisfy();
    for (auto& task : tasks) different.insert(join(task));
    Text text;
    for (const Text& one : different) text += (text.empty() ? "" : " and ") + one;
    return text;
}

Text with_flags(Row& row, bool blocking) {
    row.set_blocking(blocking);
    return later(row);
}

coir::RunOptions options_for(const std::string& reactor) {
    coir::RunOptions options;
    options.reactor = reactor;
    options.cleanup_grace = 2s;
    return options;
}

// The row outlives the loop's end.
Text loop_closed(Row& row, const std::string& reactor) {
    Text noted = "nothing";
    coir::run(
        [&] {
            row.open();
            row.fill_for_ever();
            coir::spawn_detached([&] {
                try {
                    noted = row.act();
                } catch (const coir::CancelledError&) {
                    noted = "cancelled";
                    throw;
                }
            });
            settle();
        },
        options_for(reactor));
    return noted;
}

Text in_situation(const RowInfo& info, Row& row, Situation situation) {
    const Text& normal = info.expected.cells[static_cast<std::size_t>(Situation::at_once)].text;
    switch (situation) {
        case Situation::at_once:
            row.satisfy();
            return act(row);
        case Situation::later: return later(row);
        case Situation::short_transfer: return text_of(&Row::act_short, row);
        case Situation::zero_length: return text_of(&Row::act_zero, row);
        case Situation::peer_ends: return text_of(&Row::act_after_end, row);
        case Situation::peer_resets: return text_of(&Row::act_after_reset, row);
        case Situation::cancelled_before: return cancelled_before(row);
        case Situation::cancelled_in_flight: return cancelled_in_flight(row);
        case Situation::cancelled_in_batch: return cancelled_in_batch(row, normal);
        case Situation::cancelled_after: return cancelled_after(row);
        case Situation::deadline: return deadline(row, normal);
        case Situation::closed_by_us: return closed_by_us(row);
        case Situation::closed_behind: return closed_behind(info, row);
        case Situation::bad_descriptor: return text_of(&Row::act_on_bad, row);
        case Situation::signals: return signals(row);
        case Situation::thousand_tasks: return thousand_tasks(row);
        case Situation::blocking: return with_flags(row, true);
        case Situation::non_blocking: return with_flags(row, false);
        default: return {};
    }
}

}  // namespace

std::string measure(const RowInfo& info, Situation situation, const std::string& reactor) {
    const auto row = info.make();
    if (situation == Situation::loop_closed) return loop_closed(*row, reactor);
    return coir::run(
        [&] {
            row->open();
            return in_situation(info, *row, situation);
        },
        options_for(reactor));
}

}  // namespace coir_matrix
