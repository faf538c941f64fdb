// SPDX-License-Identifier: BSL-1.0
// See file_sender.hpp.
//
// sendfile() may wait for two things. For the disk: so the calls are made on a thread of the pool.
// For the peer: so the socket is O_NONBLOCK, and the loop waits until there is room. The thread uses
// a duplicate of the socket, because the stream may be closed meanwhile.
#include "file_sender.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <coir/error.hpp>
#include <coir/fd.hpp>
#include <limits>
#include <stdexcept>
#include <string>
#include <vector>

#include "task_operation.hpp"
#include "thread_pool.hpp"

namespace coir {
inline namespace v0 {
namespace detail {
namespace {

constexpr std::uint64_t largest_offset =
    static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
constexpr const char* call = "send_file";

bool cannot_copy(long result) noexcept {
    return result == -EINVAL || result == -ENOSYS || result == -EOPNOTSUPP || result == -ESPIPE;
}

}  // namespace

FileSender::FileSender(LoopFd& socket, bool may_unblock, int file, std::uint64_t offset,
                       std::optional<std::uint64_t> count, std::size_t& done)
    : socket_(socket),
      may_unblock_(may_unblock),
      file_(file),
      offset_(offset),
      count_(std::min(count.value_or(largest_offset), largest_offset - std::min(offset, largest_offset))),
      done_(done) {
    if (offset > largest_offset) {
        throw std::invalid_argument("coir: send_file from offset " + std::to_string(offset) +
                                    "; at most 2^63-1 is possible");
    }
    struct stat status {};
    check_io(socket.sys()(SYS_fstat, file, &status), call, file);
    if (!S_ISREG(status.st_mode) && !S_ISBLK(status.st_mode)) {
        throw IoError(EINVAL, call, file, "not a regular file");
    }
}

FileSender::~FileSender() {
    socket_.sys()(SYS_lseek, file_, static_cast<long>(offset_ + done_), SEEK_SET);
}

void FileSender::run(SendFileFallback fallback, const Write& write) {
    if (left() == 0) return socket_.scheduler().spend_credit();
    if (unblock() && send_natively()) return;
    if (fallback == SendFileFallback::none) {
        throw IoError(EOPNOTSUPP, call, file_, "the kernel cannot send it from here");
    }
    copy(write);
}

bool FileSender::unblock() noexcept {
    Sys& sys = socket_.sys();
    const long flags = sys.fcntl(socket_.fd(), F_GETFL);
    if (flags < 0) return false;
    if ((flags & O_NONBLOCK) != 0) return true;
    return may_unblock_ && sys.fcntl(socket_.fd(), F_SETFL, flags | O_NONBLOCK) == 0;
}

// False: nothing was sent, and this way nothing will be.
bool FileSender::send_natively() {
    constexpr std::uint64_t most = std::uint64_t{1} << 24;
    Scheduler& scheduler = socket_.scheduler();
    Sys& sys = socket_.sys();
    const Fd twin(static_cast<int>(
        check_io(sys.fcntl(socket_.fd(), F_DUPFD_CLOEXEC), "duplicating a socket", socket_.fd())));
    while (left() > 0) {
        const std::size_t size = std::min(left(), most);
        auto position = static_cast<std::int64_t>(offset_ + done_);
        long result = 0;
        make_calls_in_pool(
            scheduler,
            [&] { result = sys(SYS_sendfile, twin.get(), file_, &position, size); }, call);
        if (result > 0) done_ += static_cast<std::size_t>(result);
        if (!socket_.is_open()) {
            throw_io(-ECANCELED, call, -1, "the socket was closed meanwhile");
        }
        if (result == 0) return true;
        if (result == -EAGAIN) {
            wait_for_room();
        } else if (cannot_copy(result) && done_ == 0) {
            return false;
        } else if (result < 0 && result != -EINTR) {
            throw_io(result, call, socket_.fd());
        }
    }
    return true;
}

void FileSender::wait_for_room() {
    TaskOperation operation;
    operation.code = OpCode::poll;
    operation.hints = hint_owned;
    operation.fd = socket_.fd();
    operation.flags = POLLOUT;
    const std::int32_t events = socket_.scheduler().perform(operation, call);
    if (events == -ECANCELED && socket_.is_open()) return;  // a request that was taken back
    if (events < 0) throw_io(events, call, operation.fd);
}

void FileSender::copy(const Write& write) {
    std::vector<char> buffer(std::min<std::uint64_t>(left(), 64 * 1024));
    Scheduler& scheduler = socket_.scheduler();
    Sys& sys = socket_.sys();
    while (left() > 0) {
        const std::size_t size = std::min<std::uint64_t>(left(), buffer.size());
        const auto position = static_cast<long>(offset_ + done_);
        long result = 0;
        make_calls_in_pool(
            scheduler,
            [&] { result = sys(SYS_pread64, file_, buffer.data(), size, position); }, call);
        if (result == -EINTR) continue;
        check_io(result, "read", file_);
        if (result == 0) return;
        write({buffer.data(), static_cast<std::size_t>(result)}, done_);
    }
}

}  // namespace detail
}  // namespace v0
}  // namespace coir
