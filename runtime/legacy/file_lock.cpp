// SPDX-License-Identifier: BSL-1.0
// flockfile, ftrylockfile, funlockfile: recursive locks that belong to the task. What stdio does
// within its own functions is not seen: there the lock is the thread's, and is never held while a
// task is suspended, unless it has been taken here.
#include "anywhere.hpp"
#include "held_locks.hpp"
#include "owned_locks.hpp"

#include <cstdio>

namespace coir_legacy {
namespace {

constexpr OwnedKind of_file{
    true,
    [](void* file) noexcept {
        return real::ftrylockfile(static_cast<FILE*>(file)) == 0 ? 0 : EBUSY;
    },
    [](void* file) noexcept {
        real::funlockfile(static_cast<FILE*>(file));
        return 0;
    }};

}  // namespace

void anywhere::funlockfile(FILE* file) {
    note_given_back(file);
    if (unlock_owned(file, of_file) != Unlocked::unknown) return;
    real::funlockfile(file);
    wake(file, 1);
}

}  // namespace coir_legacy

namespace coir::inline v0::detail::calls::in_task {

using namespace coir_legacy;

void flockfile(Scheduler& loop, FILE* file) {
    if (lock_owned(loop, file, of_file, {}, true, "flockfile") == 0) note_taken(file);
}

int ftrylockfile(Scheduler& loop, FILE* file) {
    const int result = try_lock_owned(loop, file, of_file);
    if (result == 0) note_taken(file);
    return result == 0 ? 0 : -1;
}

}  // namespace coir::inline v0::detail::calls::in_task
