// SPDX-License-Identifier: BSL-1.0
// Which descriptors a loop's streams, sockets and listeners own (fd_watch.hpp), and what
// COIR_DEBUG=fds says of them.
#include "backtrace.hpp"
#include "environment.hpp"
#include "scheduler.hpp"
#include "select_users.hpp"

#include <coir/log.hpp>

#include <algorithm>
#include <cstdio>
#include <new>
#include <string>

#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>

namespace coir {
inline namespace v0 {
namespace detail {
namespace {

// Traces are kept by address; a number will do for one.
const void* place_of(int fd) noexcept {
    return reinterpret_cast<const void*>(static_cast<std::uintptr_t>(fd));
}

std::string kind_of_socket(int fd) {
    int type = 0, domain = 0, listens = 0;
    socklen_t size = sizeof type;
    const auto ask = [&](int option, int& answer) { real_sys()(SYS_getsockopt, fd, SOL_SOCKET, option, &answer, &size); };
    ask(SO_TYPE, type);
    ask(SO_DOMAIN, domain);
    ask(SO_ACCEPTCONN, listens);
    if (listens != 0) return "a listener";
    if (domain == AF_UNIX) return "a Unix socket";
    return type == SOCK_DGRAM ? "a UDP socket" : "a TCP socket";
}

// "a pipe", "/var/log/messages"
std::string kind_of(int fd) {
    char path[64];
    char text[256] = {};
    std::snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    const long got = real_sys()(SYS_readlinkat, AT_FDCWD, path, text, sizeof text - 1);
    const std::string link = got > 0 ? std::string(text, static_cast<std::size_t>(got)) : std::string();
    if (link.starts_with("socket:")) return kind_of_socket(fd);
    if (link.starts_with("pipe:")) return "a pipe";
    return link.empty() ? "closed by others" : link;
}

}  // namespace

void OwnedFds::insert(int fd) noexcept {
    if (fd < 0) return;
    try {
        if (word(fd) >= words_.size()) words_.resize(word(fd) + 1);
        words_[word(fd)] |= bit(fd);
    } catch (const std::bad_alloc&) {
        // See the header.
    }
    if (traces_) [[unlikely]] note(fd);
}

void OwnedFds::keep_traces() noexcept { traces_.reset(new (std::nothrow) Traces); }

void OwnedFds::note(int fd) noexcept {
    ++traces_->opened;
    traces_->highest = std::max(traces_->highest, fd);
    traces_->places.note(place_of(fd));
    if (fd >= near_the_end_of_select) warn_of_select(fd);
}

std::string OwnedFds::describe(bool simulated) const {
    if (!traces_ || traces_->opened == 0) return {};
    std::size_t open = 0;
    std::string lines;
    for (int fd = 0; fd <= traces_->highest; ++fd) {
        if (!contains(fd)) continue;
        ++open;
        const std::string place = traces_->places.describe(place_of(fd));
        lines += "\n  " + std::to_string(fd) + (simulated ? "" : ": " + kind_of(fd)) +
                 (place.empty() ? "" : ", made at " + place);
    }
    return std::to_string(traces_->opened) + " opened, " + std::to_string(open) +
           " still open, the highest was " + std::to_string(traces_->highest) + lines;
}

// At the end of a loop. What is open then is closed by whoever has the handle, or by nobody.
void Scheduler::report_descriptors() noexcept {
    try {
        const std::string text = owned_fds_.describe(sys_ != &real_sys());
        if (!text.empty()) log(LogLevel::warning, "coir: descriptors of streams, sockets and files at the end of the loop: " + text);
    } catch (const std::bad_alloc&) {
        // Then it is not said.
    }
}

}  // namespace detail
}  // namespace v0
}  // namespace coir
