// SPDX-License-Identifier: BSL-1.0
// The scenarios dns and subprocess: calls of libc that block, for tasks and for threads.
#include "bench/at_once.hpp"
#include "bench/scenarios/raw_servers.hpp"
#include "bench/scenarios/scenarios.hpp"
#include "table.hpp"

#include <coir/address.hpp>
#include <coir/process.hpp>

#include <stdexcept>
#include <string>

#include <netdb.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

namespace coir_tool {
namespace {

constexpr unsigned lookups_at_once = 16;

void look_up_blocking(unsigned) {
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    addrinfo* found = nullptr;
    const int error = ::getaddrinfo("localhost", "80", &hints, &found);
    if (error != 0) throw std::runtime_error(std::string("localhost: ") + ::gai_strerror(error));
    ::freeaddrinfo(found);
}

// The least that a program can do.
constexpr const char* program = "true";

void require_success(bool succeeded) {
    if (!succeeded) throw std::runtime_error("the program 'true' failed");
}

void run_program(unsigned) {
    require_success(coir::create_subprocess_exec({program}).wait().ok());
}

void run_program_blocking(unsigned) {
    char name[] = "true";
    char* words[] = {name, nullptr};
    pid_t pid = -1;
    const int error = ::posix_spawnp(&pid, program, nullptr, nullptr, words, environ);
    if (error != 0) coir_bench::throw_errno("the program 'true' cannot be run", error);
    int status = 0;
    coir_bench::check(::waitpid(pid, &status, 0), "waitpid");
    require_success(status == 0);
}

}  // namespace

Workload dns_workload() {
    return loop_workload(
        "dns", "getaddrinfo(\"localhost\") on the resolver's threads; threads: in those that ask",
        {{"16 at once", "lookups/s", true, "at once", lookups_at_once}},
        [](double seconds) {
            return std::vector{repeat_in_tasks(lookups_at_once, seconds, [](unsigned) {
                coir::getaddrinfo("localhost", 80);
            })};
        },
        {{threads_baseline, [](double seconds) {
              return std::vector{repeat_in_threads(lookups_at_once, seconds, look_up_blocking)};
          }}});
}

Workload subprocess_workload(unsigned at_once) {
    return loop_workload(
        "subprocess",
        "create_subprocess_exec() of 'true' and wait(); threads: posix_spawn() and waitpid()",
        {{at_once_phrase(at_once), "programs/s", true, "at once", static_cast<double>(at_once)}},
        [=](double seconds) {
            return std::vector{repeat_in_tasks(at_once, seconds, run_program)};
        },
        {{threads_baseline, [=](double seconds) {
              return std::vector{repeat_in_threads(at_once, seconds, run_program_blocking)};
          }}});
}

}  // namespace coir_tool
