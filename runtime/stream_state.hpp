// SPDX-License-Identifier: BSL-1.0
// What a Stream or a Pipe points to.
//
//   open --close(), the last part of it--> closed         (drop, abort: at once)
//   reading side: open --recv says 0--> eof
//   writing side: open --write_eof()--> write_closed
//
// A hosted stream is one that a Server gave to its handler. When the handler lets go of it, the end
// of the stream is said at once, but the descriptor stays until the handler has returned, so that
// the server can close it in order.
#pragma once

#include <netinet/in.h>
#include <sys/uio.h>

#include <coir/address.hpp>
#include <coir/detail/intrusive_list.hpp>
#include <coir/detail/wait_queue.hpp>
#include <coir/stream.hpp>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "byte_buffer.hpp"
#include "pipe_io.hpp"
#include "stream_front.hpp"
#include "stream_hints.hpp"

namespace coir {
inline namespace v0 {
namespace detail {

/// The place of a hosted stream in its server's list.
struct ServerLink : ListLink {};

class StreamState final : public StreamFront, public ServerLink {
public:
    /// Of a socket.
    StreamState(Scheduler& scheduler, int fd, const StreamOptions& options, int family) noexcept
        : StreamFront(scheduler, fd, stream_hints(family), Transport::socket),
          limit(options.limit) {}
    /// Of a Pipe.
    StreamState(Scheduler& scheduler, int fd, const StreamOptions& options, PipeKind kind) noexcept
        : StreamFront(scheduler, fd, hint_owned,
                      kind == PipeKind::socket ? Transport::socket : Transport::pipe),
          limit(options.limit),
          pipe_kind_(kind),
          is_pipe_(true) {}

    // Reading (stream_read.cpp). The reader is the one that holds a ReadTurn.
    std::size_t read_some(void* into, std::size_t size);
    std::string read_string(std::size_t most);
    std::string read_all(std::size_t most);
    void read_exactly(char* into, std::size_t size);
    std::string read_exactly(std::size_t size);
    std::optional<std::string> read_line();
    std::string read_until(const std::string_view* separators, std::size_t count);

    // Writing (stream_write.cpp).
    void write_all(std::string_view bytes);
    void write_pieces(const std::string_view* pieces, std::size_t count);
    std::size_t write_now(std::string_view bytes);
    void write_eof();
    void write_with_fds(std::string_view bytes, std::span<const int> fds);
    ReceivedFds read_with_fds(void* into, std::size_t size, std::size_t most);
    std::uint64_t send_file(int file, std::uint64_t offset, std::optional<std::uint64_t> count,
                            SendFileFallback fallback);

    // Ending (stream.cpp).
    void close_in_order();
    void reset_now() noexcept;
    /// Says the end of the stream to the peer and to this side; the descriptor stays.
    void end_both_ways() noexcept;
    /// The handle has gone.
    void drop() noexcept;

    bool at_eof() const noexcept { return unusual_.eof && buffer_.empty(); }
    /// A hosted one's handle has gone.
    bool dropped() const noexcept { return unusual_.dropped; }
    /// What a Pipe was made from, when it works on a descriptor of its own; closed with it.
    void set_original(Fd original) noexcept { original_ = std::move(original); }
    /// The peer's address, kept when it is known: a connection that has broken has none any more.
    void set_peer(const Address& peer) noexcept;
    std::optional<Address> peer();
    /// IoError(EBADF) when closed or closing.
    void require_open(const char* call) const;

    std::size_t limit;
    bool made_here = false;  ///< coir has made the socket, and may set O_NONBLOCK on it
    bool hosted = false;
    TaskBase* handler = nullptr;  ///< of a hosted one; null before it has been started

private:
    void on_close() noexcept override { original_.reset(); }

    class ReadTurn;
    // Writers take turns, in the order of their calls.
    class WriteTurn {
    public:
        explicit WriteTurn(StreamState& state);
        WriteTurn(const WriteTurn&) = delete;
        WriteTurn& operator=(const WriteTurn&) = delete;
        ~WriteTurn();

    private:
        StreamState& state_;
    };

    template <class Write>
    void counted(Write&& write);
    template <class Write>
    void in_turn(const char* call, Write&& write);
    static constexpr std::size_t most_at_once = std::size_t{1} << 30;
    /// The current task, when it is this loop's, nobody has asked to cancel it, and the stream is
    /// open; otherwise, or where the reactor leaves sockets to threads, null.
    TaskBase* plain_user() const noexcept {
        Scheduler& loop = scheduler();
        if (running_here != &loop || !loop.carries_streams() || !is_open()) [[unlikely]] {
            return nullptr;
        }
        TaskBase* const self = loop.current();
        return self && !self->cancel_pending() ? self : nullptr;
    }
    std::size_t read_some_slowly(void* into, std::size_t size);
    std::int32_t receive_what_is_there(Operation& operation) noexcept;
    std::int32_t meaning_of(std::int32_t result) noexcept;
    std::size_t receive(void* into, std::size_t size, const char* call);
    std::int32_t receive_plainly(TaskBase& self, void* into, std::size_t size, const char* call);
    std::size_t receive_slowly(void* into, std::size_t size, const char* call);
    template <class Prepare>
    std::size_t receive_by(const char* call, Prepare&& prepare);
    std::size_t fill(const char* call);
    bool reads_ahead(std::size_t size) const noexcept;
    void read_from_buffer(char* into, std::size_t size);
    std::size_t take(char* into, std::size_t size) noexcept;
    std::string take_string(std::size_t size);
    std::size_t find_block(const std::string_view* separators, std::size_t count, const char* call);
    [[noreturn]] void throw_read_error() const;
    template <class Attempt>
    std::size_t send_by(Attempt&& attempt);
    std::size_t send(const iovec* pieces, std::size_t count);
    std::size_t send_to_pipe(std::string_view bytes);
    [[noreturn, gnu::cold]] void throw_write_error(std::int32_t result, int fd);
    [[noreturn, gnu::cold]] static void throw_closed_meanwhile(const char* call);
    void write_on(std::string_view bytes, std::int32_t result, TaskBase& self);
    void write_rest(std::string_view bytes, std::int32_t result, int at, std::size_t& done);
    void write_slowly(std::string_view bytes);
    void wait_for_turn();
    void pass_turn_on() noexcept;
    void send_all(std::string_view bytes, std::size_t& done);
    std::int32_t send_piece(const void* data, std::size_t size);
    std::size_t sent(std::int32_t result, int fd);
    std::int32_t send_to_pipe(const iovec* pieces, std::size_t count);
    std::int32_t send_to_socket(const iovec* pieces, std::size_t count);
    void linger();

    void release_buffer() noexcept {
        buffer_.release();
        unusual_.buffered = false;
    }
    void set_read_error(int error) noexcept {
        read_error_ = error;
        unusual_.read_failed = true;
    }

    ByteBuffer buffer_;
    const PipeKind pipe_kind_ = PipeKind::socket;
    const bool is_pipe_ = false;
    int read_error_ = 0;  // once set, every later read throws it
    int write_error_ = 0;  // the kernel says it once: the end of the stream is then no orderly one
    WaitQueue writers_;
    Fd original_;
    sockaddr_in6 peer_{};  // or the smaller sockaddr_in
};

inline StreamState::WriteTurn::WriteTurn(StreamState& state) : state_(state) {
    if (state.unusual_.writing) [[unlikely]] {
        state.wait_for_turn();
    } else {
        state.unusual_.writing = true;
    }
}

inline StreamState::WriteTurn::~WriteTurn() {
    if (state_.queued_) [[unlikely]] {
        state_.pass_turn_on();
    } else {
        state_.unusual_.writing = false;
    }
}

/// Keeps an object for the duration of a call.
template <class T>
using KeepAlive = LoopPtr<T>;

/// TCP_NODELAY, where there is such a thing.
void set_nodelay(LoopFd& socket, bool on);
/// The peer's or the own address; nothing when there is none (any more).
std::optional<Address> socket_address(LoopFd& socket, bool peer);

}  // namespace detail
}  // namespace v0
}  // namespace coir
