// SPDX-License-Identifier: BSL-1.0
// The main function of every test program: compiled once, because it takes long.
//
// It ends with a line that `tools/dev test` adds up ("coir-tests: 12 passed, 0 failed, 1 skipped"),
// names each case as it starts, so that a crash or a timeout shows where it happened, and exits
// with 77, which Meson counts as skipped, when COIR_TEST_REACTOR cannot be used on this machine.

// coir reports stack overflows itself, and run() wants SIGINT and SIGTERM: Catch2 must not take them.
#define CATCH_CONFIG_NO_POSIX_SIGNALS
#define CATCH_CONFIG_RUNNER
#include "catch.hpp"

#include "run.hpp"

#include <coir/reactors.hpp>

#include <cstdio>
#include <exception>
#include <string>

namespace {

#if COIR_TEST_CATCH2 == 2
using ListenerBase = Catch::TestEventListenerBase;
#else
using ListenerBase = Catch::EventListenerBase;
#endif

struct Counts {
    unsigned passed = 0;
    unsigned failed = 0;
    unsigned skipped = 0;
};
Counts counts;
std::string skip_reason;  // of the running case; empty: it was not skipped

// A value in version 2, a pointer in version 3.
std::string name_of(const Catch::TestCaseInfo& info) { return info.name; }
[[maybe_unused]] std::string name_of(const Catch::TestCaseInfo* info) { return info->name; }

class Counter : public ListenerBase {
public:
    using ListenerBase::ListenerBase;

    void testCaseStarting(const Catch::TestCaseInfo& info) override {
        skip_reason.clear();
        std::printf("run: %s\n", std::string(info.name).c_str());
        std::fflush(stdout);
    }
    void testCaseEnded(const Catch::TestCaseStats& stats) override {
        const std::string name = name_of(stats.testInfo);
        if (stats.totals.testCases.failed > 0) {
            ++counts.failed;
            std::printf("failed: %s\n", name.c_str());
        } else if (!skip_reason.empty()) {
            ++counts.skipped;
            std::printf("skipped: %s: %s\n", name.c_str(), skip_reason.c_str());
        } else {
            ++counts.passed;
        }
        std::fflush(stdout);
    }

};

CATCH_REGISTER_LISTENER(Counter)

// Why the wanted reactor cannot be used here; empty when it can.
std::string unusable(const std::string& wanted) {
    for (const coir::ReactorInfo& info : coir::list_reactors()) {
        if (info.name != wanted) continue;
        return info.usable ? std::string() : info.reason;
    }
    return "no reactor of that name is registered";
}

}  // namespace

void coir_test::note_skip(const std::string& reason) {
    skip_reason = reason.empty() ? "no reason given" : reason;
}

int main(int argc, char** argv) {
    const std::string wanted = coir_test::reactor();
    const std::string obstacle = unusable(wanted.substr(0, wanted.find(':')));
    if (!obstacle.empty()) {
        std::printf("skipped: reactor %s: %s\n", wanted.c_str(), obstacle.c_str());
        std::printf("coir-tests: 0 passed, 0 failed, 1 skipped\n");
        return 77;
    }
    const int status = Catch::Session().run(argc, argv);
    if (counts.passed + counts.failed + counts.skipped == 0) return status;  // --help, --list-tests
    std::printf("coir-tests: %u passed, %u failed, %u skipped\n", counts.passed, counts.failed,
                counts.skipped);
    if (status != 0) return 1;  // Catch2 returns the number of failures, which could be 77
    return counts.passed == 0 ? 77 : 0;
}
