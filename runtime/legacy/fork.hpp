// SPDX-License-Identifier: BSL-1.0
// fork(): the locks of libcoir-legacy's own tables are held meanwhile, and in the child, where none of
// the waiting tasks are, the tables are emptied. Any thread; the order of locking is that of here.
#pragma once

namespace coir_legacy {

void lock_barriers() noexcept;
void unlock_barriers() noexcept;

void lock_initializers() noexcept;
void unlock_initializers() noexcept;
/// With the lock held.
void forget_initializers() noexcept;

void lock_shards() noexcept;
void unlock_shards() noexcept;
/// With the locks held.
void forget_waiters() noexcept;

}  // namespace coir_legacy
