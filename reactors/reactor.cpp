// SPDX-License-Identifier: BSL-1.0
// The defaults of the optional parts of the Reactor interface.
#include <coir/reactor.hpp>

#include <cerrno>

namespace coir {
inline namespace v0 {

Reactor::~Reactor() = default;
void Reactor::attach() noexcept {}
bool Reactor::supports(OpCode code) const noexcept { return code == OpCode::poll; }
bool Reactor::try_now(Operation&) noexcept { return false; }
bool Reactor::submit(MultiOperation&) noexcept { return false; }
void Reactor::cancel(MultiOperation&) noexcept {}
void Reactor::return_buffer(std::uint32_t) noexcept {}
void Reactor::fd_closing(int) noexcept {}
int Reactor::pollable_fd() const noexcept { return -1; }
bool Reactor::has_unsent() const noexcept { return false; }
Nanoseconds Reactor::wait_pause() const noexcept { return Nanoseconds::zero(); }
void Reactor::forked_child() noexcept {}
void Reactor::counters(ReactorCounters&) const noexcept {}
detail::Sys* Reactor::world() noexcept { return nullptr; }
std::string Reactor::details() const { return {}; }
bool Reactor::begin(Operation& operation) noexcept {
    if (try_now(operation)) return true;
    submit(operation);
    return false;
}
std::int32_t Reactor::send_now(int, const void*, std::size_t) noexcept { return -EAGAIN; }
std::int32_t Reactor::receive_now(Operation&) noexcept { return -EAGAIN; }

const char* to_string(OpCode code) noexcept {
    switch (code) {
        case OpCode::nop: return "nop";
        case OpCode::poll: return "poll";
        case OpCode::read: return "read";
        case OpCode::write: return "write";
        case OpCode::readv: return "readv";
        case OpCode::writev: return "writev";
        case OpCode::recv: return "recv";
        case OpCode::send: return "send";
        case OpCode::recvmsg: return "recvmsg";
        case OpCode::sendmsg: return "sendmsg";
        case OpCode::accept: return "accept";
        case OpCode::connect: return "connect";
        case OpCode::shutdown: return "shutdown";
        case OpCode::close: return "close";
        case OpCode::open: return "open";
        case OpCode::fsync: return "fsync";
        case OpCode::stat: return "stat";
        case OpCode::count_: break;
    }
    return "?";
}

}  // namespace v0
}  // namespace coir
