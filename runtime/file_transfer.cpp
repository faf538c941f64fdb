// SPDX-License-Identifier: BSL-1.0
// Files: reading and writing.
//
//   read, write --> transfer --+--> transfer_natively   the reactor takes file operations
//                              +--> transfer_cached     a small one, as far as it needs no disk
//                              +--> transfer_in_pool    the rest of it, on a thread
//                              `--> transfer_waiting    pipes and the like: by readiness
//
// Facts about files:
// - a read of a file is short at its end only, or when a signal came; with RWF_NOWAIT also where
//   the page cache ends.
// - RWF_NOWAIT is EOPNOTSUPP on many file systems: then a thread does all. With O_DIRECT it waits for
//   the disk all the same.
// - O_APPEND ignores offsets, and places each write(2) as a whole: such a write must not be divided.
#include <linux/fs.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <coir/error.hpp>
#include <limits>
#include <mutex>
#include <stdexcept>

#include "../reactors/registry.hpp"
#include "file_state.hpp"

#ifndef RWF_NOWAIT
#define RWF_NOWAIT 0x00000008
#endif

namespace coir {
inline namespace v0 {
namespace detail {
namespace {

constexpr std::size_t most_at_once = std::size_t{1} << 20;     // what a cancel may have to wait for
constexpr std::size_t most_on_the_loop = std::size_t{1} << 16;  // copied while other tasks wait
constexpr std::size_t most_in_one_call = 0x7ffff000;            // the kernel's own limit

void require_offset(std::uint64_t offset, const char* call) {
    if (offset <= static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) return;
    throw std::invalid_argument(std::string("coir: ") + call + " at offset " +
                                std::to_string(offset) + "; at most 2^63 - 1 is possible");
}

}  // namespace

void Transfer::next_piece(Operation& operation, int fd, std::size_t most) const noexcept {
    operation.code = code;
    operation.fd = fd;
    operation.buffer = data + done;
    operation.size = std::min(size - done, most);
    operation.offset = at_position() ? no_offset : offset + done;
}

bool Transfer::note(std::int64_t result) noexcept {
    if (result < 0) return false;
    if (result == 0) ended = true;
    done += static_cast<std::size_t>(result);
    return true;
}

void FileState::transfer_natively(Transfer& transfer) {
    while (!transfer.complete()) {
        TaskOperation operation;
        transfer.next_piece(operation, fd(), most_at_once);
        const std::int32_t result =
            perform_file_operation(scheduler(), operation, transfer.call);
        if (!transfer.note(result)) fail(result, transfer.call);
    }
}

// What goes without waiting. An error is left to the thread, which meets it too.
void FileState::transfer_cached(Transfer& transfer) noexcept {
    const iovec piece{transfer.data, transfer.size};
    const long at = transfer.at_position() ? -1L : static_cast<long>(transfer.offset);
    const long number = transfer.code == OpCode::read ? SYS_preadv2 : SYS_pwritev2;
    transfer.note(sys()(number, fd(), &piece, 1, at, 0L, RWF_NOWAIT));
}

// One job for all of it: a thread more or less per megabyte would cost more than the copying.
void FileState::transfer_in_pool(Transfer& transfer) {
    struct Job {
        Transfer& transfer;
        Sys& sys;
        const int fd;
        const std::size_t most;
        std::atomic<bool> stop{false};
        std::int32_t error = 0;

        void run() noexcept {
            while (!transfer.complete() && !stop.load(std::memory_order_relaxed)) {
                Operation operation;
                transfer.next_piece(operation, fd, most);
                const std::int32_t result = perform_blocking(operation, sys);
                if (transfer.note(result) || result == -EINTR) continue;
                error = result;
                return;
            }
        }
    };
    TaskBase& self = this_task(transfer.call);
    const std::size_t most = appends_ ? most_in_one_call : most_at_once;
    while (!transfer.complete()) {
        self.check_cancelled();  // a request that stopped the job may have been taken back
        Job job{transfer, scheduler().sys(), fd(), most};
        const auto ask_to_stop = [](void* stopped) noexcept {
            static_cast<Job*>(stopped)->stop.store(true, std::memory_order_relaxed);
        };
        make_calls_in_pool(
            scheduler(), [&job] { job.run(); }, transfer.call, ask_to_stop, &job);
        if (job.error < 0) fail(job.error, transfer.call);
    }
}

// One read is all; a write goes on until everything is out. io_uring would ignore an offset.
void FileState::transfer_waiting(Transfer& transfer) {
    if (!transfer.at_position() && !seekable_) fail(-ESPIPE, transfer.call);
    while (!transfer.complete()) {
        if (closing_) throw_io(-ECANCELED, transfer.call, -1, "the file was closed meanwhile");
        TaskOperation operation;
        transfer.next_piece(operation, fd(), most_in_one_call);
        const std::int32_t result = scheduler().perform(operation, transfer.call);
        // Closed; or a cancel request that was taken back.
        if (result == -ECANCELED || result == -EINTR) continue;
        if (!transfer.note(result)) fail(result, transfer.call);
        if (transfer.code == OpCode::read) return;
    }
}

void FileState::transfer(Transfer& transfer) {
    this_task(transfer.call).check_cancelled();
    if (transfer.size == 0) return scheduler().spend_credit();
    if (!on_disk_) return transfer_waiting(transfer);
    const bool appending = appends_ && transfer.code == OpCode::write;
    if (takes_files(scheduler()) && !appending) return transfer_natively(transfer);
    const bool may_be_cached = transfer.size <= most_on_the_loop && !appending && !direct_;
    if (may_be_cached) transfer_cached(transfer);
    if (transfer.complete()) return scheduler().spend_credit();
    transfer_in_pool(transfer);
}

std::size_t FileState::read(void* into, std::size_t size, std::uint64_t offset, const char* call) {
    if (offset != no_offset) require_offset(offset, call);
    const Use use(*this, call);
    Transfer wanted{OpCode::read, static_cast<char*>(into), size, offset, call};
    if (!wanted.at_position() || !on_disk_) {
        transfer(wanted);
        return wanted.done;
    }
    const std::unique_lock turn(position_);
    try {
        transfer(wanted);
    } catch (...) {
        // Nothing has been read: D3.
        if (wanted.done != 0) sys()(SYS_lseek, fd(), -static_cast<long>(wanted.done), SEEK_CUR);
        throw;
    }
    return wanted.done;
}

void FileState::write(std::string_view bytes, std::uint64_t offset, const char* call) {
    if (offset != no_offset) require_offset(offset, call);
    const Use use(*this, call);
    Transfer wanted{OpCode::write, const_cast<char*>(bytes.data()), bytes.size(), offset, call};
    try {
        std::unique_lock turn(position_, std::defer_lock);
        if (wanted.at_position() && on_disk_) turn.lock();
        transfer(wanted);
        // write(2) of something never says 0; who knows what a device does.
        if (wanted.done < wanted.size) fail(-EIO, call);
    } catch (const CancelledError& cancelled) {
        throw WriteCancelledError(cancelled.message(), wanted.done);
    } catch (IoError& error) {
        error.set_transferred(wanted.done);
        throw;
    }
}

std::uint64_t FileState::seek(std::int64_t offset, int whence) {
    const Use use(*this, "seek");
    const std::unique_lock turn(position_);
    // Only the end may have to be asked for elsewhere.
    const bool at_once = whence == SEEK_SET || whence == SEEK_CUR;
    long result = 0;
    if (at_once) {
        this_task("seek").check_cancelled();
        result = sys()(SYS_lseek, fd(), static_cast<long>(offset), whence);
        scheduler().spend_credit();
    } else {
        const int at = fd();
        result = call_in_pool(scheduler(), "seek", [at, offset, whence](Sys& sys) {
            return sys(SYS_lseek, at, static_cast<long>(offset), whence);
        });
    }
    if (result < 0) fail(result, "seek");
    return static_cast<std::uint64_t>(result);
}

}  // namespace detail
}  // namespace v0
}  // namespace coir
