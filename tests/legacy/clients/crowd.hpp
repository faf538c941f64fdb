// SPDX-License-Identifier: BSL-1.0
// What the client programs share: the same blocking job many times, one by one, in threads, or in
// tasks of one thread, and figures about it as a line of JSON.
#pragma once

#include <functional>
#include <string>

namespace crowd {

struct Client {
    const char* name;
    int count;  ///< of jobs, unless the command line says otherwise
    /// Does job `number` and returns its result. Throws std::runtime_error when something fails.
    std::function<std::string(int number)> job;
    /// What the library wants to be called first. After the libraries are patched: what a library
    /// makes here, keys of threads for instance, is to be made by way of coir.
    std::function<void()> start = {};
};

/// The port from an environment variable. Throws when it is not set.
std::string port_from(const char* variable);
/// The value of `--NAME VALUE` on the command line; `otherwise` when it is not there.
std::string option(int argc, char** argv, const std::string& name, const std::string& otherwise);

/// main(): MODE [--count N | --divisor N] [--head N] [--reactor NAME] [--patch PATTERN,...]. MODE is
/// serial, threads or tasks; --divisor divides the client's own count; --patch names the libraries
/// whose calls are to suspend tasks.
int main(int argc, char** argv, const Client& client);

}  // namespace crowd
