// SPDX-License-Identifier: BSL-1.0
#include "cli/command_line.hpp"
#include "cli/commands.hpp"
#include "output.hpp"
#include "text.hpp"

#include <coir/detail/environment.hpp>
#include <coir/version.hpp>

#include <algorithm>
#include <clocale>
#include <exception>

namespace {

using namespace coir_tool;

int dispatch(const std::vector<std::string>& words) {
    Options options;
    std::string called = "coir";
    for (const std::string& word : words) called += " " + word;
    for (std::string* command :
         {&options.bench.command, &options.http.command, &options.resp.command}) {
        *command = called;
    }
    const CommandInfo root = make_commands(options);
    const CommandInfo* command = parse_command_line(root, words);
    if (!command) return exit_ok;
    if (options.version) {
        write_stdout("coir " + std::string(coir::version()) + "\n");
        return exit_ok;
    }
    if (command == &root) {
        std::vector<std::string> names;
        for (const CommandInfo& one : root.commands) names.push_back(one.name);
        throw UsageError("a command is needed: " + listed(names) + "; see coir --help");
    }
    // A program that is run says it itself; here it would be said by every child.
    if (!command->takes_program) coir::detail::check_environment();
    return command->run();
}

}  // namespace

int main(int argc, char** argv) {
    try {
        secure_standard_streams();
        std::setlocale(LC_CTYPE, "");
        return dispatch({argv + std::min(argc, 1), argv + argc});
    } catch (const CommandError& error) {
        note(error.what());
        return error.status();
    } catch (const std::exception& error) {
        note(without_prefix(error.what()));
        return exit_failure;
    }
}
