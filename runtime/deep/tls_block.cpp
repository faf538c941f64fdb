// SPDX-License-Identifier: BSL-1.0
// See tls_block.hpp.
#include "tls_block.hpp"

#include "libc_layout.hpp"
#include "thread_pointer.hpp"

#include <climits>
#include <cstdlib>
#include <cstring>
#include <new>

#include <limits.h>
#include <locale.h>
#include <netdb.h>
#include <resolv.h>

namespace coir_deep {
namespace {

// No thread of the kernel has such a number, and yet it fits into what a mutex keeps of its owner.
constexpr int first_number = 0x20000000;
constexpr int last_number = 0x3fffffff;
int numbers_used = 0;

int new_number() noexcept {
    const int number = first_number + numbers_used;
    numbers_used = number == last_number ? 0 : numbers_used + 1;
    return number;
}

// libc's list of threads, into which each has a link. Of it a library that is loaded later learns
// whose blocks are to get its variables; fork() takes the calling thread out of it. Where the links
// are of the threads that libc gave stacks to, they are in another list, which is its own affair.
struct Link {
    Link* next;
    Link* previous;
};

Link& link_of(void* block) noexcept { return at<Link>(block, libc_layout.list); }

void put_into_list(void* block, void* behind) noexcept {
    Link& link = link_of(block);
    Link& before = link_of(behind);
    link.next = before.next;
    link.previous = &before;
    before.next->previous = &link;
    before.next = &link;
}

void take_out_of_list(void* block) noexcept {
    const Link& link = link_of(block);
    link.next->previous = link.previous;
    link.previous->next = link.next;
}

constexpr int rseq_unregistered = -2;  // "registration failed": never looked at

// What libc does for a thread that it makes, and the kernel for one that it starts.
void fill(void* block) noexcept {
    const LibcLayout& layout = libc_layout;
    void* const self = thread_pointer();
    at<void*>(block, tcb::self) = block;
    at<void*>(block, tcb::thread) = block;
    at<int>(block, tcb::multiple_threads) = 1;
    // One stack of one function may be left on one block and gone on with on another.
    at<void*>(block, tcb::stack_guard) = at<void*>(self, tcb::stack_guard);
    at<void*>(block, tcb::pointer_guard) = at<void*>(self, tcb::pointer_guard);
    at<int>(block, layout.tid) = new_number();
    at<char*>(block, layout.specific) =
        static_cast<char*>(block) + layout.specific - keys_per_table * sizeof(KeySlot);
    put_into_list(block, self);
    char* const robust = static_cast<char*>(block) + layout.robust_list;
    at<char*>(block, layout.robust_list) = robust;
    at<char*>(block, layout.robust_list - sizeof(void*)) = robust;
    if (layout.rseq != 0) at<int>(block, layout.rseq + 4) = rseq_unregistered;
}

bool give_resolver(void* block) noexcept {
    auto* state = static_cast<struct __res_state*>(std::calloc(1, sizeof(struct __res_state)));
    at<struct __res_state*>(block, libc_layout.resolver) = state;
    return state != nullptr;
}

KeySlot* table_of_keys(void* block, std::size_t table) noexcept {
    return at<KeySlot*>(block, libc_layout.specific + table * sizeof(void*));
}

// One round; whether there was a destructor to call.
bool call_key_destructors(void* block) {
    bool any = false;
    for (std::size_t i = 0; i < key_tables * keys_per_table; ++i) {
        KeySlot* const table = table_of_keys(block, i / keys_per_table);
        if (!table) continue;
        KeySlot& slot = table[i % keys_per_table];
        if (!slot.value) continue;
        void* const value = slot.value;
        slot.value = nullptr;
        const KeyEntry& key = libc_layout.keys[i];
        if (slot.sequence != key.sequence || !key.destructor) continue;
        any = true;
        key.destructor(value);
    }
    return any;
}

void free_key_tables(void* block) noexcept {
    for (std::size_t table = 1; table < key_tables; ++table) {
        std::free(table_of_keys(block, table));
        at<KeySlot*>(block, libc_layout.specific + table * sizeof(void*)) = nullptr;
    }
}

}  // namespace

void* make_tls_block() noexcept {
    void* const block = libc_layout.allocate_tls(nullptr);
    if (!block) return nullptr;
    fill(block);
    if (!give_resolver(block)) {
        take_out_of_list(block);
        libc_layout.deallocate_tls(block, true);
        return nullptr;
    }
    return block;
}

bool renew_tls_block(void* block) noexcept {
    const LibcLayout& layout = libc_layout;
    constexpr std::size_t most = 1024;
    if (layout.variables_size > most) return false;
    // What malloc and the resolver keep for the thread is taken over.
    char kept[most];
    char* const variables = static_cast<char*>(block) + layout.variables;
    std::memcpy(kept, variables, layout.variables_size);
    take_out_of_list(block);
    layout.deallocate_tls(block, false);
    std::memset(block, 0, layout.thread_size);
    if (!layout.allocate_tls(block)) return false;
    std::memcpy(variables, kept, layout.variables_size);
    fill(block);
    return true;
}

void begin_on_block() {
    errno_of(thread_pointer()) = 0;
    h_errno = 0;
    ::uselocale(LC_GLOBAL_LOCALE);
    libc_layout.init_ctype();
}

void end_on_block() {
    void* const block = thread_pointer();
    libc_layout.call_destructors();
    for (int round = 0; round < PTHREAD_DESTRUCTOR_ITERATIONS && call_key_destructors(block);
         ++round) {
    }
    // Those may have used thread-locals for the first time.
    libc_layout.call_destructors();
    free_key_tables(block);
}

int& errno_of(void* block) noexcept { return at<int>(block, libc_layout.error_number); }

}  // namespace coir_deep
