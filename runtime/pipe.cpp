// SPDX-License-Identifier: BSL-1.0
// Pipe.
#include <coir/pipe.hpp>

#include <fcntl.h>

#include <cerrno>
#include <coir/error.hpp>
#include <stdexcept>

#include "pipe_io.hpp"
#include "stream_state.hpp"

namespace coir {
inline namespace v0 {

Pipe::Pipe(Fd fd, const StreamOptions& options) {
    detail::Scheduler& scheduler = detail::running_scheduler("Pipe");
    if (options.limit == 0) throw std::invalid_argument("coir: a stream's limit must not be 0");
    detail::Sys& sys = scheduler.sys();
    const detail::PipeKind kind = detail::pipe_kind_of(sys, fd.get());
    Fd own;
    if (kind == detail::PipeKind::terminal && (sys.fcntl(fd.get(), F_GETFL) & O_NONBLOCK) == 0) {
        own = detail::reopen_terminal(sys, fd.get());
    }
    if (!own) own = std::move(fd);
    state_ = detail::LoopPtr<detail::StreamState>::make(scheduler, own.get(), options, kind)
                 .release();
    static_cast<void>(own.release());
    state_->set_original(std::move(fd));
}

Pipe Pipe::duplicate(int fd, const StreamOptions& options) {
    detail::Sys& sys = detail::running_scheduler("Pipe::duplicate").sys();
    const long copy = detail::check_io(sys.fcntl(fd, F_DUPFD_CLOEXEC), "making a pipe", fd);
    return Pipe(Fd(static_cast<int>(copy)), options);
}

void Pipe::close() {
    if (state_) state_->close_in_order();
}
void Pipe::abort() noexcept {
    if (state_) state_->reset_now();
}

}  // namespace v0
}  // namespace coir
