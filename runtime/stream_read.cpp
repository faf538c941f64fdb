// SPDX-License-Identifier: BSL-1.0
// ByteStream: reading.
//
// A read that fails or is cancelled takes nothing out of the stream: what had come is put back into
// its buffer. Only IncompleteReadError takes what was left, and hands it over in the error.
#include <algorithm>
#include <cerrno>
#include <coir/error.hpp>
#include <cstring>
#include <stdexcept>

#include "carry_out.hpp"
#include "fd_passing.hpp"
#include "stream_state.hpp"

namespace coir {
inline namespace v0 {
namespace detail {
namespace {

constexpr std::size_t chunk = 64 * 1024;
constexpr std::size_t most_from_buffer = 512;  // of what read_exactly() is asked for
constexpr std::size_t nowhere = static_cast<std::size_t>(-1);

struct Found {
    std::size_t begin = nowhere;
    std::size_t end = nowhere;
};

// The separator that ends first, at or behind `from`.
Found find_separator(std::string_view data, std::size_t from, const std::string_view* separators,
                     std::size_t count) {
    Found found;
    for (std::size_t i = 0; i < count; ++i) {
        const std::size_t at = data.find(separators[i], from);
        if (at == std::string_view::npos) continue;
        const std::size_t end = at + separators[i].size();
        if (end < found.end || (end == found.end && at < found.begin)) found = {at, end};
    }
    return found;
}

}  // namespace

// One task reads at a time.
class StreamState::ReadTurn {
public:
    ReadTurn(StreamState& state, const char* call) : state_(state) {
        TaskBase& self = state.require_own_task(call);
        if (state.reader_) [[unlikely]] {
            throw std::logic_error(std::string("coir: ") + call + " while task '" +
                                   state.reader_->name() + "' is reading from the same stream");
        }
        self.check_cancelled();
        state.reader_ = &self;
        state.add_ref();
    }
    /// Where all that has been found out: see plain_user().
    ReadTurn(StreamState& state, TaskBase& self) noexcept : state_(state) {
        state.reader_ = &self;
        state.add_ref();
    }
    ReadTurn(const ReadTurn&) = delete;
    ReadTurn& operator=(const ReadTurn&) = delete;
    ~ReadTurn() {
        state_.reader_ = nullptr;
        state_.drop_ref();
    }

private:
    StreamState& state_;
};

void StreamState::throw_read_error() const {
    throw_io(-read_error_, "read", fd(), "the connection has failed");
}

// Meanwhile others may have closed the stream, and the number may be somebody else's.
inline std::int32_t StreamState::receive_what_is_there(Operation& operation) noexcept {
    if (!is_open() || unusual_.closing || unusual_.dropped) [[unlikely]] return -ECANCELED;
    return scheduler().reactor().receive_now(operation);
}

// One transfer from the kernel; 0 at the end of the stream.
// await path 1/7, reading
template <class Prepare>
std::size_t StreamState::receive_by(const char* call, Prepare&& prepare) {
    for (;;) {
        if (unusual_.read_failed) [[unlikely]]
            throw_read_error();
        if (unusual_.eof) {
            scheduler().spend_credit();
            return 0;
        }
        if (!is_open() || unusual_.closing || unusual_.dropped) [[unlikely]] {
            throw_closed_meanwhile(call);
        }
        const int at = fd();
        TaskOperation operation;
        operation.hints = hints_;
        operation.fd = at;
        prepare(operation);
        std::int32_t result = scheduler().perform(operation, call);
        if (result == -EAGAIN) result = receive_what_is_there(operation);
        if (result > 0) return static_cast<std::size_t>(result);
        result = meaning_of(result);
        if (result == 0) return 0;
        if (result != -EAGAIN) throw_io(result, call, at);
    }
}

// What a receive that has brought nothing means: 0 at the end of the stream, -EAGAIN where it has to be made
// again, otherwise an error of this call.
[[gnu::noinline]] std::int32_t StreamState::meaning_of(std::int32_t result) noexcept {
    // The controlling side of a terminal: nobody has the other side open any more.
    if (result == -EIO && pipe_kind_ == PipeKind::pty_master) result = 0;
    // Closed; or a cancel request that was taken back; or there was nothing to receive after all.
    if (result == -ECANCELED || result == -EAGAIN) return -EAGAIN;
    if (result == 0) {
        unusual_.eof = true;
        if (write_error_ == 0) return 0;
        set_read_error(write_error_);  // the kernel has told the writer, and says it only once
        return -EAGAIN;
    }
    if (result != -ENOMEM && result != -ENOBUFS) set_read_error(-result);
    return result;
}

// Where nothing is unusual: see plain_user(). As meaning_of() says.
[[gnu::always_inline]] inline std::int32_t StreamState::receive_plainly(TaskBase& self, void* into, std::size_t size,
                                                                        const char* call) {
    TaskOperation operation(OpCode::recv, static_cast<std::uint8_t>(hints_ | hint_receives_itself),
                            fd(), into, std::min(size, most_at_once));
    std::int32_t result = scheduler().carry_out(operation, self, call);
    if (result == -EAGAIN) [[likely]] result = receive_what_is_there(operation);
    return result > 0 ? result : meaning_of(result);
}

// One receive, for who has the turn to read.
[[gnu::noinline]] std::size_t StreamState::receive(void* into, std::size_t size, const char* call) {
    TaskBase* const self = plain_user();
    if (!self || unusual_.for_receiving()) [[unlikely]] return receive_slowly(into, size, call);
    const int at = fd();
    const std::int32_t result = receive_plainly(*self, into, size, call);
    if (result == -EAGAIN) [[unlikely]] return receive_slowly(into, size, call);
    if (result < 0) [[unlikely]] throw_io(result, call, at);
    return static_cast<std::size_t>(result);
}

[[gnu::noinline]] std::size_t StreamState::receive_slowly(void* into, std::size_t size, const char* call) {
    return receive_by(call, [&](TaskOperation& operation) {
        const bool socket = transport_ == Transport::socket;
        operation.code = socket ? OpCode::recv : OpCode::read;
        if (socket) operation.hints |= hint_receives_itself;
        operation.buffer = into;
        operation.size = std::min(size, most_at_once);
    });
}

ReceivedFds StreamState::read_with_fds(void* into, std::size_t size, std::size_t most) {
    ReadTurn turn(*this, "recv_fds");
    require_fd_count(most);
    ReceivedFds received;
    if (size == 0 || !buffer_.empty()) {
        received.size = take(static_cast<char*>(into), size);
        scheduler().spend_credit();
        return received;
    }
    iovec piece{into, size};
    FdMessage message(&piece, 1);
    message.make_room(most);
    received.size = receive_by("recv_fds", [&](TaskOperation& operation) {
        operation.code = OpCode::recvmsg;
        operation.buffer = &message.header();
        operation.flags = MSG_CMSG_CLOEXEC;
    });
    if (received.size > 0) message.take(sys(), received);
    return received;
}

// Into the buffer, which has room.
std::size_t StreamState::fill(const char* call) {
    unusual_.buffered = true;
    const std::size_t count = receive(buffer_.tail(), buffer_.room(), call);
    buffer_.commit(count);
    return count;
}

std::size_t StreamState::take(char* into, std::size_t size) noexcept {
    if (!unusual_.buffered) return 0;
    const std::size_t count = std::min(size, buffer_.size());
    if (count > 0) std::memcpy(into, buffer_.view().data(), count);
    buffer_.consume(count);
    if (buffer_.empty()) release_buffer();
    return count;
}

std::string StreamState::take_string(std::size_t size) {
    std::string result(buffer_.view().substr(0, size));
    buffer_.consume(size);
    return result;
}

// What nearly every read of a socket is: one receive into the caller's memory.
[[gnu::hot]] std::size_t StreamState::read_some(void* into, std::size_t size) {
    TaskBase* const self = plain_user();
    if (!self || reader_ || unusual_.for_reading() || size == 0) [[unlikely]] {
        return read_some_slowly(into, size);
    }
    const int at = fd();
    std::int32_t result;
    {
        ReadTurn turn(*this, *self);
        result = receive_plainly(*self, into, size, "read");
        if (result == -EAGAIN) [[unlikely]] return receive_slowly(into, size, "read");
    }
    // Out here, for an exception that passes a destructor is unwound twice.
    if (result < 0) [[unlikely]] throw_io(result, "read", at);
    return static_cast<std::size_t>(result);
}

[[gnu::noinline]] std::size_t StreamState::read_some_slowly(void* into, std::size_t size) {
    require_open("read");
    ReadTurn turn(*this, "read");
    if (unusual_.read_failed) [[unlikely]]
        throw_read_error();
    if (size == 0 || !buffer_.empty()) {
        const std::size_t count = take(static_cast<char*>(into), size);
        scheduler().spend_credit();
        return count;
    }
    release_buffer();
    return receive(into, size, "read");
}

std::string StreamState::read_string(std::size_t most) {
    ReadTurn turn(*this, "read");
    if (unusual_.read_failed) [[unlikely]]
        throw_read_error();
    if (most == 0 || !buffer_.empty()) {
        std::string result = take_string(std::min(most, buffer_.size()));
        scheduler().spend_credit();
        return result;
    }
    release_buffer();
    std::string result(std::min(most, chunk), '\0');
    result.resize(receive(result.data(), result.size(), "read"));
    if (result.size() < result.capacity() / 2) result.shrink_to_fit();
    return result;
}

std::string StreamState::read_all(std::size_t most) {
    ReadTurn turn(*this, "read_all");
    if (unusual_.read_failed) [[unlikely]]
        throw_read_error();
    // Into the buffer: whatever happens, what has come is still there.
    while (buffer_.size() <= most) {
        buffer_.make_room();
        if (fill("read_all") == 0) return take_string(buffer_.size());
    }
    throw LimitOverrunError("coir: read_all: more than " + std::to_string(most) + " bytes",
                            buffer_.size());
}

// Frames, such as a header and what it announces, come together. A receive with room to spare gets them all, and
// says by what is left that there is no more: one system call on epoll, where exact ones are three. Not of
// a Unix socket, whose bytes may have descriptors with them that somebody wants to receive.
bool StreamState::reads_ahead(std::size_t size) const noexcept {
    return size <= most_from_buffer && (hints_ & hint_stream) != 0;
}

void StreamState::read_from_buffer(char* into, std::size_t size) {
    const bool was_there = buffer_.size() >= size;
    while (buffer_.size() < size) {
        buffer_.make_room_for(size - buffer_.size());
        if (fill("read_exactly") == 0) throw IncompleteReadError(take_string(buffer_.size()), size);
    }
    if (size > 0) std::memcpy(into, buffer_.view().data(), size);
    buffer_.consume(size);
    if (was_there) scheduler().spend_credit();
}

void StreamState::read_exactly(char* into, std::size_t size) {
    ReadTurn turn(*this, "read_exactly");
    if (unusual_.read_failed) [[unlikely]]
        throw_read_error();
    if (reads_ahead(size)) return read_from_buffer(into, size);
    std::size_t done = take(into, size);
    if (done == size) scheduler().spend_credit();
    try {
        while (done < size) {
            const std::size_t count = receive(into + done, size - done, "read_exactly");
            if (count == 0) throw IncompleteReadError(std::string(into, done), size);
            done += count;
        }
    } catch (const IncompleteReadError&) {
        throw;
    } catch (...) {
        unusual_.buffered = true;
        buffer_.put_back({into, done});
        throw;
    }
}

std::string StreamState::read_exactly(std::size_t size) {
    if (size > std::size_t{PTRDIFF_MAX}) {
        throw std::invalid_argument("coir: read_exactly of a negative number of bytes");
    }
    ReadTurn turn(*this, "read_exactly");
    if (unusual_.read_failed) [[unlikely]]
        throw_read_error();
    if (reads_ahead(size)) {
        std::string result(size, '\0');
        read_from_buffer(result.data(), size);
        return result;
    }
    std::string result = take_string(std::min(size, buffer_.size()));
    std::size_t done = result.size();
    try {
        while (done < size) {
            // Memory follows the data: a peer that announces much and sends little costs little.
            result.resize(std::min(size, std::max(chunk, done * 2)));
            while (done < result.size()) {
                const std::size_t count =
                    receive(result.data() + done, result.size() - done, "read_exactly");
                if (count == 0) throw IncompleteReadError(result.substr(0, done), size);
                done += count;
            }
        }
    } catch (const IncompleteReadError&) {
        throw;
    } catch (...) {
        unusual_.buffered = true;
        buffer_.put_back(std::string_view(result).substr(0, done));
        throw;
    }
    return result;
}

// Reads until the buffer begins with a complete block, and returns its size with the separator.
// nowhere: the stream ended before. Throws LimitOverrunError with all left in place.
std::size_t StreamState::find_block(const std::string_view* separators, std::size_t count,
                                    const char* call) {
    std::size_t shortest = nowhere;
    std::size_t longest = 0;
    for (std::size_t i = 0; i < count; ++i) {
        shortest = std::min(shortest, separators[i].size());
        longest = std::max(longest, separators[i].size());
    }
    if (count == 0 || shortest == 0) {
        throw std::invalid_argument("coir: read_until needs separators that are not empty");
    }
    std::size_t searched = 0;
    for (;;) {
        const std::size_t have = buffer_.size();
        const Found found = find_separator(buffer_.view(), searched, separators, count);
        if (found.end != nowhere) {
            if (found.begin <= limit) return found.end;
            throw LimitOverrunError(std::string("coir: ") + call +
                                        ": the separator was found, but behind more than " +
                                        std::to_string(limit) + " bytes",
                                    found.begin);
        }
        // A separator may have begun at the end of what is there.
        searched = have + 1 > longest ? have + 1 - longest : 0;
        if (searched > limit) {
            throw LimitOverrunError(std::string("coir: ") + call + ": no separator in more than " +
                                        std::to_string(limit) + " bytes",
                                    searched);
        }
        buffer_.make_room();
        if (fill(call) == 0) return nowhere;
    }
}

std::optional<std::string> StreamState::read_line() {
    constexpr std::string_view newline = "\n";
    ReadTurn turn(*this, "readline");
    if (unusual_.read_failed) [[unlikely]]
        throw_read_error();
    const bool buffered = !buffer_.empty();
    try {
        const std::size_t size = find_block(&newline, 1, "readline");
        if (size == nowhere) {
            if (buffer_.empty()) return std::nullopt;
            return take_string(buffer_.size());
        }
        std::string line = take_string(size);
        if (buffered) scheduler().spend_credit();
        return line;
    } catch (const LimitOverrunError& error) {
        // The overlong line goes, so that a server can complain and continue with the next one.
        const std::string_view data = buffer_.view();
        const bool complete = error.consumed() < data.size() && data[error.consumed()] == '\n';
        buffer_.consume(complete ? error.consumed() + 1 : data.size());
        throw;
    }
}

std::string StreamState::read_until(const std::string_view* separators, std::size_t count) {
    ReadTurn turn(*this, "read_until");
    if (unusual_.read_failed) [[unlikely]]
        throw_read_error();
    const bool buffered = !buffer_.empty();
    const std::size_t size = find_block(separators, count, "read_until");
    if (size == nowhere) throw IncompleteReadError(take_string(buffer_.size()), 0);
    std::string block = take_string(size);
    if (buffered) scheduler().spend_credit();
    return block;
}

}  // namespace detail

[[gnu::hot]] std::size_t ByteStream::read_some(void* buffer, std::size_t size) {
    if (!state_) [[unlikely]] open_state("read");
    return state_->read_some(buffer, size);
}
std::string ByteStream::read(std::size_t n) { return open_state("read").read_string(n); }
std::string ByteStream::read_all(std::size_t max) { return open_state("read_all").read_all(max); }
void ByteStream::fill_exactly(void* buffer, std::size_t size) {
    open_state("read_exactly").read_exactly(static_cast<char*>(buffer), size);
}
std::string ByteStream::read_exactly(std::size_t n) {
    return open_state("read_exactly").read_exactly(n);
}
std::optional<std::string> ByteStream::readline() { return open_state("readline").read_line(); }
std::string ByteStream::read_until_any(const std::string_view* separators, std::size_t count) {
    return open_state("read_until").read_until(separators, count);
}

}  // namespace v0
}  // namespace coir
