// SPDX-License-Identifier: BSL-1.0
// See attempt.hpp.
#include "attempt.hpp"

#include <coir/error.hpp>

#include <cerrno>
#include <cstdlib>
#include <exception>
#include <new>
#include <system_error>
#include <typeinfo>
#include <vector>

#include <cxxabi.h>
#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace coir_faults {
namespace {

const char* wrong_result = nullptr;
bool expects_faults = false;

// Which descriptors are open: reading a folder would take one.
std::vector<int> open_descriptors() {
    std::vector<int> open;
    for (int fd = 0; fd < 512; ++fd) {
        if (::fcntl(fd, F_GETFD) != -1) open.push_back(fd);
    }
    return open;
}

std::string list_of(const std::vector<int>& descriptors) {
    std::string text;
    for (const int fd : descriptors) text += " " + std::to_string(fd);
    return text;
}

std::string type_name(const std::type_info& type) {
    char* name = abi::__cxa_demangle(type.name(), nullptr, nullptr, nullptr);
    std::string text = name ? name : type.name();
    std::free(name);
    return text;
}

struct Ended {
    std::string how;
    bool typed = false;
    bool timed_out = false;
};

// Which errors say what has gone wrong: memory, a call, a stack, or what follows from those.
Ended judge(const std::exception_ptr& error, bool several_loops) {
    try {
        std::rethrow_exception(error);
    } catch (const WrongResult&) {
        return {"a wrong result", false};
    } catch (const coir::ExceptionGroup& group) {
        Ended all{"group of", true};
        for (const auto& one : group.exceptions()) {
            const Ended part = judge(one, several_loops);
            all.how += " (" + part.how + ")";
            all.typed = all.typed && part.typed;
            all.timed_out = all.timed_out || part.timed_out;
        }
        return all;
    } catch (const coir::TimeoutError& timeout) {
        return {std::string("TimeoutError ") + timeout.what(), true, true};
    } catch (const std::bad_alloc&) {
        return {"std::bad_alloc", true};
    } catch (const std::logic_error& mistake) {
        // A loop of a group that has failed is closed.
        const std::string_view text = mistake.what();
        if (several_loops && text.find("clos") != text.npos) return {std::string(text), true};
        return {type_name(typeid(mistake)) + ": " + mistake.what(), false};
    } catch (const coir::DeadlockError& deadlock) {
        return {std::string("DeadlockError: ") + deadlock.what(), false};
    } catch (const std::exception& known) {
        return {type_name(typeid(known)) + ": " + known.what(), true};
    } catch (const coir::CancelledError& cancelled) {
        return {"CancelledError " + cancelled.message(), false};
    } catch (...) {
        return {"an exception of no known type", false};
    }
}

coir::RunOptions options_for(const std::string& reactor) {
    coir::RunOptions options;
    options.reactor = reactor;
    options.max_threads = 2;
    options.on_deadlock = coir::OnDeadlock::fail;
    options.cleanup_grace = std::chrono::milliseconds(500);
    return options;
}

}  // namespace

void expect(bool right, const char* what) {
    if (right) return;
    if (!wrong_result) wrong_result = what;
    throw WrongResult();
}

const char* take_wrong_result() noexcept { return std::exchange(wrong_result, nullptr); }

bool armed_with_faults() noexcept { return expects_faults; }

std::chrono::nanoseconds patience() noexcept {
    return expects_faults ? std::chrono::milliseconds(700) : std::chrono::seconds(6);
}

namespace {
Attempt attempt_at(const Scenario& scenario, const std::string& reactor, const Plan& plan,
                   bool may_fail) {
    Attempt attempt;
    const coir::RunOptions options = options_for(reactor);
    const auto before = open_descriptors();
    take_wrong_result();
    expects_faults = plan.first != 0 || may_fail;
    std::exception_ptr error;
    arm(plan);
    try {
        scenario.body(options);
    } catch (...) {
        error = std::current_exception();
    }
    disarm();
    expects_faults = false;
    attempt.points = points();
    attempt.failures = failures();
    attempt.failed = first_failure();
    attempt.loop_lost = loop_lost();
    Ended ended{"result", true};
    if (error) ended = judge(error, scenario.several_loops);
    attempt.ended = ended.how;
    const auto after = open_descriptors();
    if (const char* wrong = take_wrong_result()) {
        attempt.wrong = std::string("wrong result: ") + wrong;
    } else if (!ended.typed) {
        attempt.wrong = "ended with " + ended.how;
    } else if (error && attempt.failures == 0 && !may_fail) {
        attempt.wrong = "failed by itself: " + ended.how;
    } else if (error && first_error() == EINTR) {
        attempt.wrong = "an interrupted call is an error: " + ended.how;
    } else if (ended.timed_out && !plan.persistent && !may_fail && !scenario.may_time_out) {
        attempt.wrong = "hung until its time limit: " + ended.how;
    } else if (after != before && !attempt.loop_lost) {
        attempt.wrong = "descriptors: before" + list_of(before) + ", after" + list_of(after);
    } else if (bad_closes() != 0) {
        attempt.wrong = "a descriptor was closed twice";
    }
    return attempt;
}
}  // namespace

Attempt try_once(const Scenario& scenario, const std::string& reactor, const Plan& plan) {
    return attempt_at(scenario, reactor, plan, false);
}

Attempt try_outside_faults(const Scenario& scenario, const std::string& reactor, bool may_fail) {
    return attempt_at(scenario, reactor, Plan{}, may_fail);
}

}  // namespace coir_faults
