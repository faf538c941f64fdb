// SPDX-License-Identifier: BSL-1.0
// See run.hpp.
#include "run.hpp"

#include "catch.hpp"

#include <coir/error.hpp>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <exception>
#include <filesystem>

#include <unistd.h>

// Not a std::exception, so Catch2 needs to be told what it says.
CATCH_TRANSLATE_EXCEPTION(const coir::CancelledError& error) {
    return "CancelledError " + error.message();
}

namespace coir_test {

std::string reactor() {
    const char* wanted = std::getenv("COIR_TEST_REACTOR");
    return wanted && *wanted ? wanted : "epoll";
}

coir::RunOptions options() {
    coir::RunOptions run_options;
    run_options.reactor = reactor();
    run_options.cleanup_grace = std::chrono::seconds(2) * time_factor();
    return run_options;
}

coir::RunOptions sim_options(std::optional<std::uint64_t> seed) {
    coir::RunOptions run_options;
    run_options.reactor = seed ? "sim:seed=" + std::to_string(*seed) : "sim";
    run_options.on_deadlock = coir::OnDeadlock::fail;
    return run_options;
}

int time_factor() {
#if COIR_TSAN
    return 10;
#elif COIR_ASAN
    return 4;
#else
    return 1;
#endif
}

namespace detail {
namespace {

std::string describe(const std::exception_ptr& error) {
    if (!error) return {};
    try {
        std::rethrow_exception(error);
    } catch (const std::exception& known) {
        return std::string(": ") + known.what();
    } catch (const coir::CancelledError& cancelled) {
        return ": CancelledError " + cancelled.message();
    } catch (...) {
        return ": an exception that is not a std::exception (a failed REQUIRE is one)";
    }
}

}  // namespace

void LostErrors::attach(coir::EventLoop& loop) {
#if COIR_TEST_CATCH2 >= 3
    // Version 3 hooks these for the time of a test case; run() wants them unhooked.
    std::signal(SIGINT, SIG_DFL);
    std::signal(SIGTERM, SIG_DFL);
#endif
    loop.set_exception_handler([this](const coir::ExceptionContext& context) {
        std::string text = context.message;
        if (context.task) text += " (task '" + context.task.name() + "')";
        messages_.push_back(text + describe(context.exception));
    });
}

void LostErrors::report() {
    for (const std::string& message : messages_) {
        INFO("an error that nobody awaited: " << message);
        CHECK(message.empty());
    }
    messages_.clear();
}

}  // namespace detail

LogCapture::LogCapture() {
    coir::set_log_handler([this](coir::LogLevel level, std::string_view text) {
        std::lock_guard lock(mutex_);
        lines_.push_back({level, std::string(text)});
    });
}

LogCapture::~LogCapture() { coir::set_log_handler({}); }

std::vector<LogCapture::Line> LogCapture::lines() const {
    std::lock_guard lock(mutex_);
    return lines_;
}

std::size_t LogCapture::count(std::string_view text) const {
    std::lock_guard lock(mutex_);
    return static_cast<std::size_t>(
        std::count_if(lines_.begin(), lines_.end(), [&](const Line& line) {
            return line.text.find(text) != std::string::npos;
        }));
}

std::size_t LogCapture::count_from(coir::LogLevel level) const {
    std::lock_guard lock(mutex_);
    return static_cast<std::size_t>(std::count_if(
        lines_.begin(), lines_.end(), [&](const Line& line) { return line.level <= level; }));
}

std::string LogCapture::text() const {
    std::string all;
    for (const Line& line : lines()) all += line.text + '\n';
    return all;
}

void LogCapture::clear() {
    std::lock_guard lock(mutex_);
    lines_.clear();
}

namespace {

std::vector<std::pair<int, std::string>> open_descriptors() {
    std::vector<std::pair<int, std::string>> found;
    for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
        std::error_code error;
        const auto target = std::filesystem::read_symlink(entry.path(), error);
        // The descriptor of this very iteration is seen, and gone when it is asked for again.
        if (error || target.string().ends_with("/fd")) continue;
        found.emplace_back(std::stoi(entry.path().filename().string()), target.string());
    }
    std::sort(found.begin(), found.end());
    return found;
}

}  // namespace

FdCount::FdCount() : before_(open_descriptors()), exceptions_(std::uncaught_exceptions()) {}

FdCount::~FdCount() {
    if (std::uncaught_exceptions() > exceptions_) return;  // the test has failed already
    const auto leaks = leaked();
    for (const std::string& leak : leaks) {
        INFO("left open: " << leak);
        CHECK(leak.empty());
    }
}

std::size_t FdCount::open_now() { return open_descriptors().size(); }

std::vector<std::string> FdCount::leaked() const {
    std::vector<std::string> leaks;
    for (const auto& descriptor : open_descriptors()) {
        if (std::find(before_.begin(), before_.end(), descriptor) != before_.end()) continue;
        leaks.push_back(std::to_string(descriptor.first) + " -> " + descriptor.second);
    }
    return leaks;
}

}  // namespace coir_test
