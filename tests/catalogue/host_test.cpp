// SPDX-License-Identifier: BSL-1.0
// What a loop does not do to the process that it runs in.
#include "support/catch.hpp"
#include "support/child_process.hpp"
#include "support/run.hpp"

#include <coir/coir.hpp>

#include <array>
#include <csignal>
#include <cstring>
#include <fstream>
#include <string>
#include <system_error>
#include <vector>

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

using coir_test::in_child;
using coir_test::run_in_loop;

namespace {

/// What a library must leave as it was.
struct HostState {
    std::vector<std::string> dispositions;
    std::string signal_mask;
    std::string folder;
    mode_t creation_mask = 0;
    std::array<rlimit, 4> limits{};

    static HostState now() {
        HostState state;
        for (int signo = 1; signo < NSIG; ++signo) {
            struct sigaction action {};
            // SIGSEGV and SIGBUS are hooked for good by the first loop: the report of overflows.
            if (signo == SIGSEGV || signo == SIGBUS) continue;
            if (::sigaction(signo, nullptr, &action) != 0) continue;
            const auto handler = reinterpret_cast<std::uintptr_t>(action.sa_sigaction);
            state.dispositions.push_back(std::to_string(signo) + ' ' + std::to_string(handler) + ' ' +
                                         std::to_string(action.sa_flags));
        }
        sigset_t mask;
        ::pthread_sigmask(SIG_SETMASK, nullptr, &mask);
        for (int signo = 1; signo < NSIG; ++signo) state.signal_mask += sigismember(&mask, signo) == 1 ? '1' : '0';
        char path[4096];
        state.folder = ::getcwd(path, sizeof path) ? path : "";
        state.creation_mask = ::umask(0);
        ::umask(state.creation_mask);
        constexpr int names[] = {RLIMIT_NOFILE, RLIMIT_STACK, RLIMIT_CORE, RLIMIT_MEMLOCK};
        for (std::size_t i = 0; i < state.limits.size(); ++i) {
            ::getrlimit(static_cast<__rlimit_resource>(names[i]), &state.limits[i]);
        }
        return state;
    }
};

[[gnu::noinline]] int overflow_with(const char* secret, int depth) {
    volatile char frame[1024];
    for (std::size_t i = 0; i < sizeof frame; ++i) frame[i] = secret[i % std::strlen(secret)];
    return depth == 0 ? frame[0] : overflow_with(secret, depth - 1) + frame[1];
}

}  // namespace

TEST_CASE("S13: signals, masks, limits and folder of the process are as before") {
    run_in_loop([] {});  // what a first loop sets up for good
    const HostState before = HostState::now();
    run_in_loop([] {
        coir::SignalStream signals({SIGUSR2});
        ::raise(SIGUSR2);
        signals.next();
        coir::to_thread([] {});
        auto process = coir::create_subprocess_exec({"/bin/true"});
        process.wait();
        coir::gather([] { coir::yield_now(); }, [] { coir::yield_now(); });
    });
    const HostState after = HostState::now();
    CHECK(after.dispositions == before.dispositions);
    CHECK(after.signal_mask == before.signal_mask);
    CHECK(after.folder == before.folder);
    CHECK(after.creation_mask == before.creation_mask);
    CHECK(std::memcmp(&after.limits, &before.limits, sizeof after.limits) == 0);
}

TEST_CASE("S3: no memory is both writable and executable") {
    run_in_loop([] {
        coir::await(coir::create_task([] {
            coir::yield_now();
            std::ifstream maps("/proc/self/maps");
            int seen = 0;
            for (std::string line; std::getline(maps, line); ++seen) {
                INFO(line);
                const std::string rights = line.substr(line.find(' ') + 1, 4);
                CHECK_FALSE((rights[1] == 'w' && rights[2] == 'x'));
            }
            CHECK(seen > 0);
        }));
    });
}

#if !COIR_ASAN && !COIR_TSAN
TEST_CASE("S17: the report of an overflow shows nothing of what is on the stack") {
    const auto ended = in_child([] {
        coir::run(
            [] {
                coir::await(coir::create_task(
                    [] { return overflow_with("password-of-somebody", 1'000'000); }));
            },
            coir_test::options());
    });
    CHECK(ended.died_by(SIGSEGV));
    CHECK(ended.errors.find("overflow") != std::string::npos);
    CHECK(ended.errors.find("password") == std::string::npos);
    CHECK(ended.errors.find("70617373") == std::string::npos);  // nor in hexadecimal
}
#endif

namespace {

// Opened before and after: the second must be refused, whoever opens it for coir.
bool is_refused_after(uid_t user, const std::string& path) {
    bool opened = false;
    bool refused = false;
    run_in_loop([&] {
        coir::File::open(path, O_RDONLY).close();
        opened = true;
        if (::setresuid(user, user, user) != 0) throw std::system_error(errno, std::generic_category());
        try {
            coir::File::open(path, O_RDONLY);
        } catch (const coir::IoError& error) {
            refused = error.code() == std::errc::permission_denied;
        }
    });
    return opened && refused;
}

}  // namespace

TEST_CASE("S5: a loop that runs loses the privileges that its process gives up") {
    COIR_NEEDS_FORK();
    if (::geteuid() != 0) COIR_SKIP("only root can become somebody else");
    constexpr uid_t nobody = 65534;
    char path[] = "/tmp/coir-private-XXXXXX";
    const int fd = ::mkstemp(path);  // its mode is 0600
    REQUIRE(fd >= 0);
    ::close(fd);
    const auto ended = in_child([&] { ::_exit(is_refused_after(nobody, path) ? 0 : 1); });
    ::unlink(path);
    CHECK(ended.exited_with(0));
}
