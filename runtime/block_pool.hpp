// SPDX-License-Identifier: BSL-1.0
// Memory for control blocks and callbacks: free lists per size, cut from slabs.
//
// A loop's pool outlives the loop while handles still refer to its blocks. While the loop lives,
// only its thread allocates and frees; afterwards any thread may free.
#pragma once

#include <coir/detail/state.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <vector>

#if COIR_ASAN
#include <sanitizer/lsan_interface.h>
#endif

namespace coir {
inline namespace v0 {
namespace detail {

class BlockPool {
public:
    /// Sizes up to this are pooled; larger blocks come from operator new and have class 0.
    static constexpr std::size_t largest = largest_block;

    void* allocate(std::size_t size, std::uint16_t& block_class) {
        if (size > largest) {
            block_class = 0;
            return allocate_large(size);
        }
        const std::size_t index = block_class_of(size);
        block_class = static_cast<std::uint16_t>(index);
        if (from_the_system) {
            void* const memory = allocate_large(size);
#if COIR_ASAN
            __lsan_ignore_object(memory);  // a task that is abandoned leaves such blocks behind
#endif
            ++live_;
            return memory;
        }
        Free*& head = free_[index];
        if (!head) [[unlikely]] cut(index);
        Free* block = head;
        head = block->next;
        ++live_;
        return block;
    }
    /// `block_class` must not be 0.
    void free(void* memory, std::uint16_t block_class) noexcept {
        --live_;
        if (from_the_system) return free_large(memory);
        free_[block_class] = ::new (memory) Free{free_[block_class]};
    }
    static void free_large(void* memory) noexcept {
        ::operator delete(memory, std::align_val_t{alignment});
    }
    std::size_t live() const noexcept { return live_; }

private:
    // AddressSanitizer knows then what is no longer to be touched.
    static constexpr bool from_the_system = COIR_ASAN;
    static constexpr std::size_t alignment = 64;
    static constexpr std::size_t granule = block_granule;
    static constexpr std::size_t slab_bytes = 32 * 1024;
    struct Free {
        Free* next;
    };
    struct Release {
        void operator()(void* memory) const noexcept { free_large(memory); }
    };

    // Out of line, both, so that allocate() saves no registers for them.
    [[gnu::noinline]] static void* allocate_large(std::size_t size) {
        return ::operator new(size, std::align_val_t{alignment});
    }
    [[gnu::noinline]] void cut(std::size_t index) {
        const std::size_t size = index * granule;
        if (slabs_.size() == slabs_.capacity()) slabs_.reserve(16 + 2 * slabs_.size());
        char* memory =
            static_cast<char*>(::operator new(slab_bytes, std::align_val_t{alignment}));
        slabs_.emplace_back(memory);
        for (std::size_t offset = (slab_bytes / size) * size; offset >= size;) {
            offset -= size;
            free_[index] = ::new (memory + offset) Free{free_[index]};
        }
    }

    Free* free_[largest / granule + 1] = {};
    std::vector<std::unique_ptr<void, Release>> slabs_;
    std::size_t live_ = 0;
};

}  // namespace detail
}  // namespace v0
}  // namespace coir
