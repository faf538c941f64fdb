// SPDX-License-Identifier: BSL-1.0
// Stream: a connected stream socket, TCP or Unix, with unbuffered writing and delimited reading.
//
// Threads: the loop's thread only (WrongThreadError in a task of another loop). One task may read
// while others write; a second reader gets std::logic_error, writers are served one call at a time.
// Errors: IoError, with the errno, the operation and the descriptor; EBADF once closed or moved
// from; ECANCELED for what was in progress when another task closed the stream. SIGPIPE is never
// raised. Cancellation: a cancelled read takes nothing out of the stream; a cancelled write throws
// WriteCancelledError. Behaviour: asyncio's StreamReader and StreamWriter in one object, but that
// write() returns when the kernel has the bytes, so that there is no drain().
#pragma once

#include <coir/detail/bytes.hpp>
#include <coir/detail/config.hpp>
#include <coir/error.hpp>
#include <coir/fd.hpp>
#include <cstddef>
#include <initializer_list>
#include <optional>
#include <ranges>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace coir {
inline namespace v0 {
namespace detail {
class StreamState;
}

struct StreamOptions {
    /// The longest line or block, in bytes, that readline() and read_until() accept.
    std::size_t limit = 64 * 1024;
};

class COIR_API Stream {
public:
    /// Empty: every use but assignment throws IoError(EBADF).
    Stream() noexcept = default;
    /// Takes a connected stream socket over. Throws std::logic_error outside a loop, IoError when
    /// `fd` is not a stream socket (it is closed then), std::invalid_argument for a limit of 0.
    explicit Stream(Fd fd, const StreamOptions& options = {});
    Stream(Stream&& other) noexcept : state_(std::exchange(other.state_, nullptr)) {}
    /// Closes what it held.
    Stream& operator=(Stream&& other) noexcept;
    /// Closes at once: what was written still arrives, unless unread input makes the kernel reset
    /// the connection (close() avoids that). Nothing suspends.
    ~Stream();

    // --- Reading ---

    /// Reads what is there, at least one byte; 0 is the end of the stream (or an empty buffer).
    template <detail::MutableBytes Buffer>
    COIR_SUSPENDS std::size_t read(Buffer&& buffer) {
        return read_some(std::ranges::data(buffer), std::ranges::size(buffer));
    }
    /// The same into a string of up to `n` bytes; empty at the end of the stream. One call brings
    /// at most 64 KiB.
    COIR_SUSPENDS std::string read(std::size_t n);
    /// Everything up to the end of the stream. LimitOverrunError when that is more than `max`
    /// bytes, which stay in the stream.
    COIR_SUSPENDS std::string read_all(std::size_t max = static_cast<std::size_t>(-1) / 2);
    /// Fills the whole buffer, whatever the limit. IncompleteReadError at an early end.
    template <detail::MutableBytes Buffer>
    COIR_SUSPENDS void read_exactly(Buffer&& buffer) {
        fill_exactly(std::ranges::data(buffer), std::ranges::size(buffer));
    }
    COIR_SUSPENDS std::string read_exactly(std::size_t n);
    /// A line with its LF; what is left without one at the end of the stream; nothing at the end.
    /// LimitOverrunError for a line of more than `limit` bytes without its LF: the line is dropped
    /// if its end has been seen, and otherwise all that has come of it.
    COIR_SUSPENDS std::optional<std::string> readline();
    /// Up to and with the separator; of several, the one that ends first. IncompleteReadError at an
    /// early end, with what was left. LimitOverrunError when more than `limit` bytes come before
    /// it: all stays in the stream. std::invalid_argument for an empty separator, or none.
    COIR_SUSPENDS std::string read_until(std::string_view separator) {
        return read_until_any(&separator, 1);
    }
    COIR_SUSPENDS std::string read_until(std::initializer_list<std::string_view> separators) {
        return read_until_any(separators.begin(), separators.size());
    }
    template <std::ranges::input_range Range>
    requires(!std::convertible_to<Range, std::string_view> &&
             std::convertible_to<std::ranges::range_reference_t<Range>, std::string_view>)
        COIR_SUSPENDS std::string read_until(Range&& separators) {
        std::vector<std::string_view> list;
        for (auto&& separator : separators) list.emplace_back(separator);
        return read_until_any(list.data(), list.size());
    }
    /// The end of the stream has been read, and nothing is left in the buffer.
    bool at_eof() const noexcept;
    /// The limit of readline() and read_until(). std::invalid_argument for 0.
    void set_limit(std::size_t bytes);
    std::size_t limit() const;

    // --- Writing ---

    /// Returns when the kernel has taken every byte; nothing is buffered here. Literals and
    /// pointers are text, written without their NUL. On failure IoError::transferred(), on
    /// cancellation WriteCancelledError::transferred() says how many bytes went out.
    template <class Bytes>
    requires detail::ConstBytes<std::remove_reference_t<Bytes>> COIR_SUSPENDS void write(
        Bytes&& bytes) {
        write_all(detail::bytes_of_argument(bytes));
    }
    /// Half close: the peer reads the end of the stream once it has read what was written. Waits
    /// for writes in progress. IoError(EPIPE) for the second time; nothing happens once closed.
    COIR_SUSPENDS void write_eof();

    // --- Ending ---

    /// Orderly: waits for writes in progress, says end of stream, and closes. When unread input is
    /// left, which would make the kernel reset the connection and could lose what was written last,
    /// it is thrown away until the peer closes, for at most a second. Twice is harmless. Closes
    /// also when it throws CancelledError.
    COIR_SUSPENDS void close();
    /// Closes at once and resets the connection (TCP): what is on its way is thrown away.
    void abort() noexcept;
    bool is_open() const noexcept;

    // --- The socket ---

    /// "127.0.0.1:8080", "[::1]:80", or a path; empty for a nameless peer. IoError(EBADF) once
    /// closed.
    std::string peer_name() const;
    std::string local_name() const;
    /// The descriptor, for getsockopt and the like; -1 once closed. It stays the stream's.
    int native_handle() const noexcept;
    /// Whether small writes go out at once (TCP_NODELAY; TCP only, elsewhere nothing happens). On
    /// by default for connections that coir makes or accepts.
    void set_nodelay(bool on = true);

    // Internal.
    explicit Stream(detail::StreamState* state) noexcept : state_(state) {}

private:
    std::size_t read_some(void* buffer, std::size_t size);
    void fill_exactly(void* buffer, std::size_t size);
    std::string read_until_any(const std::string_view* separators, std::size_t count);
    void write_all(std::string_view bytes);
    detail::StreamState& open_state(const char* call) const;

    detail::StreamState* state_ = nullptr;
};

}  // namespace v0
}  // namespace coir
