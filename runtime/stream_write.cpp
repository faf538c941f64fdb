// SPDX-License-Identifier: BSL-1.0
// ByteStream: writing. Nothing is kept here: a call ends when the kernel has its bytes.
#include <poll.h>

#include <algorithm>
#include <cerrno>
#include <coir/error.hpp>
#include <stdexcept>
#include <utility>

#include "carry_out.hpp"
#include "fd_passing.hpp"
#include "file_sender.hpp"
#include "stream_state.hpp"

namespace coir {
inline namespace v0 {
namespace detail {
namespace {

// What is left of a list of pieces.
class Pieces {
public:
    Pieces(const std::string_view* pieces, std::size_t count) noexcept
        : piece_(pieces), end_(pieces + count) {}
    static constexpr std::size_t most = 64;
    /// The next ones, without the empty ones; 0 at the end.
    std::size_t fill(iovec* into) noexcept {
        std::size_t count = 0;
        std::size_t skip = offset_;
        for (const std::string_view* at = piece_; at != end_ && count < most; ++at) {
            const std::string_view rest = at->substr(skip);
            skip = 0;
            if (!rest.empty()) into[count++] = {const_cast<char*>(rest.data()), rest.size()};
        }
        return count;
    }
    void advance(std::size_t bytes) noexcept {
        while (bytes > 0) {
            const std::size_t here = std::min(bytes, piece_->size() - offset_);
            bytes -= here;
            offset_ += here;
            if (offset_ < piece_->size()) return;
            ++piece_;
            offset_ = 0;
        }
    }

private:
    const std::string_view* piece_;
    const std::string_view* end_;
    std::size_t offset_ = 0;
};

}  // namespace

void StreamState::wait_for_turn() {
    queued_ = true;
    WaitNode node;
    writers_.wait(node, "a stream's other writers");
}

// The turn is the next writer's before that one runs: nobody gets in between.
void StreamState::pass_turn_on() noexcept {
    if (!writers_.wake_one()) queued_ = unusual_.writing = false;
}

// --- One transfer -------------------------------------------------------------------------------

std::int32_t StreamState::send_piece(const void* data, std::size_t size) {
    TaskOperation operation(OpCode::send, hints_, fd(), data, std::min(size, most_at_once));
    return scheduler().perform(operation, "write");
}

std::int32_t StreamState::send_to_socket(const iovec* pieces, std::size_t count) {
    if (count == 1) return send_piece(pieces->iov_base, pieces->iov_len);
    msghdr message{};
    message.msg_iov = const_cast<iovec*>(pieces);
    message.msg_iovlen = count;
    TaskOperation operation;
    operation.code = OpCode::sendmsg;
    operation.hints = hints_;
    operation.fd = fd();
    operation.buffer = &message;
    return scheduler().perform(operation, "write");
}

std::int32_t StreamState::send_to_pipe(const iovec* pieces, std::size_t count) {
    TaskOperation operation;
    operation.hints = hint_owned;
    operation.fd = fd();
    if (pipe_kind_ == PipeKind::file) {
        operation.code = OpCode::writev;
        operation.buffer = const_cast<iovec*>(pieces);
        operation.size = count;
        return scheduler().perform(operation, "write");
    }
    const std::int32_t result = write_pipe_now(sys(), fd(), pipe_kind_, pieces, count);
    if (result != -EAGAIN) {
        scheduler().spend_credit();
        return result;
    }
    operation.code = OpCode::poll;
    operation.flags = POLLOUT;
    const std::int32_t events = scheduler().perform(operation, "write");
    return events < 0 ? events : -EAGAIN;
}

// What came of it; IoError.
inline std::size_t StreamState::sent(std::int32_t result, int fd) {
    if (result < 0) [[unlikely]] throw_write_error(result, fd);
    return static_cast<std::size_t>(result);
}

void StreamState::throw_write_error(std::int32_t result, int fd) {
    if (result != -EPIPE && result != -ENOBUFS && result != -ENOMEM) write_error_ = -result;
    throw_io(result, "write", fd);
}

// await path 1/7, writing: `attempt` until it comes to something.
template <class Attempt>
std::size_t StreamState::send_by(Attempt&& attempt) {
    for (;;) {
        if (!is_open() || unusual_.dropped) [[unlikely]] throw_closed_meanwhile("write");
        const int at = fd();
        const std::int32_t result = attempt();
        // Closed, or a cancel request that was taken back; or a pipe that has room now.
        if (result == -ECANCELED || result == -EAGAIN) continue;
        return sent(result, at);
    }
}

std::size_t StreamState::send_to_pipe(std::string_view bytes) {
    const iovec piece{const_cast<char*>(bytes.data()), bytes.size()};
    return send(&piece, 1);
}

std::size_t StreamState::send(const iovec* pieces, std::size_t count) {
    return send_by([&] {
        return transport_ == Transport::pipe ? send_to_pipe(pieces, count)
                                             : send_to_socket(pieces, count);
    });
}

// --- Calls --------------------------------------------------------------------------------------

// Counts what goes out into the `done` that `write` is given, and says it in what is thrown.
template <class Write>
[[gnu::always_inline]] inline void StreamState::counted(Write&& write) {
    const auto keep = KeepAlive<StreamState>::share(this);
    std::size_t done = 0;
    try {
        write(done);
    } catch (const CancelledError& cancelled) {
        throw WriteCancelledError(cancelled.message(), done);
    } catch (IoError& error) {
        error.set_transferred(done);
        throw;
    }
}

// A write of the current task, when it is its turn.
template <class Write>
void StreamState::in_turn(const char* call, Write&& write) {
    TaskBase& self = require_own_task(call);
    counted([&](std::size_t& done) {
        require_open(call);
        self.check_cancelled();
        WriteTurn turn(*this);
        if (unusual_.write_closed) throw_io(-EPIPE, call, fd(), "after write_eof");
        write(done);
    });
}

void StreamState::send_all(std::string_view bytes, std::size_t& done) {
    while (!bytes.empty()) {
        const std::size_t count = transport_ == Transport::pipe ? send_to_pipe(bytes) : send_by([&] {
            return send_piece(bytes.data(), bytes.size());
        });
        bytes.remove_prefix(count);
        done += count;
    }
}

// What nearly every write to a socket is, unless its reactor sends by itself: one system call, made here.
void StreamState::write_all(std::string_view bytes) {
    TaskBase* const self = plain_user();
    if (!self || unusual_.for_writing() || bytes.size() - 1 >= most_at_once) [[unlikely]] {
        return write_slowly(bytes);
    }
    const std::int32_t now = scheduler().reactor().send_now(fd(), bytes.data(), bytes.size());
    if (now != static_cast<std::int32_t>(bytes.size())) return write_on(bytes, now, *self);
    scheduler().spend_credit();
}

// `result`: what write_all()'s attempt has come to.
[[gnu::noinline]] void StreamState::write_on(std::string_view bytes, std::int32_t result,
                                             TaskBase& self) {
    counted([&](std::size_t& done) {
        WriteTurn turn(*this);
        const int at = fd();
        if (result == -EAGAIN) [[likely]] {
            TaskOperation operation(OpCode::send, hints_, at, bytes.data(), bytes.size());
            result = scheduler().carry_out(operation, self, "write");
            if (result == static_cast<std::int32_t>(bytes.size())) [[likely]] return;
        }
        write_rest(bytes, result, at, done);
    });
}

// After a transfer that has not been all.
void StreamState::write_rest(std::string_view bytes, std::int32_t result, int at,
                             std::size_t& done) {
    // Closed, or a cancel request that was taken back.
    if (result != -ECANCELED && result != -EAGAIN) done = sent(result, at);
    send_all(bytes.substr(done), done);
}

[[gnu::noinline]] void StreamState::write_slowly(std::string_view bytes) {
    require_open("write");
    in_turn("write", [&](std::size_t& done) {
        if (bytes.empty()) scheduler().spend_credit();
        send_all(bytes, done);
    });
}

void StreamState::write_pieces(const std::string_view* pieces, std::size_t count) {
    in_turn("writev", [&](std::size_t& done) {
        Pieces rest(pieces, count);
        iovec vector[Pieces::most];
        std::size_t filled = rest.fill(vector);
        if (filled == 0) scheduler().spend_credit();
        for (; filled > 0; filled = rest.fill(vector)) {
            const std::size_t sent = send(vector, filled);
            rest.advance(sent);
            done += sent;
        }
    });
}

std::size_t StreamState::write_now(std::string_view bytes) {
    scheduler().require_thread("try_write");
    require_open("try_write");
    if (unusual_.write_closed) throw_io(-EPIPE, "try_write", fd(), "after write_eof");
    if (unusual_.writing || unusual_.dropped || bytes.empty()) return 0;
    if (pipe_kind_ == PipeKind::file) throw_io(-EOPNOTSUPP, "try_write", fd(), "a file may wait");
    std::int32_t result;
    if (transport_ == Transport::pipe) {
        const iovec piece{const_cast<char*>(bytes.data()), bytes.size()};
        result = write_pipe_now(sys(), fd(), pipe_kind_, &piece, 1);
    } else {
        constexpr std::size_t most = std::size_t{1} << 30;
        long sent;
        do {
            sent = sys()(SYS_sendto, fd(), bytes.data(), std::min(bytes.size(), most),
                         MSG_DONTWAIT | MSG_NOSIGNAL, nullptr, 0);
        } while (sent == -EINTR);
        result = static_cast<std::int32_t>(sent);
    }
    return result == -EAGAIN ? 0 : sent(result, fd());
}

void StreamState::write_with_fds(std::string_view bytes, std::span<const int> fds) {
    require_fd_count(fds.size());
    if (bytes.empty()) {
        throw std::invalid_argument("coir: send_fds needs a byte that the descriptors go with");
    }
    in_turn("send_fds", [&](std::size_t& done) {
        iovec piece{const_cast<char*>(bytes.data()), bytes.size()};
        FdMessage message(&piece, 1);
        message.put(fds);
        std::int32_t result;
        int at;
        do {
            if (!is_open() || unusual_.dropped) throw_closed_meanwhile("send_fds");
            at = fd();
            TaskOperation operation;
            operation.code = OpCode::sendmsg;
            operation.hints = hint_owned;
            operation.fd = at;
            operation.buffer = &message.header();
            result = scheduler().perform(operation, "send_fds");
        } while (result == -ECANCELED);
        done = sent(result, at);
        send_all(bytes.substr(done), done);
    });
}

std::uint64_t StreamState::send_file(int file, std::uint64_t offset,
                                     std::optional<std::uint64_t> count,
                                     SendFileFallback fallback) {
    std::uint64_t total = 0;
    in_turn("send_file", [&](std::size_t& done) {
        FileSender sender(*this, made_here, file, offset, count, done);
        sender.run(fallback, [this](std::string_view bytes, std::size_t& sent_now) {
            send_all(bytes, sent_now);
        });
        total = done;
    });
    return total;
}

void StreamState::write_eof() {
    TaskBase& self = require_own_task("write_eof");
    self.check_cancelled();
    if (!is_open() || unusual_.closing) return;
    const auto keep = KeepAlive<StreamState>::share(this);
    WriteTurn turn(*this);
    if (!is_open()) return;
    if (unusual_.write_closed) throw_io(-EPIPE, "write_eof", fd(), "for the second time");
    const long result = sys()(SYS_shutdown, fd(), SHUT_WR);
    // ENOTCONN: the peer has reset the connection; there is nobody to tell.
    if (result < 0 && result != -ENOTCONN) throw_io(result, "write_eof", fd());
    unusual_.write_closed = true;
    scheduler().spend_credit();
}

}  // namespace detail

[[gnu::hot]] void ByteStream::write_all(std::string_view bytes) {
    if (!state_) [[unlikely]] open_state("write");
    state_->write_all(bytes);
}
void ByteStream::write_pieces(const std::string_view* pieces, std::size_t count) {
    open_state("writev").write_pieces(pieces, count);
}
std::size_t ByteStream::write_now(std::string_view bytes) {
    return open_state("try_write").write_now(bytes);
}

}  // namespace v0
}  // namespace coir
