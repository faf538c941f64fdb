// SPDX-License-Identifier: BSL-1.0
// coir reactors test: the conformance matrix on reactors by name, or on those that a library of the
// user's registers when it is loaded.
#include "command.hpp"
#include "output.hpp"
#include "text.hpp"

#include "conformance/matrix/matrix.hpp"

#include <coir/reactors.hpp>

#include <algorithm>

#include <dlfcn.h>
#include <unistd.h>

namespace coir_tool {
namespace {

std::vector<std::string> registered_names() {
    std::vector<std::string> names;
    for (const coir::ReactorInfo& one : coir::list_reactors()) names.push_back(one.name);
    return names;
}

// The library stays loaded: what it has registered is never removed.
std::vector<std::string> load(const std::string& path) {
    const std::vector<std::string> before = registered_names();
    if (!::dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL)) {
        const char* why = ::dlerror();
        throw CommandError(exit_failure, why ? why : path + " cannot be loaded");
    }
    std::vector<std::string> made = registered_names();
    std::erase_if(made, [&](const std::string& name) {
        return std::find(before.begin(), before.end(), name) != before.end();
    });
    if (made.empty()) {
        throw CommandError(exit_failure, path + " registers no reactor; it has to call "
                                                "coir::register_reactor() when it is loaded");
    }
    return made;
}

std::vector<std::string> reactors_of(const std::string& word) {
    if (word.find('/') != std::string::npos) return load(word);
    for (const coir::ReactorInfo& one : coir::list_reactors()) {
        if (one.name != word) continue;
        if (!one.usable) throw CommandError(exit_unavailable, word + ": " + one.reason);
        return {word};
    }
    throw UsageError("there is no reactor '" + word + "'; there are " + listed(registered_names()) +
                     ", and a library's name has a '/' in it (./" + word + ")");
}

// Which operation is being measured, for people who wait.
void show_progress(const coir_matrix::Cell& cell) {
    if (cell.situation == coir_matrix::Situation::at_once && ::isatty(STDERR_FILENO)) note(cell.row);
}

bool test_one(const std::string& reactor, const ReactorsTestOptions& options) {
    coir_matrix::Request request;
    request.reactor = reactor;
    request.progress = show_progress;
    if (options.operation) request.row = *options.operation;
    const auto cells = coir_matrix::run(request);
    write_stdout(options.json ? coir_matrix::format_json(cells, reactor)
                              : coir_matrix::format_table(cells, reactor));
    return std::all_of(cells.begin(), cells.end(), [](const coir_matrix::Cell& one) { return one.passed; });
}

}  // namespace

std::vector<std::string> matrix_operations() {
    std::vector<std::string> names;
    for (const auto& row : coir_matrix::expectations()) names.push_back(row.row);
    return names;
}

int reactors_test_command(const ReactorsTestOptions& options) {
    if (options.operation) {
        const std::vector<std::string> known = matrix_operations();
        if (std::find(known.begin(), known.end(), *options.operation) == known.end()) {
            throw UsageError("there is no operation '" + *options.operation + "'; there are " +
                             listed(known));
        }
    }
    bool all_passed = true;
    for (const std::string& word : options.reactors) {
        for (const std::string& reactor : reactors_of(word)) {
            all_passed = test_one(reactor, options) && all_passed;
        }
    }
    return all_passed ? exit_ok : exit_failure;
}

}  // namespace coir_tool
