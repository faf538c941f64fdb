// SPDX-License-Identifier: BSL-1.0
// ByteStream: what Stream (sockets) and Pipe (pipes, FIFOs, terminals) have in common: delimited
// reading and unbuffered writing.
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

class COIR_API ByteStream {
public:
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
    /// Fills the whole buffer, whatever the limit. IncompleteReadError at an early end. Where it is asked for
    /// up to 512 bytes of a TCP connection, it reads ahead as readline() does: what a header announces is often
    /// there with it, and needs no system call. The stream keeps 1 KiB for it.
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
    /// The same for several pieces, which go out in one call of the kernel where they can, and with
    /// no other writer's bytes between them: `writev("HTTP/1.1 200 OK\r\n\r\n", body)`.
    template <class First, class... More>
    requires(detail::ConstBytes<std::remove_reference_t<First>> &&
             (detail::ConstBytes<std::remove_reference_t<More>> && ...))
        COIR_SUSPENDS void writev(First&& first, More&&... more) {
        const std::string_view pieces[] = {detail::bytes_of_argument(first),
                                           detail::bytes_of_argument(more)...};
        write_pieces(pieces, 1 + sizeof...(More));
    }
    /// The pieces of a range: a vector of strings, a span of string_views.
    template <detail::RangeOfBytes Range>
    COIR_SUSPENDS void writev(Range&& pieces) {
        std::vector<std::string_view> list;
        for (auto&& piece : pieces) list.push_back(detail::bytes_of_argument(piece));
        write_pieces(list.data(), list.size());
    }
    /// asyncio's name for it. No line ends are added.
    template <detail::RangeOfBytes Range>
    COIR_SUSPENDS void writelines(Range&& pieces) {
        writev(std::forward<Range>(pieces));
    }
    /// Writes what the kernel takes at once and returns how much that was: 0 when it would wait, or
    /// when another task is writing. Never suspends and never queues. Throws IoError as write().
    template <class Bytes>
    requires detail::ConstBytes<std::remove_reference_t<Bytes>> std::size_t try_write(
        Bytes&& bytes) {
        return write_now(detail::bytes_of_argument(bytes));
    }

    // --- Ending ---

    bool is_open() const noexcept;
    /// The descriptor, for ioctl and the like; -1 once closed. It stays the stream's.
    int native_handle() const noexcept;

protected:
    ByteStream() noexcept = default;
    explicit ByteStream(detail::StreamState* state) noexcept : state_(state) {}
    ByteStream(ByteStream&& other) noexcept : state_(std::exchange(other.state_, nullptr)) {}
    ByteStream& operator=(ByteStream&& other) noexcept;
    ~ByteStream();
    detail::StreamState& open_state(const char* call) const;

    detail::StreamState* state_ = nullptr;

private:
    std::size_t read_some(void* buffer, std::size_t size);
    void fill_exactly(void* buffer, std::size_t size);
    std::string read_until_any(const std::string_view* separators, std::size_t count);
    void write_all(std::string_view bytes);
    void write_pieces(const std::string_view* pieces, std::size_t count);
    std::size_t write_now(std::string_view bytes);
};

}  // namespace v0
}  // namespace coir
