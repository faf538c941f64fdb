// SPDX-License-Identifier: BSL-1.0
#include "output.hpp"

#include "command.hpp"

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <string>

#include <fcntl.h>
#include <langinfo.h>
#include <unistd.h>

namespace coir_tool {
namespace {

bool variable_set(const char* name) {
    const char* value = std::getenv(name);
    return value && *value;
}

bool terminal_is_dumb() {
    const char* term = std::getenv("TERM");
    return !term || !*term || std::strcmp(term, "dumb") == 0;
}

// 0, or the errno of what kept it from being written as a whole.
int write_all(int fd, std::string_view text) {
    while (!text.empty()) {
        const ssize_t written = ::write(fd, text.data(), text.size());
        if (written < 0 && errno == EINTR) continue;
        if (written < 0) return errno;
        text.remove_prefix(static_cast<std::size_t>(written));
    }
    return 0;
}

}  // namespace

void secure_standard_streams() {
    for (int fd = 0; fd <= 2; ++fd) {
        if (::fcntl(fd, F_GETFD) >= 0 || errno != EBADF) continue;
        // The lowest free number is this one.
        const int flags = (fd == 0 ? O_WRONLY : O_RDONLY) | O_CLOEXEC;
        if (::open("/dev/null", flags) != fd) std::_Exit(exit_failure);
    }
}

void write_stdout(std::string_view text) {
    if (const int error = write_all(STDOUT_FILENO, text)) {
        throw CommandError(exit_failure, std::string("standard output cannot be written to: ") +
                                             std::strerror(error));
    }
}

void note(std::string_view text) {
    std::string line = "coir: ";
    line += text;
    line += '\n';
    static_cast<void>(write_all(STDERR_FILENO, line));
}

bool stdout_has_colour() {
    return ::isatty(STDOUT_FILENO) && !variable_set("NO_COLOR") && !terminal_is_dumb();
}

bool stderr_is_terminal() { return ::isatty(STDERR_FILENO) && !terminal_is_dumb(); }

bool locale_is_utf8() { return std::strcmp(::nl_langinfo(CODESET), "UTF-8") == 0; }

}  // namespace coir_tool
