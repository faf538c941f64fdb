// SPDX-License-Identifier: BSL-1.0
// What a debugger, or another process, needs to know to list the tasks of a program: the contract
// between the library and tools such as the gdb script and `coir ps`.
//
// One table per process, exported as `coir_debug_table` and kept in the ELF section `.coir_debug`,
// so that it is found in stripped binaries and core files. A reader checks `magic` and
// `version`, walks the loops from `first_loop`, and from each loop its list of unfinished tasks. All
// offsets are bytes. Nothing is recorded at a switch: a parked stack is its own trace.
#pragma once

#include <coir/detail/config.hpp>

#include <cstdint>

namespace coir {
inline namespace v0 {
namespace detail {

struct DebugTable {
    char magic[8];              ///< "COIRDBG" and a zero
    std::uint32_t version;      ///< of this layout: 1
    std::uint32_t size;         ///< of this struct
    const void* first_loop;     ///< the newest loop, or null
    // In a loop:
    std::uint32_t loop_next;         ///< pointer to the next loop
    std::uint32_t loop_task_list;    ///< list head: two pointers, `prev` and `next`, to links
    std::uint32_t loop_current;      ///< pointer to the running task, or null
    std::uint32_t loop_tasks_alive;  ///< how many tasks (size_t)
    // In a task:
    std::uint32_t task_link;         ///< where the list's links point to
    std::uint32_t task_id;           ///< uint64
    std::uint32_t task_name;         ///< pointer to a std::string, or null
    std::uint32_t task_spawn_site;   ///< return address of what created it
    std::uint32_t task_park;         ///< pointer to what it waits for, or null
    std::uint32_t task_started;      ///< bool
    std::uint32_t task_stack_pointer;  ///< saved stack pointer of a suspended task
    std::uint32_t task_cancelling;     ///< uint32
    // In what is waited for:
    std::uint32_t park_what;     ///< pointer to a C string
    std::uint32_t park_awaited;  ///< pointer to the awaited task's or future's state, or null
    std::uint32_t state_of_task; ///< offset in a task of the state that `park_awaited` points to
    /// From a saved stack pointer to the saved program counter; -1: unknown. It depends on the
    /// version of Boost.Context and is found out when the first loop is made.
    std::int32_t saved_program_counter;
};

}  // namespace detail
}  // namespace v0
}  // namespace coir

extern "C" COIR_API coir::detail::DebugTable coir_debug_table;
