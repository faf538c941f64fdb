// SPDX-License-Identifier: BSL-1.0
#include "pick_record.hpp"

#include "command.hpp"
#include "text.hpp"

#include <coir/detail/pick_file.hpp>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <system_error>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace coir_tool {
namespace {

constexpr const char* system_path = "/etc/coir/reactor";

[[noreturn]] void fail(const std::string& path, const std::string& what) {
    throw CommandError(exit_failure, in_quotes(path) + " cannot be written: " + what);
}

// Through symbolic links: the file that a link points to is replaced, not the link.
std::filesystem::path target_of(const std::string& path) {
    std::error_code error;
    const auto status = std::filesystem::status(path, error);
    if (!std::filesystem::exists(status)) return path;
    // A device or a pipe must not be renamed away.
    if (!std::filesystem::is_regular_file(status)) fail(path, "it is not a regular file");
    const auto target = std::filesystem::canonical(path, error);
    if (error) fail(path, error.message());
    return target;
}

// Holds back the signals that end the command, so that none comes between a file and its removal.
class SignalsHeld {
public:
    SignalsHeld() {
        sigset_t held;
        sigemptyset(&held);
        for (const int signo : {SIGINT, SIGTERM, SIGHUP, SIGQUIT}) sigaddset(&held, signo);
        ::sigprocmask(SIG_BLOCK, &held, &before_);
    }
    SignalsHeld(const SignalsHeld&) = delete;
    SignalsHeld& operator=(const SignalsHeld&) = delete;
    ~SignalsHeld() { ::sigprocmask(SIG_SETMASK, &before_, nullptr); }

private:
    sigset_t before_;
};

// A file next to the target, which becomes the target or disappears.
class Replacement {
public:
    explicit Replacement(const std::string& path) : path_(path), target_(target_of(path)) {
        std::error_code error;
        if (target_.has_parent_path()) {
            std::filesystem::create_directories(target_.parent_path(), error);
            if (error) fail(path_, error.message());
        }
        name_ = target_.string() + ".XXXXXX";
        fd_ = ::mkostemp(name_.data(), O_CLOEXEC);
        if (fd_ < 0) fail(path_, std::strerror(errno));
    }
    Replacement(const Replacement&) = delete;
    Replacement& operator=(const Replacement&) = delete;
    ~Replacement() {
        if (fd_ >= 0) ::close(fd_);
        if (!done_) ::unlink(name_.c_str());
    }

    void write(std::string_view text) {
        while (!text.empty()) {
            const ssize_t written = ::write(fd_, text.data(), text.size());
            if (written < 0 && errno == EINTR) continue;
            if (written < 0) fail(path_, std::strerror(errno));
            text.remove_prefix(static_cast<std::size_t>(written));
        }
    }

    void replace() {
        // Other users' programs read it, too.
        if (::fchmod(fd_, 0644) != 0 || ::fsync(fd_) != 0) fail(path_, std::strerror(errno));
        if (::rename(name_.c_str(), target_.c_str()) != 0) fail(path_, std::strerror(errno));
        done_ = true;
    }

private:
    SignalsHeld held_;  // the first to come and the last to go
    std::string path_;
    std::filesystem::path target_;
    std::string name_;
    int fd_ = -1;
    bool done_ = false;
};

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

void check_recordable(const std::string& path) { Replacement attempt(path); }

void record_choice(const std::string& path, const std::string& reactor,
                   const std::vector<std::string>& comments) {
    std::string text;
    for (const std::string& comment : comments) text += "# " + comment + "\n";
    text += "reactor = " + reactor + "\n";
    text += "fingerprint = " + coir::detail::machine_fingerprint() + "\n";
    Replacement replacement(path);
    replacement.write(text);
    replacement.replace();
}

}  // namespace coir_tool
