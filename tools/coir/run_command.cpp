// SPDX-License-Identifier: BSL-1.0
// coir run: a program with its automatic choice of a reactor made for it, and with libcoir-legacy
// under it. Nothing of coir stays around: the program replaces the command, so that its exit status
// and signals are its own.
#include "child.hpp"
#include "command.hpp"
#include "deep_launch.hpp"
#include "legacy_launch.hpp"
#include "probe.hpp"
#include "text.hpp"

#include <coir/event_loop.hpp>
#include <coir/log.hpp>

#include <cerrno>
#include <cstdlib>
#include <cstring>

#include <unistd.h>

namespace coir_tool {
namespace {

// As the program will do it, with a real loop; but in a child, because trying a reactor may be
// deadly. The answer is a status and a message.
void check_reactor(const std::string& spec) {
    InterruptWatch interrupt;
    std::string answer;
    try {
        answer = in_child(interrupt, std::chrono::seconds(5), [&](Sender& sender) {
            try {
                ::setenv("COIR_REACTOR", spec.c_str(), 1);
                coir::set_log_handler([](coir::LogLevel, std::string_view) {});  // it will say it
                const coir::EventLoop loop;
                sender.send("0");
            } catch (const std::invalid_argument& error) {
                sender.send("2" + without_prefix(error.what()));
            } catch (const std::runtime_error& error) {
                sender.send("3" + without_prefix(error.what()));
            }
        });
    } catch (const ChildFailure& failure) {
        const std::string advice = advice_for(failure);
        throw CommandError(exit_unavailable,
                           in_quotes(spec) + " cannot be used here: " + describe_failure(failure) +
                               (advice.empty() ? "" : "; ") + advice);
    } catch (const InterruptedBySignal& signal) {
        throw CommandError(128 + signal.signo, "interrupted");
    }
    if (answer[0] == '0') return;
    std::string message = answer.substr(1);
    if (answer[0] == '2') {
        message += did_you_mean(spec, {"auto", "epoll", "io_uring", "poll", "sim"});
    }
    throw CommandError(answer[0] == '2' ? exit_usage : exit_unavailable, message);
}

void check_words(const RunOptions& options) {
    if (options.threads_as_tasks) check_threads_as_tasks(options);
    if (!options.reactor && !options.legacy) {
        throw UsageError("run needs --reactor NAME, which 'coir reactors' lists, or --legacy");
    }
    if (options.reactor && options.reactor->empty()) throw UsageError("--reactor takes a name, got ''");
    if (options.force && !options.legacy) throw UsageError("--force belongs to --legacy");
    if (options.program.empty() || options.program[0].empty()) {
        throw UsageError(
            "run needs a program after --, as in: coir run --reactor epoll -- ./server");
    }
}

struct Variable {
    const char* name;
    OptionText value;  ///< nothing: not set
};

// Nothing is set before everything is known to be as it should.
std::vector<Variable> prepare(const RunOptions& options) {
    std::vector<Variable> variables;
    if (options.legacy) {
        const bool threads = options.threads_as_tasks;
        const std::string library = find_legacy_library();
        const std::string program = find_program(options.program[0]);
        check_preloadable(program, library, options.force || threads);
        std::string preload = std::getenv("LD_PRELOAD") ? std::getenv("LD_PRELOAD") : "";
        if (threads) preload = preload_with(preload.c_str(), deep_library_for(program));
        if (threads) {
            variables.push_back({"COIR_LEGACY", categories_for_threads(*options.legacy)});
        } else if (!is_flag_alone(*options.legacy)) {  // else the environment's list is good
            variables.push_back({"COIR_LEGACY", legacy_categories_for(*options.legacy)});
        }
        variables.push_back({"LD_PRELOAD", preload_with(preload.c_str(), library)});
    }
    if (options.reactor) {
        check_reactor(*options.reactor);
        variables.push_back({"COIR_REACTOR", options.reactor});
    }
    return variables;
}

}  // namespace

int run_command(const RunOptions& options) {
    check_words(options);
    for (const Variable& variable : prepare(options)) {
        if (variable.value) {
            ::setenv(variable.name, variable.value->c_str(), 1);
        } else {
            ::unsetenv(variable.name);
        }
    }
    std::vector<char*> words;
    for (const std::string& word : options.program)
        words.push_back(const_cast<char*>(word.c_str()));
    words.push_back(nullptr);
    ::execvp(words[0], words.data());
    const int error = errno;
    const bool missing = error == ENOENT || error == ENOTDIR;
    throw CommandError(missing ? exit_not_found : exit_not_executable,
                       in_quotes(options.program[0]) + " cannot be run: " + std::strerror(error));
}

}  // namespace coir_tool
