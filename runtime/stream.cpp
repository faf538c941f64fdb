// SPDX-License-Identifier: BSL-1.0
// Stream: life and ending. Reading is in stream_read.cpp, writing in stream_write.cpp.
#include <netinet/in.h>
#include <netinet/tcp.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <coir/error.hpp>
#include <cstring>
#include <stdexcept>
#include <string>

#include "stream_state.hpp"
#include "task_operation.hpp"

namespace coir {
inline namespace v0 {
namespace detail {

void StreamState::require_open(const char* call) const {
    if (!is_open() || unusual_.closing) [[unlikely]]
        throw_io(-EBADF, call, -1, "the stream is closed");
}

void StreamState::throw_closed_meanwhile(const char* call) {
    throw_io(-ECANCELED, call, -1, "the stream was closed meanwhile");
}

// --- Ending -------------------------------------------------------------------------------------

// With unread input in the kernel, closing would reset the connection, and the peer could lose what
// was sent last. Throws such input away until the peer closes, for a while.
void StreamState::linger() {
    if (unusual_.eof || unusual_.read_failed) return;
    constexpr std::size_t most = std::size_t{1} << 20;
    char waste[4096];
    Sys& system = sys();
    const long here =
        system(SYS_recvfrom, fd(), waste, sizeof waste, MSG_DONTWAIT, nullptr, nullptr);
    if (here <= 0) return;
    // The limit ends the stream from this side: that also works where no cancellation gets through.
    struct Limit : TimerNode {
        StreamState* stream = nullptr;
    } limit_timer;
    limit_timer.stream = this;
    limit_timer.fire = [](TimerNode& timer) noexcept {
        StreamState& stream = *static_cast<Limit&>(timer).stream;
        if (stream.is_open()) stream.sys()(SYS_shutdown, stream.fd(), SHUT_RD);
    };
    scheduler().arm(limit_timer, saturating_add(scheduler().now(), std::chrono::seconds(1)));
    struct Disarm {
        Scheduler& scheduler;
        TimerNode& timer;
        ~Disarm() { scheduler.disarm(timer); }
    } disarm{scheduler(), limit_timer};
    for (std::size_t total = 0; total < most && is_open();) {
        TaskOperation operation;
        operation.code = OpCode::recv;
        operation.hints = hint_owned;
        operation.fd = fd();
        operation.buffer = waste;
        operation.size = sizeof waste;
        const std::int32_t result = scheduler().perform(operation, "close");
        if (result <= 0) return;
        total += static_cast<std::size_t>(result);
    }
}

void StreamState::close_in_order() {
    TaskBase& self = require_own_task("close");
    if (!is_open() || unusual_.closing) {
        self.check_cancelled();
        return;
    }
    const auto keep = KeepAlive<StreamState>::share(this);
    struct CloseAnyway {
        StreamState& state;
        ~CloseAnyway() { state.close_now(); }
    } close_anyway{*this};
    unusual_.closing = true;
    self.check_cancelled();
    {
        WriteTurn turn(*this);
        if (!is_open()) return;
        if (!is_pipe_) {
            scheduler().reactor().fd_closing(fd());  // ends a pending read
            // Nothing can be told to a peer that has reset the connection.
            const bool gone = read_error_ == ECONNRESET || write_error_ == ECONNRESET;
            if (!gone && (unusual_.write_closed || sys()(SYS_shutdown, fd(), SHUT_WR) == 0)) linger();
        }
    }
    scheduler().spend_credit();
}

void StreamState::reset_now() noexcept {
    if (!is_open()) return;
    if (is_pipe_) return close_now();
    const struct ::linger at_once { 1, 0 };
    sys()(SYS_setsockopt, fd(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    close_now();
}

void StreamState::end_both_ways() noexcept {
    if (is_open()) sys()(SYS_shutdown, fd(), SHUT_RDWR);
}

void StreamState::drop() noexcept {
    if (!hosted || !is_open() || scheduler().closed()) {
        close_now();
        return;
    }
    unusual_.dropped = true;
    scheduler().reactor().fd_closing(fd());
    sys()(SYS_shutdown, fd(), SHUT_WR);
    unusual_.write_closed = true;
}

// --- The socket ---------------------------------------------------------------------------------

void StreamState::set_peer(const Address& peer) noexcept {
    if (peer.size() <= sizeof peer_) std::memcpy(&peer_, peer.data(), peer.size());
}

std::optional<Address> StreamState::peer() {
    const sa_family_t family = peer_.sin6_family;
    if (family == AF_INET || family == AF_INET6) {
        return Address(reinterpret_cast<const sockaddr*>(&peer_),
                       family == AF_INET ? sizeof(sockaddr_in) : sizeof(sockaddr_in6));
    }
    return socket_address(*this, true);
}

void set_nodelay(LoopFd& socket, bool on) {
    const long result = socket.sys().setsockopt(socket.fd(), IPPROTO_TCP, TCP_NODELAY, on ? 1 : 0);
    if (result < 0 && result != -EOPNOTSUPP && result != -ENOPROTOOPT && result != -EINVAL) {
        throw_io(result, "setsockopt(TCP_NODELAY)", socket.fd());
    }
}

std::optional<Address> socket_address(LoopFd& socket, bool peer) {
    Address address;
    socklen_t size = Address::capacity();
    const long result =
        socket.sys()(peer ? SYS_getpeername : SYS_getsockname, socket.fd(), address.data(), &size);
    if (result < 0) return std::nullopt;
    address.set_size(size);
    return address;
}

}  // namespace detail

namespace {
void drop_stream(detail::StreamState* state) noexcept {
    if (!state) return;
    detail::drop_on_loop(*state, [](detail::LoopObject& object) noexcept {
        auto& stream = static_cast<detail::StreamState&>(object);
        stream.drop();
        stream.drop_ref();
    });
}
}  // namespace

// --- ByteStream ---------------------------------------------------------------------------------

ByteStream::~ByteStream() { drop_stream(state_); }

ByteStream& ByteStream::operator=(ByteStream&& other) noexcept {
    if (this != &other) drop_stream(std::exchange(state_, std::exchange(other.state_, nullptr)));
    return *this;
}

detail::StreamState& ByteStream::open_state(const char* call) const {
    if (!state_) detail::throw_io(-EBADF, call, -1, "the stream is empty or moved from");
    state_->require_open(call);
    return *state_;
}

bool ByteStream::is_open() const noexcept { return state_ && state_->is_open(); }
bool ByteStream::at_eof() const noexcept { return !state_ || state_->at_eof(); }
int ByteStream::native_handle() const noexcept { return state_ ? state_->fd() : -1; }
std::size_t ByteStream::limit() const { return open_state("limit").limit; }
void ByteStream::set_limit(std::size_t bytes) {
    if (bytes == 0) throw std::invalid_argument("coir: a stream's limit must not be 0");
    open_state("set_limit").limit = bytes;
}

// --- Stream -------------------------------------------------------------------------------------

Stream::Stream(Fd fd, const StreamOptions& options) {
    detail::Scheduler& scheduler = detail::running_scheduler("Stream");
    if (options.limit == 0) throw std::invalid_argument("coir: a stream's limit must not be 0");
    int type = 0;
    int family = 0;
    detail::Sys& sys = scheduler.sys();
    detail::check_io(sys.getsockopt(fd.get(), SOL_SOCKET, SO_TYPE, &type), "making a stream",
                     fd.get());
    if (type != SOCK_STREAM) {
        throw IoError(EPROTOTYPE, "making a stream", fd.get(), "not a stream socket");
    }
    detail::check_io(sys.getsockopt(fd.get(), SOL_SOCKET, SO_DOMAIN, &family), "making a stream",
                     fd.get());
    state_ = detail::LoopPtr<detail::StreamState>::make(scheduler, fd.get(), options, family)
                 .release();
    static_cast<void>(fd.release());
}

void Stream::write_eof() {
    if (!state_) detail::throw_io(-EBADF, "write_eof", -1, "the stream is empty or moved from");
    state_->write_eof();
}
std::uint64_t Stream::send_file(int file, std::uint64_t offset, std::optional<std::uint64_t> count,
                                SendFileFallback fallback) {
    return open_state("send_file").send_file(file, offset, count, fallback);
}
void Stream::write_with_fds(std::string_view bytes, std::span<const int> fds) {
    open_state("send_fds").write_with_fds(bytes, fds);
}
ReceivedFds Stream::read_with_fds(void* buffer, std::size_t size, std::size_t most) {
    return open_state("recv_fds").read_with_fds(buffer, size, most);
}
void Stream::close() {
    if (state_) state_->close_in_order();
}
void Stream::abort() noexcept {
    if (state_) state_->reset_now();
}
void Stream::set_nodelay(bool on) { detail::set_nodelay(open_state("set_nodelay"), on); }
std::string Stream::peer_name() const {
    const auto address = open_state("peer_name").peer();
    return address ? address->to_string() : std::string();
}
std::string Stream::local_name() const {
    const auto address = detail::socket_address(open_state("local_name"), false);
    return address ? address->to_string() : std::string();
}

}  // namespace v0
}  // namespace coir
