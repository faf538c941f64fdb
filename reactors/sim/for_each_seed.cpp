// SPDX-License-Identifier: BSL-1.0
// coir::testing::for_each_seed: one world after another, and which of them has failed.
#include "outcome.hpp"
#include "trace.hpp"

#include <coir/detail/own_sigaction.hpp>
#include <coir/detail/sys.hpp>
#include <coir/testing.hpp>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <stdexcept>
#include <string>

#include <unistd.h>

namespace coir {
inline namespace v0 {
namespace testing {
namespace {

std::uint64_t number_from(const char* variable, std::uint64_t otherwise) {
    const char* text = std::getenv(variable);
    if (!text || !*text) return otherwise;
    char* end = nullptr;
    const std::uint64_t value = std::strtoull(text, &end, 0);
    if (*end != '\0') {
        throw std::invalid_argument(std::string("coir: ") + variable + " must be a number, got '" + text + "'");
    }
    return value;
}

// A failed assertion ends the process: the line that names the seed is ready before.
class NamesSeedOnAbort {
public:
    NamesSeedOnAbort() noexcept {
        struct sigaction action {};
        action.sa_handler = &say;
        action.sa_flags = SA_ONSTACK;
        coir::detail::own_sigaction(SIGABRT, &action, &before_);
    }
    NamesSeedOnAbort(const NamesSeedOnAbort&) = delete;
    NamesSeedOnAbort& operator=(const NamesSeedOnAbort&) = delete;
    ~NamesSeedOnAbort() { coir::detail::own_sigaction(SIGABRT, &before_, nullptr); }
    void now(std::uint64_t seed) noexcept {
        const int size = std::snprintf(
            line_, sizeof line_, "coir: simulate: seed %llu ended the process; COIR_SIM_SEED=%llu runs it alone\n",
            static_cast<unsigned long long>(seed), static_cast<unsigned long long>(seed));
        size_ = static_cast<std::size_t>(size);
    }
    void be_silent() noexcept { size_ = 0; }

private:
    // The next handler, or the default, has the signal again when this one returns.
    static void say(int signo) {
        coir::detail::Sys& sys = coir::detail::real_sys();
        sys.write(STDERR_FILENO, line_, size_);
        coir::detail::own_sigaction(signo, &before_, nullptr);
        sys(SYS_tgkill, sys(SYS_getpid), sys(SYS_gettid), signo);
    }

    static inline struct sigaction before_ {};
    static inline char line_[128];
    static inline std::size_t size_ = 0;
};

// What fails by a number that no seed decides, or by what an earlier run has left, is not found again.
void say_failed(SimOptions options, const std::function<void()>& program, const std::string& error) {
    const auto seed = static_cast<unsigned long long>(options.seed);
    std::fprintf(stderr, "coir: simulate: seed %llu failed: %s; COIR_SIM_SEED=%llu runs it alone\n", seed,
                 error.c_str(), seed);
    options.trace = nullptr;
    if (!coir::detail::sim::run_here(options, program).failed) {
        std::fprintf(stderr,
                     "coir: simulate: run again, seed %llu does not fail: the program depends on something that the "
                     "simulation does not decide (a random device, the address of an object, a static variable)\n",
                     seed);
    }
}

}  // namespace

namespace detail {

std::uint64_t first_seed(std::uint64_t otherwise) { return number_from("COIR_SIM_SEED", otherwise); }

std::uint64_t seed_count(std::uint64_t wanted) {
    const char* one = std::getenv("COIR_SIM_SEED");
    return number_from("COIR_SIM_SEEDS", one && *one ? 1 : wanted);
}

void for_each_seed(const SimOptions& options, std::uint64_t count, const std::function<void()>& program) {
    SimOptions one = options;
    const std::uint64_t first = first_seed(options.seed);
    const std::uint64_t end = first + seed_count(count);
    if (!one.trace) one.trace = coir::detail::sim::trace_from_environment();
    NamesSeedOnAbort names_seed;
    for (one.seed = first; one.seed != end; ++one.seed) {
        names_seed.now(one.seed);
        try {
            simulate(one, program);
        } catch (...) {
            names_seed.be_silent();  // when nobody catches this
            say_failed(one, program, coir::detail::sim::message_of(std::current_exception()));
            throw;
        }
    }
}

}  // namespace detail

}  // namespace testing
}  // namespace v0
}  // namespace coir
