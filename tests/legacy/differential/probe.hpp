// SPDX-License-Identifier: BSL-1.0
// The interface of the probes. A probe is a function of one or more actors, which call libc's
// blocking functions and say what they observed. It is run twice, in processes of their own: once
// the actors are threads, and once they are tasks on one thread with libcoir-legacy linked. What is
// said must be equal (main.cpp).
//
//   PROBE("recv waits for data", "recv") {
//       Pair pair;
//       Actor writer = spawn([&] { pause_for(20ms); send(pair.fd[1], "x", 1, 0); });
//       char byte;
//       report("recv", recv(pair.fd[0], &byte, 1, 0));
//   }
//
// A probe says nothing that may be different from run to run: no times but bounds, no addresses, no
// order of things that happen at the same time.
#pragma once

#include <chrono>
#include <functional>
#include <initializer_list>
#include <memory>
#include <string>
#include <vector>

namespace differential {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

struct Probe {
    const char* name;
    std::vector<const char*> needs;  ///< functions that must be in the table of symbols
    void (*body)();
    const char* file;
};

/// In the order of their files.
std::vector<Probe>& all_probes();

struct AddProbe {
    AddProbe(const char* name, std::initializer_list<const char*> needs, void (*body)(),
             const char* file) {
        all_probes().push_back({name, needs, body, file});
    }
};

#define DIFFERENTIAL_JOIN_(a, b) a##b
#define DIFFERENTIAL_JOIN(a, b) DIFFERENTIAL_JOIN_(a, b)
/// The name, and the functions that the probe is about: as long as one of them is not in the table
/// of symbols, the probe is skipped.
#define PROBE(name, ...)                                                                        \
    static void DIFFERENTIAL_JOIN(probe_, __LINE__)();                                          \
    static const ::differential::AddProbe DIFFERENTIAL_JOIN(add_, __LINE__)(                    \
        name, {__VA_ARGS__}, &DIFFERENTIAL_JOIN(probe_, __LINE__), __FILE__);                   \
    static void DIFFERENTIAL_JOIN(probe_, __LINE__)()

/// A thread or a task. Joined at its end at the latest.
class Actor {
public:
    class Body;
    explicit Actor(std::unique_ptr<Body> body) noexcept;
    Actor(Actor&&) noexcept;
    Actor(const Actor&) = delete;
    ~Actor();
    void join();

private:
    std::unique_ptr<Body> body_;
};

/// Returns when the actor has begun.
[[nodiscard]] Actor spawn(std::function<void()> run);
/// Waits without the functions that are probed.
void pause_for(Clock::duration duration);
/// Whether the actors are tasks: only for what the actors are made of, never for what is said.
bool actors_are_tasks();

/// A line of what was observed.
[[gnu::format(printf, 1, 2)]] void say(const char* format, ...);
/// "what = result", with the error's name for -1.
void report(const char* what, long result);
/// "what = NAME" for functions that return an error's number.
void report_error(const char* what, int error);
std::string error_name(int error);

/// The time since it was made.
class Stopwatch {
public:
    /// Says whether `bound` has passed, but not much more: a second counts as too late.
    void expect(const char* what, Clock::duration bound);
    /// Says whether it took less than `bound`, which is to be generous.
    void expect_less(const char* what, Clock::duration bound);
    Clock::duration passed() const { return Clock::now() - start_; }

private:
    Clock::time_point start_ = Clock::now();
};

/// An actor that counts its turns: says whether others could run while somebody waited.
class Others {
public:
    Others();
    Others(const Others&) = delete;
    ~Others();
    void say_whether_they_ran();

private:
    struct State;
    std::shared_ptr<State> state_;
    std::unique_ptr<Actor> actor_;
};

}  // namespace differential
