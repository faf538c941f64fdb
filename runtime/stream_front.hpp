// SPDX-License-Identifier: BSL-1.0
// The first cache line of a stream: all that a message touches of it.
#pragma once

#include <bit>
#include <cstdint>

#include "loop_object.hpp"

namespace coir {
inline namespace v0 {
namespace detail {

/// What the bytes go through.
enum class Transport : std::uint8_t {
    socket,
    pipe,  ///< anything that is read and written, not received and sent
};

/// All that keeps a transfer from being a plain one. On an open socket nothing of it is true, so that
/// one comparison asks for everything.
struct Unusual {
    bool eof = false;          ///< the peer's end of the stream has been read
    bool read_failed = false;  ///< StreamState::read_error_ is set
    bool buffered = false;     ///< the buffer has memory
    bool writing = false;      ///< somebody has the turn to write
    bool write_closed = false;
    bool closing = false;
    bool dropped = false;  ///< of a hosted one: the handle has gone
    bool exotic = false;   ///< neither TCP nor a Unix stream

    bool any_of(const Unusual& asked) const noexcept {
        return (std::bit_cast<std::uint64_t>(*this) & std::bit_cast<std::uint64_t>(asked)) != 0;
    }
    /// For receiving, whatever the buffer holds.
    bool for_receiving() const noexcept {
        return any_of({.eof = true,
                       .read_failed = true,
                       .closing = true,
                       .dropped = true,
                       .exotic = true});
    }
    bool for_reading() const noexcept {
        return any_of({.eof = true,
                       .read_failed = true,
                       .buffered = true,
                       .closing = true,
                       .dropped = true,
                       .exotic = true});
    }
    bool for_writing() const noexcept {
        return any_of({.writing = true,
                       .write_closed = true,
                       .closing = true,
                       .dropped = true,
                       .exotic = true});
    }
};
static_assert(sizeof(Unusual) == sizeof(std::uint64_t));

class StreamFront : public LoopFd {
protected:
    StreamFront(Scheduler& scheduler, int fd, std::uint8_t hints, Transport transport) noexcept
        : LoopFd(scheduler, fd), hints_(hints), transport_(transport) {
        unusual_.exotic = (hints & (hint_stream | hint_unix_stream)) == 0;
    }

    const std::uint8_t hints_;
    const Transport transport_;
    bool queued_ = false;  // a writer has waited for its turn since the queue was last found empty
    TaskBase* reader_ = nullptr;
    Unusual unusual_;
};
static_assert(sizeof(StreamFront) <= 64);

}  // namespace detail
}  // namespace v0
}  // namespace coir
