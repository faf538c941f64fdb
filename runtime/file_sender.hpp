// SPDX-License-Identifier: BSL-1.0
// sendfile(2) for Stream and Socket.
#pragma once

#include <coir/send_file.hpp>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string_view>

#include "loop_object.hpp"

namespace coir {
inline namespace v0 {
namespace detail {

/// One call. Counts what goes out in the `done` that it is given, and leaves the file's position
/// behind it when it ends, however it ends.
class FileSender {
public:
    /// Writes all, for the fallback, and counts.
    using Write = std::function<void(std::string_view, std::size_t&)>;

    /// `may_unblock`: the socket may be given O_NONBLOCK. Throws IoError for what is no file with
    /// positions, std::invalid_argument for an offset that no file has.
    FileSender(LoopFd& socket, bool may_unblock, int file, std::uint64_t offset,
               std::optional<std::uint64_t> count, std::size_t& done);
    FileSender(const FileSender&) = delete;
    FileSender& operator=(const FileSender&) = delete;
    ~FileSender();

    void run(SendFileFallback fallback, const Write& write);

private:
    std::uint64_t left() const noexcept { return count_ - done_; }
    bool unblock() noexcept;
    bool send_natively();
    void wait_for_room();
    void copy(const Write& write);

    LoopFd& socket_;
    const bool may_unblock_;
    const int file_;
    const std::uint64_t offset_;
    const std::uint64_t count_;
    std::size_t& done_;
};

}  // namespace detail
}  // namespace v0
}  // namespace coir
