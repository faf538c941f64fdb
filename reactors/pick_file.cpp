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

std::string trimmed_text(const std::string& text) {
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
        return trimmed_text(line.substr(line.find(':') + 1));
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

namespace {

// Sets what the file says; `anything` becomes true when there is more in it than comments. False:
// there is no such file, or none that we may read.
bool read_lines(const std::string& path, PickedReactor& picked, bool& anything) {
    std::ifstream file(path);
    if (!file) return false;
    for (std::string line; std::getline(file, line);) {
        line = trimmed_text(line.substr(0, line.find('#')));
        const auto equals = line.find('=');
        const std::string key = trimmed_text(line.substr(0, equals));
        const std::string value =
            equals == std::string::npos ? std::string() : trimmed_text(line.substr(equals + 1));
        if (key == "reactor") picked.reactor = value;
        if (key == "fingerprint") picked.fingerprint = value;
        anything = anything || !line.empty();
    }
    return !file.bad();  // a folder can be opened, but not read
}

}  // namespace

std::optional<PickedReactor> read_pick_file(std::string* note) {
    for (const std::string& path : pick_file_paths()) {
        PickedReactor picked{{}, path, {}};
        bool anything = false;
        if (!read_lines(path, picked, anything)) {
            // Nobody has recorded anything, or not for us; unless somebody says where to look.
            if (set_variable("COIR_CONFIG")) add_note(note, path + " cannot be read");
        } else if (picked.reactor.empty()) {
            // An empty one, /dev/null for example, is a way to say that there is no choice.
            if (anything) add_note(note, path + " has no line 'reactor = NAME'");
        } else if (!picked.fingerprint.empty() && picked.fingerprint != machine_fingerprint()) {
            add_note(note, path + " was made on another machine or kernel: 'coir pick --write' "
                                  "makes a new one");
        } else {
            return picked;
        }
    }
    return std::nullopt;
}

}  // namespace detail
}  // namespace v0
}  // namespace coir
