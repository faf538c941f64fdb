// SPDX-License-Identifier: BSL-1.0
#include "peers.hpp"

#include <algorithm>
#include <chrono>
#include <fstream>
#include <memory>
#include <stdexcept>

#include "own_folder.hpp"
#include "support/child_process.hpp"

namespace coir_tool {
namespace {

using coir_bench::ChildProcess;

struct Known {
    const char* name;
    const char* package;
    bool built;
};

// A line for each: tools/dev takes the packages from here, too.
constexpr Known known_peers[] = {
    {"libuv", "libuv1-dev", true},
    {"asio", "libasio-dev", true},
    {"asio-coroutines", "libasio-dev", true},
    {"boost-fiber", "libboost-fiber-dev", true},
    {"libevent", "libevent-dev", true},
    {"go", "golang-go", true},
    {"node", "nodejs", false},
    {"asyncio", "python3", false},
    {"uvloop", "python3-uvloop", false},
};

// A command that may turn out not to work.
struct PeerProgram {
    std::string name;
    std::vector<std::string> command;
    std::unique_ptr<ChildProcess> asked;
};

std::vector<std::string> split_at_tabs(const std::string& line) {
    std::vector<std::string> words;
    for (std::size_t at = 0; at <= line.size();) {
        const std::size_t end = std::min(line.find('\t', at), line.size());
        words.push_back(line.substr(at, end - at));
        at = end + 1;
    }
    return words;
}

std::vector<PeerProgram> read_list(const std::string& folder) {
    std::vector<PeerProgram> programs;
    std::ifstream file(folder + "/peers.list");
    for (std::string line; std::getline(file, line);) {
        if (line.empty() || line.front() == '#') continue;
        std::vector<std::string> words = split_at_tabs(line);
        if (words.size() < 2 || words[1].empty()) continue;
        PeerProgram program;
        program.name = words.front();
        words.erase(words.begin());
        for (std::string& word : words) {
            if (word.starts_with("./")) word = folder + word.substr(1);
        }
        program.command = std::move(words);
        programs.push_back(std::move(program));
    }
    return programs;
}

// What the loader, an interpreter or a missing program says is of no interest here.
void ask_version(PeerProgram& program) {
    std::vector<std::string> command = {"/bin/sh", "-c", "exec \"$@\" --version 2>/dev/null",
                                        "version"};
    command.insert(command.end(), program.command.begin(), program.command.end());
    program.asked = std::make_unique<ChildProcess>(command);
}

// After the deadline, too, what has been said by then counts.
std::string version_of(const PeerProgram& program, ChildProcess::Clock::time_point deadline) {
    const auto soon = ChildProcess::Clock::now() + std::chrono::milliseconds(20);
    try {
        return program.asked->read_line(std::max(deadline, soon));
    } catch (const std::runtime_error&) {
        return {};
    }
}

}  // namespace

std::string find_peers_folder() {
    const std::string libexecdir = COIR_LIBEXECDIR_FROM_BINDIR;
    const std::string command = folder_of_command();
    const std::string places[] = {
        command + "/../bench/peers",  // the build tree
        (libexecdir.starts_with('/') ? "" : command + "/") + libexecdir + "/coir/peers",
    };
    for (const std::string& place : places) {
        const std::string list = real_path(place + "/peers.list");
        if (!list.empty()) return folder_of(list);
    }
    return {};
}

std::vector<Peer> find_peers() {
    const std::string folder = find_peers_folder();
    return folder.empty() ? std::vector<Peer>() : find_peers(folder);
}

std::vector<Peer> find_peers(const std::string& folder, int most_seconds) {
    const auto deadline = ChildProcess::Clock::now() + std::chrono::seconds(most_seconds);
    std::vector<PeerProgram> programs = read_list(folder);
    for (PeerProgram& program : programs) ask_version(program);
    std::vector<Peer> found;
    for (const Known& known : known_peers) {
        for (PeerProgram& program : programs) {
            if (program.name != known.name) continue;
            const std::string version = version_of(program, deadline);
            if (version.empty()) continue;
            found.push_back({program.name, version, program.command});
            break;
        }
    }
    return found;
}

std::vector<MissingPeer> missing_peers(const std::vector<Peer>& found) {
    std::vector<MissingPeer> missing;
    for (const Known& known : known_peers) {
        const bool here = std::any_of(found.begin(), found.end(),
                                      [&](const Peer& peer) { return peer.name == known.name; });
        if (!here) missing.push_back({known.name, known.package, known.built});
    }
    return missing;
}

std::vector<std::string> peer_names() {
    std::vector<std::string> names;
    for (const Known& known : known_peers) names.emplace_back(known.name);
    return names;
}

}  // namespace coir_tool
