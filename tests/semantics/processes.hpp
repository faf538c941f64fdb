// SPDX-License-Identifier: BSL-1.0
// Starting subprocesses, and what is left of them.
#pragma once

#include <coir/error.hpp>
#include <coir/process.hpp>

#include <csignal>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include <sys/wait.h>

namespace coir_test {

inline coir::ProcessOptions piped() {
    coir::ProcessOptions options;
    options.stdin_ = options.stdout_ = options.stderr_ = coir::Stdio::pipe();
    return options;
}

inline coir::ProcessOptions output_only() {
    coir::ProcessOptions options;
    options.stdout_ = coir::Stdio::pipe();
    return options;
}

inline std::string output_of(const std::string& command, coir::ProcessOptions options = output_only()) {
    coir::Process process = coir::create_subprocess_shell(command, std::move(options));
    return process.communicate().stdout_;
}

// Whether this process has any child, a dead one included.
inline bool has_children() {
    siginfo_t info{};
    return ::waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0;
}

inline bool runs(pid_t pid) { return ::kill(pid, 0) == 0; }

inline int error_of(const std::function<void()>& f, std::string* text = nullptr) {
    try {
        f();
    } catch (const coir::IoError& error) {
        if (text) *text = error.what();
        return error.code().value();
    }
    return 0;
}

inline void start(std::vector<std::string> argv, coir::ProcessOptions options = {}) {
    coir::create_subprocess_exec(std::move(argv), std::move(options));
}

}  // namespace coir_test
