// SPDX-License-Identifier: BSL-1.0
// Files of a simulated world: folders in memory whose disk can be full or broken, and whose power can fail.
//
//     simulate(options, [] {
//         coir::testing::Files::mount("/var/lib/ledger");
//         coir::run([] { coir::write_file("/var/lib/ledger/a", "1"); });
//         coir::testing::Files::crash();
//         // What is there now? What was not synced may be gone.
//     });
#pragma once

#include <coir/detail/config.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace coir {
inline namespace v0 {
namespace testing {

/// The files of the running simulation. What a program does with coir's files below a mounted folder
/// happens in memory, with SimFaults::no_space and bad_disk; other paths are the machine's. Files that
/// are opened past coir (std::ofstream) are, too. There are no links, permissions or FIFOs.
///
/// Every call outside a simulation throws std::logic_error.
class COIR_API Files {
public:
    /// Everything below this absolute folder is the world's from now on, and there is nothing yet. A
    /// relative or empty path: std::invalid_argument. Again: it is emptied.
    static void mount(std::string_view folder);
    /// Puts a file there, with the folders above it, as if it had always been there (synced). Past
    /// faults. std::invalid_argument outside the mounted folders.
    static void write(std::string_view path, std::string_view bytes);
    /// What is in it. std::runtime_error when there is no such file.
    static std::string read(std::string_view path);
    /// Whether there is a file or folder.
    static bool exists(std::string_view path);
    /// The paths of all files, in the order of their names.
    static std::vector<std::string> list();
    /// How many bytes all files together may have from now on: beyond, ENOSPC.
    static void limit_space(std::uint64_t bytes);
    /// The power fails, as far as the disk is concerned: each file goes back to what its last fsync or
    /// fdatasync left, or keeps what is newer, or only the first bytes of that; each folder goes back to
    /// the names at its own last fsync, or keeps what is newer. Which is one of the choices. Open
    /// descriptors stay: a test ends its loop first.
    static void crash();
};

}  // namespace testing
}  // namespace v0
}  // namespace coir
