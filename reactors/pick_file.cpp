// SPDX-License-Identifier: BSL-1.0
// See detail/pick_file.hpp. Lines are `key = value`; `#` starts a comment; unknown keys are for
// others.
#include <coir/detail/pick_file.hpp>

#include <cstdlib>
#include <fstream>
#include <thread>

#include <sys/utsname.h>

namespace coir {
inline namespace v0 {
namespace detail {
namespace {

std::string trimmed(const std::string& text) {
    const auto first = text.find_first_not_of(" \t\r");
    if (first == std::string::npos) return {};
    return text.substr(first, text.find_last_not_of(" \t\r") - first + 1);
}

const char* set_variable(const char* name) {
    const char* value = std::getenv(name);
    return value && *value ? value : nullptr;
}

std::string processor() {
    std::ifstream info("/proc/cpuinfo");
    for (std::string line; std::getline(info, line);) {
        if (line.rfind("model name", 0) != 0) continue;
        return trimmed(line.substr(line.find(':') + 1));
    }
    return "unknown processor";
}

void add_note(std::string* note, const std::string& text) {
    if (!note) return;
    if (!note->empty()) *note += "; ";
    *note += text;
}

}  // namespace

std::string machine_fingerprint() {
    utsname name{};
    ::uname(&name);
    return std::string(name.release) + " | " + processor() + " | " +
           std::to_string(std::thread::hardware_concurrency());
}

std::vector<std::string> pick_file_paths() {
    if (const char* only = set_variable("COIR_CONFIG")) return {only};
    std::vector<std::string> paths;
    if (const char* config = set_variable("XDG_CONFIG_HOME")) {
        paths.push_back(std::string(config) + "/coir/reactor");
    } else if (const char* home = set_variable("HOME")) {
        paths.push_back(std::string(home) + "/.config/coir/reactor");
    }
    paths.push_back("/etc/coir/reactor");
    return paths;
}

std::optional<PickedReactor> read_pick_file(std::string* note) {
    for (const std::string& path : pick_file_paths()) {
        std::ifstream file(path);
        if (!file) continue;
        PickedReactor picked;
        picked.path = path;
        for (std::string line; std::getline(file, line);) {
            line = trimmed(line.substr(0, line.find('#')));
            const auto equals = line.find('=');
            if (equals == std::string::npos) continue;
            const std::string key = trimmed(line.substr(0, equals));
            const std::string value = trimmed(line.substr(equals + 1));
            if (key == "reactor") picked.reactor = value;
            if (key == "fingerprint") picked.fingerprint = value;
        }
        if (picked.reactor.empty()) {
            add_note(note, path + " has no line 'reactor = NAME'");
        } else if (!picked.fingerprint.empty() && picked.fingerprint != machine_fingerprint()) {
            add_note(note, path + " was made on another machine or kernel");
        } else {
            return picked;
        }
    }
    return std::nullopt;
}

}  // namespace detail
}  // namespace v0
}  // namespace coir
