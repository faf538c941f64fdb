// SPDX-License-Identifier: BSL-1.0
// A TLS block: what a thread pointer points at. libc's description of a thread (errno's and the
// other thread-locals' memory below it), made as libc makes those of its own threads.
//
// Blocks are used again and not given back: what malloc keeps for a thread is in libc's own
// variables, and libc exports nothing that would end it.
#pragma once

namespace coir_deep {

/// The thread pointer of a new block; null without memory.
void* make_tls_block() noexcept;
/// As good as new, with all thread-locals as they are at first; not the block in place. False: no
/// memory, and the block is gone.
bool renew_tls_block(void* block) noexcept;

/// What a new thread does first, on its block, and last.
void begin_on_block();
/// Destructors of thread-locals and of values of keys, as a thread's end runs them.
void end_on_block();

/// errno of a block, whichever is in place.
int& errno_of(void* block) noexcept;

}  // namespace coir_deep
