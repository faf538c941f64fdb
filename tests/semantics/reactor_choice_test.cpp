// SPDX-License-Identifier: BSL-1.0
// Choosing a reactor: program > COIR_REACTOR > the recorded choice > rank. A wish is never silently
// replaced, and what was passed over is said once. (What the kernel denies:
// tests/cli/faults_test.sh.)
#include <unistd.h>

#include <cerrno>
#include <coir/detail/pick_file.hpp>
#include <coir/event_loop.hpp>
#include <coir/reactor.hpp>
#include <coir/reactors.hpp>
#include <filesystem>
#include <fstream>
#include <memory>
#include <stdexcept>
#include <string>
#include <system_error>

#include "support/catch.hpp"
#include "support/environment.hpp"
#include "support/run.hpp"

using coir_test::LogCapture;
using coir_test::Variable;

namespace {

std::unique_ptr<coir::Reactor> cannot_create(const coir::ReactorOptions&) {
    throw std::system_error(ENOMEM, std::generic_category(), "coir: fickle: no room");
}

// Registers "denied", whose probe says no, and "fickle", whose probe is too hopeful; outside its
// lifetime that one says no as well, for tests that go through all usable reactors.
class BadReactors {
public:
    BadReactors() {
        static const bool once = (register_both(), true);
        static_cast<void>(once);
        hopeful = true;
    }
    BadReactors(const BadReactors&) = delete;
    BadReactors& operator=(const BadReactors&) = delete;
    ~BadReactors() { hopeful = false; }

private:
    static void register_both() {
        coir::register_reactor({"denied", -1,
                                [] { return coir::Verdict{false, "not today", "ask tomorrow"}; },
                                &cannot_create});
        coir::register_reactor(
            {"fickle", -1, [] { return coir::Verdict{hopeful, "", ""}; }, &cannot_create});
    }
    static inline bool hopeful = false;
};

std::string name_of_loop(const std::string& spec) {
    coir::RunOptions options;
    options.reactor = spec;
    return std::string(coir::EventLoop(options).reactor_name());
}

// A recorded choice, in place of the machine's and the user's.
class Record {
public:
    explicit Record(const std::string& text)
        : path_((std::filesystem::temp_directory_path() /
                 ("coir-record." + std::to_string(::getpid()) + "." + std::to_string(++count_)))
                    .string()),
          config_("COIR_CONFIG", path_.c_str()),
          environment_("COIR_REACTOR", nullptr) {
        std::ofstream(path_) << text;
    }
    Record(const Record&) = delete;
    Record& operator=(const Record&) = delete;
    ~Record() { std::filesystem::remove(path_); }

private:
    static inline int count_ = 0;  // a message about the same file would not be said again
    std::string path_;
    Variable config_;
    Variable environment_;
};

}  // namespace

TEST_CASE("choice: an unknown reactor is an error, whoever names it") {
    Variable none("COIR_REACTOR", nullptr);
    for (const char* spec :
         {"nope", "epoll,nope", "EPOLL", "epoll ", " epoll", ":", "auto,epoll"}) {
        INFO(spec);
        CHECK_THROWS_WITH(name_of_loop(spec), Catch::Contains("unknown reactor '") &&
                                                  Catch::Contains("allowed: auto, epoll"));
        Variable typed("COIR_REACTOR", spec);
        CHECK_THROWS_AS(name_of_loop("auto"), std::invalid_argument);
        CHECK(name_of_loop("poll") == "poll");  // the program is asked first
    }
    for (const char* spec : {",", "epoll,", ",epoll", "epoll,,poll"}) {
        INFO(spec);
        Variable typed("COIR_REACTOR", spec);
        CHECK_THROWS_AS(name_of_loop("auto"), std::invalid_argument);
    }
    CHECK_THROWS_AS(name_of_loop(""), std::invalid_argument);
    for (const char* spec : {"epoll:depth=3", "poll:3", "sim:depth=3"}) {
        INFO(spec);
        CHECK_THROWS_AS(name_of_loop(spec), std::invalid_argument);
    }
}

