// SPDX-License-Identifier: BSL-1.0
// The COIR_* variables: what they do, and that what cannot be understood is ignored and said once.
// Every wrong value is used by one check only: a message that has been said is not said again.
#include "support/environment.hpp"

#include <chrono>
#include <string>

#include "runtime/environment.hpp"
#include "support/catch.hpp"
#include "support/run.hpp"

using namespace std::chrono_literals;
using coir_test::LogCapture;
using coir_test::Variable;

namespace {

coir::RunOptions options_with(const char* name, const char* value) {
    Variable variable(name, value);
    return coir::detail::apply_environment({});
}

// The value is refused with one warning that names it and says what is allowed; once.
void check_refused(const char* name, const char* value, const char* allowed) {
    INFO(name << "=" << value);
    LogCapture log;
    const coir::RunOptions options = options_with(name, value);
    const coir::RunOptions defaults;
    CHECK(options.stack_size == defaults.stack_size);
    CHECK(options.max_threads == defaults.max_threads);
    CHECK(options.debug == defaults.debug);
    CHECK(options.slow_task_threshold == defaults.slow_task_threshold);
    INFO(log.text());
    REQUIRE(log.count() == 1);
    const LogCapture::Line line = log.lines().front();
    CHECK(line.level == coir::LogLevel::warning);
    CHECK(line.text.find(std::string("coir: ") + name + "='") == 0);
    CHECK(line.text.find('\n') == std::string::npos);
    CHECK(line.text.find(allowed) != std::string::npos);
    options_with(name, value);
    CHECK(log.count() == 1);
}

}  // namespace

TEST_CASE("environment: COIR_STACK and COIR_POOL count where the program left the default") {
    CHECK(options_with("COIR_STACK", "65536").stack_size == 65536);
    CHECK(options_with("COIR_STACK", "16384").stack_size == 16384);
    CHECK(options_with("COIR_STACK", "").stack_size == coir::RunOptions().stack_size);
    CHECK(options_with("COIR_POOL", "7").max_threads == 7);
    Variable stack("COIR_STACK", "65536");
    Variable pool("COIR_POOL", "7");
    coir::RunOptions own;
    own.stack_size = 1 << 20;
    own.max_threads = 2;
    own = coir::detail::apply_environment(own);
    CHECK(own.stack_size == 1 << 20);
    CHECK(own.max_threads == 2);
}

TEST_CASE("environment: numbers that are none are ignored, and said once") {
    for (const char* value : {"lots", "0", "-1", "16383", "64K", " 65536", "65536 ", "1e6", "nan",
                              "68719476737", "18446744073709551616"}) {
        check_refused("COIR_STACK", value,
                      "allowed is a number of bytes from 16384 to 68719476736");
    }
    for (const char* value : {"many", "0", "-1", "4097", "2.5", "99999999999999999999"}) {
        check_refused("COIR_POOL", value, "allowed is a number of threads from 1 to 4096");
    }
}

TEST_CASE("environment: COIR_DEBUG is a list, and every word of it does something") {
    CHECK(options_with("COIR_DEBUG", "1").debug);
    CHECK_FALSE(options_with("COIR_DEBUG", "0").debug);
    CHECK_FALSE(options_with("COIR_DEBUG", "reactor").debug);
    const coir::RunOptions slow = options_with("COIR_DEBUG", "reactor,slow=1.5ms");
    CHECK(slow.debug);
    CHECK(slow.slow_task_threshold == 1500us);
    Variable variable("COIR_DEBUG", "slow=7ms");
    coir::RunOptions own;
    own.slow_task_threshold = 9ms;
    CHECK(coir::detail::apply_environment(own).slow_task_threshold == 9ms);
}

TEST_CASE("environment: words of COIR_DEBUG that are unknown are said once") {
    for (const char* word : {"maybe", "slow", "2", ",", "Reactor", "true"}) {
        check_refused("COIR_DEBUG", word,
                      "allowed is 0, 1, or a list of slow=DURATION, reactor, locks, fds and passthrough");
    }
    for (const char* word :
         {"slow=", "slow=fast", "slow=-1ms", "slow=20", "slow=1e300s", "slow=nanms", "slow=infs"}) {
        check_refused("COIR_DEBUG", word, "slow= takes a duration such as 20ms");
    }
    LogCapture log;
    for (const char* words : {"fds", "passthrough", "locks", " locks , fds,\tpassthrough "}) {
        CHECK_FALSE(options_with("COIR_DEBUG", words).debug);
        CHECK(log.count() == 0);
    }
    CHECK(options_with("COIR_DEBUG", "locks, slow=20ms").slow_task_threshold == 20ms);
    const coir::RunOptions rest = options_with("COIR_DEBUG", "slow=3ms,junk,1");
    CHECK(rest.debug);
    CHECK(rest.slow_task_threshold == 3ms);
    CHECK(log.count() == 1);
    CHECK(log.contains("'junk'"));
}

TEST_CASE("environment: a level that COIR_LOG does not know is said once") {
    check_refused("COIR_LOG", "trace", "allowed is one of error, warning, info, debug");
    check_refused("COIR_LOG", "WARNING", "allowed is one of error, warning, info, debug");
    LogCapture log;
    for (const char* level : {"error", "warning", "info", "debug", ""}) {
        options_with("COIR_LOG", level);
    }
    CHECK(log.count() == 0);
}

TEST_CASE("environment: what is said stays on one line, however it was typed") {
    check_refused("COIR_DEBUG", "a\nb\x1b[31m", "'a?b?[31m'");
    const std::string endless(100'000, 'x');
    LogCapture log;
    options_with("COIR_STACK", endless.c_str());
    REQUIRE(log.count() == 1);
    CHECK(log.lines().front().text.size() < 400);
}
