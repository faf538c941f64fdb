// SPDX-License-Identifier: BSL-1.0
// Files past the page cache, where RWF_NOWAIT waits for the disk.
#include <fcntl.h>
#include <linux/fs.h>

#include <atomic>
#include <coir/coir.hpp>
#include <cstdlib>
#include <memory>
#include <string>

#include "support/catch.hpp"
#include "support/net.hpp"
#include "support/run.hpp"
#include "support/temporary_folder.hpp"
#include "support/world.hpp"

namespace {

// Counts the attempts that are made on the loop's thread: those with RWF_NOWAIT.
class WatchedSys final : public coir::detail::Sys {
public:
    long call(long number, long a, long b, long c, long d, long e, long f) noexcept override {
        const bool transfer = number == SYS_preadv2 || number == SYS_pwritev2;
        if (transfer && (f & RWF_NOWAIT) != 0) ++attempts;
        return coir::detail::real_sys().call(number, a, b, c, d, e, f);
    }
    std::atomic<int> attempts{0};
};
WatchedSys watched_sys;
const bool registered = coir_test::register_world<watched_sys>("watched");

constexpr std::size_t block = 4096;
using Block = std::unique_ptr<char, decltype(&std::free)>;

Block aligned_block() { return {static_cast<char*>(std::aligned_alloc(block, block)), &std::free}; }

}  // namespace

TEST_CASE("files: what goes past the page cache does not wait for the disk on the loop", "[file]") {
    REQUIRE(registered);
    coir::RunOptions options = coir_test::options();
    options.reactor = "watched";
    const coir_test::TemporaryFolder folder;
    const std::string path = folder / "data";
    coir_test::make_file(path, coir_test::pattern(block));
    bool tried = false;
    coir_test::run_in_loop(
        [&] {
            const Block buffer = aligned_block();
            try {
                auto file = coir::File::open(path, O_RDWR | O_DIRECT);
                watched_sys.attempts = 0;
                CHECK(file.read_at(std::span<char>(buffer.get(), block), 0) == block);
                CHECK(std::string(buffer.get(), block) == coir_test::pattern(block));
                file.write_at(std::string_view(buffer.get(), block), 0);
                CHECK(watched_sys.attempts == 0);
                tried = true;
            } catch (const coir::IoError& error) {
                if (error.code().value() != EINVAL) throw;  // a file system without O_DIRECT
            }
            auto cached = coir::File::open(path, O_RDWR);
            watched_sys.attempts = 0;
            CHECK(cached.read_at(std::span<char>(buffer.get(), block), 0) == block);
            CHECK(watched_sys.attempts == 1);
        },
        options);
    if (!tried) COIR_SKIP("the file system of " + path + " has no O_DIRECT");
}