TEST_CASE("choice: one that cannot be used is an error, not a silent change") {
    const BadReactors reactors;
    LogCapture log;
    CHECK_THROWS_WITH(name_of_loop("denied"), Catch::Contains("no usable reactor in 'denied'") &&
                                                  Catch::Contains("asked for by the program") &&
                                                  Catch::Contains("not today (ask tomorrow)"));
    CHECK_THROWS_AS(name_of_loop("denied,denied"), std::runtime_error);
    Variable typed("COIR_REACTOR", "denied");
    CHECK_THROWS_WITH(name_of_loop("auto"), Catch::Contains("asked for by COIR_REACTOR"));
    CHECK_THROWS_AS(coir::pick_reactor("auto"), std::runtime_error);
    // One that probed well and then failed says so itself.
    CHECK_THROWS_WITH(name_of_loop("fickle"), Catch::Contains("fickle: no room"));
    CHECK_THROWS_AS(name_of_loop("denied,fickle"), std::system_error);
    CHECK(log.count_from(coir::LogLevel::warning) == 0);
}

TEST_CASE("choice: a list falls back to what can be had, and says so once") {
    const BadReactors reactors;
    LogCapture log;
    CHECK(name_of_loop("denied,fickle,poll,epoll") == "poll");
    REQUIRE(log.count_from(coir::LogLevel::warning) == 1);
    CHECK(
        log.contains("reactor poll: asked for by the program (passed over: denied: not today (ask "
                     "tomorrow); fickle: fickle: no room"));
    CHECK(name_of_loop("denied,fickle,poll,epoll") == "poll");
    CHECK(log.count_from(coir::LogLevel::warning) == 1);
    // Asking changes nothing and says nothing.
    std::string why;
    CHECK(coir::pick_reactor("denied,epoll", &why) == "epoll");
    CHECK(why.find("passed over: denied") != std::string::npos);
    CHECK(log.count_from(coir::LogLevel::warning) == 1);
}

TEST_CASE("choice: COIR_REACTOR goes before the recorded choice, that before the order") {
    Record record("# made by hand\n reactor = poll \n");
    LogCapture log;
    CHECK(name_of_loop("auto") == "poll");
    CHECK(name_of_loop("epoll") == "epoll");
    {
        Variable typed("COIR_REACTOR", "epoll");
        CHECK(name_of_loop("auto") == "epoll");
        Variable automatic("COIR_REACTOR", "auto");
        CHECK(name_of_loop("auto") == "poll");
    }
    CHECK(log.count_from(coir::LogLevel::warning) == 0);
}

TEST_CASE("choice: a record that fits the machine is followed, another one is passed over once") {
    {
        Record record("reactor = poll\nfingerprint = " + coir::detail::machine_fingerprint() +
                      "\n");
        CHECK(name_of_loop("auto") == "poll");
    }
    Record record("reactor = poll\nfingerprint = 2.6 | an abacus | 1\n");
    LogCapture log;
    CHECK(name_of_loop("auto") != "poll");
    CHECK(name_of_loop("auto") != "poll");
    CHECK(log.count_from(coir::LogLevel::warning) == 1);
    CHECK(
        log.contains("was made on another machine or kernel: 'coir pick --write' makes a new one"));
}

TEST_CASE("choice: a record that cannot be followed keeps no program from running") {
    const BadReactors reactors;
    std::string without_record;
    {
        Record empty("");
        without_record = coir::pick_reactor("auto");
    }
    for (const char* text : {"reactor = denied\n", "reactor = nope\n", "reactor = epoll,\n",
                             "reactor = fickle\n", "reactor =\n", "fingerprint = x\n", "junk\n"}) {
        INFO(text);
        Record record(text);
        LogCapture log;
        CHECK(name_of_loop("auto") == without_record);
        INFO(log.text());
        CHECK(log.count_from(coir::LogLevel::warning) == 1);
    }
}

TEST_CASE("choice: an empty record is none; one that is named and cannot be read is said once") {
    LogCapture log;
    Variable none("COIR_REACTOR", nullptr);
    {
        Variable config("COIR_CONFIG", "/dev/null");
        CHECK_NOTHROW(name_of_loop("auto"));
    }
    CHECK(log.count_from(coir::LogLevel::warning) == 0);
    for (const char* path : {"/nonexistent/coir", "/"}) {
        INFO(path);
        Variable config("COIR_CONFIG", path);
        log.clear();
        CHECK_NOTHROW(name_of_loop("auto"));
        CHECK_NOTHROW(name_of_loop("auto"));
        CHECK(log.count_from(coir::LogLevel::warning) == 1);
        CHECK(log.contains(std::string(path) + " cannot be read"));
    }
}
