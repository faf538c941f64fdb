// SPDX-License-Identifier: BSL-1.0
// See loop_object.hpp. Also Fd and wait_fd.
#include "loop_object.hpp"

#include <poll.h>

#include <cerrno>
#include <coir/error.hpp>
#include <coir/fd.hpp>
#include <new>
#include <stdexcept>

#include "task_operation.hpp"

namespace coir {
inline namespace v0 {
namespace detail {

LoopObject::~LoopObject() = default;

void LoopObject::dispose() noexcept {
    Scheduler& scheduler = scheduler_;
    const std::uint16_t block_class = block_class_;
    void* memory = dynamic_cast<void*>(this);
    this->~LoopObject();
    free_state(scheduler, memory, block_class);
}

void LoopFd::close_now() noexcept {
    const int fd = std::exchange(fd_, -1);
    if (fd < 0) return;
    if (!scheduler().closed()) {
        scheduler().owned_fds().erase(fd);
        scheduler().fd_closing(fd);
    }
    sys().close(fd);
    on_close();
}

void LoopFd::throw_foreign(const char* call) {
    throw WrongThreadError(std::string("coir: ") + call + " on something that belongs to another loop");
}

void throw_io(long negative, const char* operation, int fd, std::string_view detail) {
    throw IoError(static_cast<int>(-negative), operation, fd, std::string(detail));
}

bool wait_until(WaitQueue& queue, const char* what, TimePoint deadline) {
    TaskBase& self = require_task(what);
    Scheduler& scheduler = self.scheduler();
    struct Limit : TimerNode {
        WaitNode node;
    } limit;
    limit.fire = [](TimerNode& timer) noexcept {
        WaitNode& node = static_cast<Limit&>(timer).node;
        ListLink& link = static_cast<Waiter&>(node);
        if (!link.linked()) return;  // woken in this very turn: that wins
        link.unlink();
        node.outcome = WaitOutcome::closed;
        node.task->scheduler().make_ready(*node.task);
    };
    if (deadline != never) scheduler.arm(limit, deadline);
    struct Disarm {
        Scheduler& scheduler;
        TimerNode& timer;
        ~Disarm() { scheduler.disarm(timer); }
    } disarm{scheduler, limit};
    queue.wait(limit.node, what);
    return limit.node.outcome == WaitOutcome::handed;
}

void close_fd(int fd) noexcept {
    Scheduler* scheduler = running_here;
    if (!scheduler) {
        real_sys().close(fd);
        return;
    }
    scheduler->fd_closing(fd);
    scheduler->sys().close(fd);
}

namespace {

int wait_for_events(int fd, int events, const char* call) {
    if ((events & 0xffff) == 0) throw std::invalid_argument("coir: wait_fd for no events");
    TaskBase& self = require_task(call);
    TaskOperation operation;
    operation.code = OpCode::poll;
    operation.fd = fd;
    operation.flags = static_cast<std::uint32_t>(events & 0xffff);
    const std::int32_t result = self.scheduler().perform(operation, call);
    if (result < 0) throw_io(result, call, fd);
    if ((result & POLLNVAL) != 0) throw_io(-EBADF, call, fd);
    return result;
}

}  // namespace

}  // namespace detail

int wait_fd(int fd, int events) { return detail::wait_for_events(fd, events, "wait_fd"); }
void wait_readable(int fd) { detail::wait_for_events(fd, POLLIN, "wait_readable"); }
void wait_writable(int fd) { detail::wait_for_events(fd, POLLOUT, "wait_writable"); }

}  // namespace v0
}  // namespace coir
