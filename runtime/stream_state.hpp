// SPDX-License-Identifier: BSL-1.0
// What a Stream points to.
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

#include <coir/address.hpp>
#include <coir/detail/intrusive_list.hpp>
#include <coir/detail/wait_queue.hpp>
#include <coir/stream.hpp>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "byte_buffer.hpp"
#include "loop_object.hpp"

namespace coir {
inline namespace v0 {
namespace detail {

/// The place of a hosted stream in its server's list.
struct ServerLink : ListLink {};

class StreamState final : public LoopFd, public ServerLink {
public:
    StreamState(Scheduler& scheduler, int fd, const StreamOptions& options) noexcept
        : LoopFd(scheduler, fd), limit(options.limit) {}

    // Reading (stream_read.cpp). The reader is the one that holds a ReadTurn.
    std::size_t read_some(void* into, std::size_t size);
    std::string read_string(std::size_t most);
    std::string read_all(std::size_t most);
    void read_exactly(char* into, std::size_t size);
    std::string read_exactly(std::size_t size);
    std::optional<std::string> read_line();
    std::string read_until(const std::string_view* separators, std::size_t count);

    // Writing and ending (stream.cpp).
    void write_all(std::string_view bytes);
    void write_eof();
    void close_in_order();
    void reset_now() noexcept;
    /// The handle has gone.
    void drop() noexcept;

    bool at_eof() const noexcept { return eof_ && buffer_.empty(); }
    /// The peer's address, kept when it is known: a connection that has broken has none any more.
    void set_peer(const Address& peer) noexcept;
    std::optional<Address> peer();
    /// IoError(EBADF) when closed or closing.
    void require_open(const char* call) const;

    std::size_t limit;
    bool hosted = false;
    bool dropped = false;         ///< of a hosted one: the handle has gone
    TaskBase* handler = nullptr;  ///< of a hosted one; null before it has been started

private:
    class ReadTurn;
    class WriteTurn;

    std::size_t receive(void* into, std::size_t size, const char* call);
    std::size_t fill(const char* call);
    std::size_t take(char* into, std::size_t size) noexcept;
    std::string take_string(std::size_t size);
    std::size_t find_block(const std::string_view* separators, std::size_t count, const char* call);
    [[noreturn]] void throw_read_error() const;
    std::size_t send(const char* data, std::size_t size);
    void linger();

    ByteBuffer buffer_;
    TaskBase* reader_ = nullptr;
    bool eof_ = false;
    bool writing_ = false;
    bool write_closed_ = false;
    bool closing_ = false;
    int read_error_ = 0;   // once set, every later read throws it
    int write_error_ = 0;  // the kernel says it once: the end of the stream is then no orderly one
    WaitQueue writers_;
    sockaddr_in6 peer_{};  // or the smaller sockaddr_in
};

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
