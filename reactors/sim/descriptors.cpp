// SPDX-License-Identifier: BSL-1.0
// See descriptors.hpp.
#include "descriptors.hpp"

#include <coir/detail/sys.hpp>

#include <utility>

#include <fcntl.h>

namespace coir {
inline namespace v0 {
namespace detail {
namespace sim {

Descriptors::~Descriptors() { close_all(); }

long Descriptors::add(std::shared_ptr<Node> node, bool close_on_exec, int at_least) {
    if (open_ >= most_) return -EMFILE;
    Sys& sys = real_sys();
    long fd = sys(SYS_openat, AT_FDCWD, "/", O_PATH | (close_on_exec ? O_CLOEXEC : 0), 0);
    if (fd >= 0 && fd < at_least) {
        const long low = fd;
        fd = sys.fcntl(static_cast<int>(low), close_on_exec ? F_DUPFD_CLOEXEC : F_DUPFD, at_least);
        sys.close(static_cast<int>(low));
    }
    if (fd < 0) return fd;
    const auto at = static_cast<std::size_t>(fd);
    if (at >= most_numbers) {
        sys.close(static_cast<int>(fd));
        return -EMFILE;
    }
    if (at >= nodes_.size()) {
        nodes_.resize(at + at / 2 + 64);
        close_on_exec_.resize(nodes_.size());
    }
    drop(at);  // closed past us: the number is free, so that one is gone
    node->opened();
    nodes_[at] = std::move(node);
    close_on_exec_[at] = close_on_exec;
    ++open_;
    mark(static_cast<int>(fd), true);
    return fd;
}

Node* Descriptors::find(int fd) const noexcept {
    const auto at = static_cast<std::size_t>(fd);
    return at < nodes_.size() ? nodes_[at].get() : nullptr;
}

std::shared_ptr<Node> Descriptors::share(int fd) const noexcept {
    Node* node = find(fd);
    return node ? node->shared_from_this() : nullptr;
}

void Descriptors::drop(std::size_t at) {
    const std::shared_ptr<Node> node = std::exchange(nodes_[at], nullptr);
    if (!node) return;
    --open_;
    node->let_go();
}

void Descriptors::close(int fd) {
    if (!find(fd)) return;
    mark(fd, false);
    if (is_placeholder(fd)) real_sys().close(fd);
    drop(static_cast<std::size_t>(fd));
}

// Who closed it past us, after the loop's end for one, may have made the number another file's.
bool Descriptors::is_placeholder(int fd) noexcept {
    const long flags = real_sys().fcntl(fd, F_GETFL);
    return flags >= 0 && (flags & O_PATH) != 0;
}

void Descriptors::close_all() {
    for (std::size_t fd = 0; fd < nodes_.size(); ++fd) close(static_cast<int>(fd));
}

bool Descriptors::close_on_exec(int fd) const noexcept {
    return close_on_exec_[static_cast<std::size_t>(fd)];
}

// The placeholder's, too: for programs that are run past coir.
void Descriptors::set_close_on_exec(int fd, bool on) noexcept {
    close_on_exec_[static_cast<std::size_t>(fd)] = on;
    real_sys().fcntl(fd, F_SETFD, on ? FD_CLOEXEC : 0);
}

bool Descriptors::owns(int fd) const noexcept {
    const auto at = static_cast<std::size_t>(fd);
    if (at >= most_numbers) return false;
    return (ours_[at / 64].load(std::memory_order_relaxed) >> (at % 64) & 1) != 0;
}

void Descriptors::mark(int fd, bool ours) noexcept {
    const auto at = static_cast<std::size_t>(fd);
    const std::uint64_t bit = std::uint64_t{1} << (at % 64);
    if (ours) {
        ours_[at / 64].fetch_or(bit, std::memory_order_relaxed);
    } else {
        ours_[at / 64].fetch_and(~bit, std::memory_order_relaxed);
    }
}

}  // namespace sim
}  // namespace detail
}  // namespace v0
}  // namespace coir
