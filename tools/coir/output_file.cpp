// SPDX-License-Identifier: BSL-1.0
#include "output_file.hpp"

#include "command.hpp"
#include "text.hpp"

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

[[noreturn]] void fail(const std::string& path, const std::string& what) {
    throw CommandError(exit_failure, in_quotes(path) + " cannot be written: " + what);
}

// Through symbolic links: the file that a link points to is replaced, not the link.
std::filesystem::path target_of(const std::string& path) {
    if (path.empty()) throw UsageError("a file's name is needed, got ''");
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

void check_writable(const std::string& path) { Replacement attempt(path); }

void make_folder_of(const std::string& path) {
    const std::filesystem::path target = target_of(path);
    if (!target.has_parent_path()) return;
    std::error_code error;
    std::filesystem::create_directories(target.parent_path(), error);
    if (error) fail(path, error.message());
}

void write_file(const std::string& path, std::string_view text) {
    Replacement replacement(path);
    replacement.write(text);
    replacement.replace();
}

}  // namespace coir_tool
