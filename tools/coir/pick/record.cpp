// SPDX-License-Identifier: BSL-1.0
#include "record.hpp"

#include "command.hpp"
#include "output_file.hpp"
#include "text.hpp"

#include <coir/detail/pick_file.hpp>


namespace coir_tool {
namespace {

constexpr const char* system_path = "/etc/coir/reactor";

}  // namespace

std::string record_path(const std::string& scope) {
    if (scope == "system") return system_path;
    if (scope != "user") {
        throw UsageError("--write takes 'user' or 'system', got " + in_quotes(scope) +
                         did_you_mean(scope, {"user", "system"}));
    }
    const std::vector<std::string> paths = coir::detail::pick_file_paths();
    if (paths.front() == system_path) {
        throw CommandError(exit_failure, "--write user needs XDG_CONFIG_HOME or HOME to be set");
    }
    return paths.front();
}

void record_choice(const std::string& path, const std::string& reactor,
                   const std::vector<std::string>& comments) {
    std::string text;
    for (const std::string& comment : comments) text += "# " + comment + "\n";
    text += "reactor = " + reactor + "\n";
    text += "fingerprint = " + coir::detail::machine_fingerprint() + "\n";
    make_folder_of(path);
    write_file(path, text);
}

}  // namespace coir_tool
