// SPDX-License-Identifier: BSL-1.0
// See in_flight.hpp.
#include "in_flight.hpp"

#include <cstdio>
#include <cstdlib>

#include <sys/socket.h>

namespace coir {
inline namespace v0 {
namespace detail {
namespace sim {
namespace {

bool receives(OpCode code) noexcept {
    return code == OpCode::recv || code == OpCode::recvmsg || code == OpCode::read ||
           code == OpCode::readv;
}

std::vector<iovec> memory_of(const Operation& operation) {
    switch (operation.code) {
        case OpCode::recv:
        case OpCode::send:
        case OpCode::read:
        case OpCode::write:
            return {{operation.buffer, operation.size}};
        case OpCode::readv:
        case OpCode::writev: {
            const auto* pieces = static_cast<const iovec*>(operation.buffer);
            return {pieces, pieces + operation.size};
        }
        case OpCode::recvmsg:
        case OpCode::sendmsg: {
            const auto& message = *static_cast<const msghdr*>(operation.buffer);
            return {message.msg_iov, message.msg_iov + message.msg_iovlen};
        }
        default:
            return {};
    }
}

}  // namespace

InFlight::Entry* InFlight::find(std::uint64_t token) const noexcept {
    const auto at = static_cast<std::uint32_t>(token);
    if (at >= entries_.size() || !entries_[at] || entries_[at]->token != token) return nullptr;
    return entries_[at].get();
}

void InFlight::die(const Entry& entry, const char* what) const noexcept {
    std::fprintf(stderr,
                 "coir: simulate: %s: '%s' on descriptor %d (%zu bytes); thread '%s', seed %llu\n", what,
                 to_string(entry.code), entry.fd, total_size(Pieces(entry.pieces)),
                 world_.threads.current_name().c_str(),
                 static_cast<unsigned long long>(world_.seed));
    std::abort();
}

void InFlight::add(const Operation& operation) {
    if (operation.reactor_data == 0) return;  // never got a place
    const auto at = static_cast<std::uint32_t>(operation.reactor_data);
    if (at >= entries_.size()) entries_.resize(at + 16);
    if (!entries_[at]) entries_[at] = std::make_unique<Entry>();
    Entry& entry = *entries_[at];
    const Node* node = world_.descriptors.find(operation.fd);
    entry.token = operation.reactor_data;
    entry.node = node ? node->id() : 0;
    entry.code = operation.code;
    entry.fd = operation.fd;
    entry.kernel_writes = receives(operation.code);
    entry.pieces = memory_of(operation);
    entry.guard.close(entry.pieces, entry.kernel_writes);
}

void InFlight::open(std::uint64_t token) {
    Entry* entry = find(token);
    if (entry && !entry->guard.open()) {
        die(*entry, "memory was touched that an operation in flight still uses");
    }
}

void InFlight::close(std::uint64_t token) {
    if (Entry* entry = find(token)) entry->guard.close(entry->pieces, entry->kernel_writes);
}

void InFlight::remove(std::uint64_t token) {
    open(token);
    if (Entry* entry = find(token)) entry->token = 0;
}

void InFlight::check_descriptor(std::uint64_t token, const Node* node) const {
    const Entry* entry = find(token);
    if (!entry || entry->node == (node ? node->id() : 0)) return;
    die(*entry, "a descriptor was closed, and its number used again, before the kernel had taken "
                "what waits on it");
}

}  // namespace sim
}  // namespace detail
}  // namespace v0
}  // namespace coir
