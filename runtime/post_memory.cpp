// SPDX-License-Identifier: BSL-1.0
// Memory for callbacks that other threads post. It is taken on one thread and given back on another,
// which a general allocator pays for with a lock and shared cache lines at every block. Here blocks
// travel back by the batch:
//
//   allocate: the thread's own blocks <-- a batch from the depot, or new memory
//   free:     the thread's own blocks --> a batch to the depot when there are more than one batch
//
// The depot is a stack that is only pushed to and emptied as a whole, so that it needs no lock and no
// counted pointers. Sanitizers see the allocator's own blocks.
#include "post_memory.hpp"

#include <coir/detail/callback.hpp>

#include <atomic>
#include <cstddef>
#include <new>
#include <utility>

namespace coir {
inline namespace v0 {
namespace detail {
namespace {

constexpr std::size_t block_size = 128;  // most callables; larger ones are not kept
constexpr std::size_t batch_size = 64;
constexpr std::size_t most_batches = 256;  // in the depot: 2 MiB
#if COIR_ASAN || COIR_TSAN
constexpr bool keeps_blocks = false;
#else
constexpr bool keeps_blocks = true;
#endif

struct Block {
    Block* next;        // of the same batch
    Block* next_batch;  // of a batch's first block
};

// What a thread has. Without a constructor or destructor, so that looking at it is one load.
struct Blocks {
    Block* first;
    std::size_t count;
    bool watched;  // AtThreadEnd has been made
    bool ended;    // the thread is about to end: nothing is kept any more
};
[[gnu::tls_model("initial-exec")]] constinit thread_local Blocks blocks{};

constinit std::atomic<Block*> depot{nullptr};
constinit std::atomic<std::size_t> batches{0};  // about so many are in the depot

void free_batch(Block* block) noexcept {
    while (block) ::operator delete(std::exchange(block, block->next));
}

void put_chain(Block* first, Block* last) noexcept {
    Block* head = depot.load(std::memory_order_relaxed);
    do {
        last->next_batch = head;
    } while (!depot.compare_exchange_weak(head, first, std::memory_order_release,
                                          std::memory_order_relaxed));
}

void put_batch(Block* batch) noexcept {
    if (batches.load(std::memory_order_relaxed) >= most_batches) return free_batch(batch);
    batches.fetch_add(1, std::memory_order_relaxed);
    put_chain(batch, batch);
}

// One batch; the others are put back. Who looks meanwhile finds nothing and takes new memory.
Block* take_batch() noexcept {
    if (!depot.load(std::memory_order_relaxed)) return nullptr;
    Block* const batch = depot.exchange(nullptr, std::memory_order_acquire);
    if (!batch) return nullptr;
    batches.fetch_sub(1, std::memory_order_relaxed);
    if (Block* const others = batch->next_batch) {
        Block* last = others;
        while (last->next_batch) last = last->next_batch;
        put_chain(others, last);
    }
    return batch;
}

struct AtThreadEnd {
    AtThreadEnd() = default;
    AtThreadEnd(const AtThreadEnd&) = delete;
    AtThreadEnd& operator=(const AtThreadEnd&) = delete;
    ~AtThreadEnd() {
        blocks.ended = true;
        free_batch(std::exchange(blocks.first, nullptr));
    }
};

[[gnu::noinline]] void watch_thread() noexcept {
    static thread_local AtThreadEnd at_end;
    blocks.watched = true;
}

[[gnu::noinline]] void* allocate_slowly() {
    if (keeps_blocks && !blocks.ended) {
        if (Block* const batch = take_batch()) {
            if (!blocks.watched) watch_thread();
            blocks.first = batch->next;
            blocks.count = batch_size - 1;
            return batch;
        }
    }
    return ::operator new(block_size);
}

[[gnu::noinline]] void free_slowly(Block* block) noexcept {
    if (!keeps_blocks || blocks.ended) return ::operator delete(block);
    if (!blocks.watched) watch_thread();
    if (blocks.count == batch_size) {
        put_batch(std::exchange(blocks.first, nullptr));
        blocks.count = 0;
    }
    block->next = blocks.first;
    blocks.first = block;
    ++blocks.count;
}

}  // namespace

void* CallbackBase::operator new(std::size_t size) {
    if (size > block_size) return ::operator new(size);
    Block* const block = blocks.first;
    if (!block) [[unlikely]] return allocate_slowly();
    blocks.first = block->next;
    --blocks.count;
    return block;
}

void CallbackBase::operator delete(void* memory, std::size_t size) noexcept {
    if (size > block_size) return ::operator delete(memory);
    Block* const block = ::new (memory) Block{blocks.first, nullptr};
    if (!blocks.watched || blocks.ended || blocks.count == batch_size) [[unlikely]] {
        return free_slowly(block);
    }
    blocks.first = block;
    ++blocks.count;
}

void release_post_memory() noexcept {
    free_batch(std::exchange(blocks.first, nullptr));
    blocks.count = 0;
    while (Block* const batch = take_batch()) free_batch(batch);
}

void* CallbackBase::operator new(std::size_t size, std::align_val_t alignment) {
    return ::operator new(size, alignment);
}
void CallbackBase::operator delete(void* memory, std::size_t, std::align_val_t alignment) noexcept {
    ::operator delete(memory, alignment);
}

}  // namespace detail
}  // namespace v0
}  // namespace coir
