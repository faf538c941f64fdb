// SPDX-License-Identifier: BSL-1.0
// __libc_start_main: the program's main() runs as the first task of a loop, on the thread and the
// TLS block that the process began with.
//
// COIR_DEEP: empty, "on" or unset: as said; "check": the self-test alone, whose result is a line
// and the exit status; "off": nothing is done, nor is it with a program that uses libcoir itself.
#include "exports.hpp"
#include "low_descriptors.hpp"
#include "own_tasks.hpp"
#include "real.hpp"
#include "refusal.hpp"
#include "self_test.hpp"
#include "threads.hpp"

#include <coir/event_loop.hpp>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <optional>
#include <string>

#include <sys/resource.h>
#include <unistd.h>

namespace coir_deep {
namespace {

using Main = int (*)(int, char**, char**);

struct Program {
    Main main;
    int count;
    char** words;
    bool only_check;
};
Program program{};

std::size_t main_stack_size() noexcept {
    constexpr std::size_t least = 8u << 20;
    constexpr std::size_t most = 1u << 30;
    rlimit limit{};
    if (::getrlimit(RLIMIT_STACK, &limit) != 0) return least;
    return std::clamp<std::size_t>(limit.rlim_cur, least, most);
}

void* call_main(void*) { std::exit(program.main(program.count, program.words, ::environ)); }

void run_main(std::size_t stack_size) {
    if (!start_threads(stack_size)) refuse("there is no memory");
    test_threads();
    if (program.only_check) {
        const std::string line = describe_self_test() + '\n';
        static_cast<void>(coir::detail::real_sys().write(STDOUT_FILENO, line.data(), line.size()));
        ::_exit(0);
    }
    Thread& main = main_thread();
    main.start = &call_main;
    call_start(main);
    // It has called pthread_exit(): the others go on.
    end_main_thread();
}

int main_in_task(int count, char** words, char**) {
    program.count = count;
    program.words = words;
    try {
        std::optional<coir::EventLoop> made;
        {
            const LowDescriptorsTaken taken;
            made.emplace();
        }
        coir::EventLoop& loop = *made;
        coir::TaskOptions options;
        options.name = "main";
        options.stack_size = main_stack_size();
        const auto task =
            loop.create_task(options, [size = options.stack_size] { run_main(size); });
        loop.run_forever();
    } catch (const std::exception& error) {
        refuse(error.what());
    }
    return cannot_be_done;  // nothing stops the loop
}

bool wanted() {
    const char* const word = std::getenv("COIR_DEEP");
    if (!word || !*word || std::strcmp(word, "on") == 0) return true;
    if (std::strcmp(word, "off") == 0) return false;
    program.only_check = std::strcmp(word, "check") == 0;
    if (!program.only_check) {
        refuse(std::string("COIR_DEEP='") + word + "'; allowed are on, off and check");
    }
    return true;
}

}  // namespace
}  // namespace coir_deep

using namespace coir_deep;

COIR_DEEP_EXPORT(__libc_start_main, int,
                 (Main main, int count, char** words, void (*init)(), void (*fini)(),
                  void (*loader_fini)(), void* stack_end)) {
    using Start = int(Main, int, char**, void (*)(), void (*)(), void (*)(), void*);
    static constinit Behind<Start> real("__libc_start_main");
    if (wanted() && !program_uses_libcoir()) {
        test_process();
        program.main = main;
        main = &main_in_task;
    }
    return real(main, count, words, init, fini, loader_fini, stack_end);
}
