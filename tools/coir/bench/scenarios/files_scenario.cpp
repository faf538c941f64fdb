// SPDX-License-Identifier: BSL-1.0
// The scenario files: random reads through the page cache and around it, and appends that are synced.
#include "bench/at_once.hpp"
#include "bench/scenarios/raw_servers.hpp"
#include "bench/scenarios/scenarios.hpp"
#include "bench/scenarios/scratch_file.hpp"

#include "raw/file_ring.hpp"

#include <coir/file.hpp>

#include <atomic>
#include <cstdlib>
#include <memory>
#include <new>
#include <random>
#include <span>
#include <stdexcept>

#include <fcntl.h>
#include <unistd.h>

namespace coir_tool {
namespace {

constexpr unsigned workers = 16;
constexpr std::size_t read_size = 4096;
constexpr std::size_t append_size = 512;
constexpr std::size_t file_size = 64 << 20;
constexpr std::uint64_t blocks = file_size / read_size;

// For everybody who reads; made when it is first needed.
struct SharedFile {
    coir_bench::UniqueFd fd;
    void make() {
        if (fd.get() < 0) fd = make_scratch_file(file_size);
    }
};

// A buffer as O_DIRECT wants it, and where to read next.
struct Reader {
    struct alignas(read_size) Block {
        char bytes[read_size];
    };
    std::unique_ptr<Block> block = std::make_unique<Block>();
    std::mt19937_64 random;

    std::span<char> buffer() { return block->bytes; }
    std::uint64_t next_offset() { return random() % blocks * read_size; }
};

std::vector<Reader> make_readers() {
    std::vector<Reader> readers(workers);
    for (unsigned i = 0; i < workers; ++i) readers[i].random.seed(i);
    return readers;
}

void require_whole(std::size_t got, std::size_t wanted) {
    if (got != wanted) throw std::runtime_error("a read or write came short");
}

coir::File as_coir_file(coir_bench::UniqueFd fd) { return coir::File(coir::Fd(fd.release())); }

// Where the calls are made: on a loop, in threads, in a ring.
std::vector<Measured> read_in_tasks(int fd, double seconds) {
    std::vector<Reader> readers = make_readers();
    coir::File file = as_coir_file(coir_bench::UniqueFd(fd));
    return {repeat_in_tasks(workers, seconds, [&](unsigned worker) {
        Reader& reader = readers[worker];
        require_whole(file.read_at(reader.buffer(), reader.next_offset()), read_size);
    })};
}

std::vector<Measured> read_in_threads(int fd, double seconds) {
    std::vector<Reader> readers = make_readers();
    return {repeat_in_threads(workers, seconds, [&](unsigned worker) {
        Reader& reader = readers[worker];
        const auto offset = static_cast<off_t>(reader.next_offset());
        const ssize_t got = ::pread(fd, reader.buffer().data(), read_size, offset);
        require_whole(static_cast<std::size_t>(got), read_size);
    })};
}

std::vector<Measured> run_in_ring(int fd, std::size_t block, std::uint64_t count, double seconds) {
    return {repeat_until(seconds, nullptr, [&](std::int64_t end_ns, coir_bench::Histogram& latency) {
        coir_bench::run_file_ring({fd, workers, block, count, end_ns}, latency);
    })};
}

std::vector<Measured> append_in_tasks(double seconds) {
    coir::File file = as_coir_file(make_scratch_file(0));
    const std::string record(append_size, 'q');
    std::uint64_t end = 0;
    return {repeat_in_tasks(workers, seconds, [&](unsigned) {
        file.write_at(record, std::exchange(end, end + append_size));
        file.fdatasync();
    })};
}

std::vector<Measured> append_in_threads(double seconds) {
    const coir_bench::UniqueFd file = make_scratch_file(0);
    const std::string record(append_size, 'q');
    std::atomic<off_t> end = 0;
    return {repeat_in_threads(workers, seconds, [&](unsigned) {
        const off_t offset = end.fetch_add(append_size);
        const ssize_t written = ::pwrite(file.get(), record.data(), append_size, offset);
        require_whole(static_cast<std::size_t>(written), append_size);
        coir_bench::check(::fdatasync(file.get()), "fdatasync");
    })};
}

std::vector<Measured> append_in_ring(double seconds) {
    const coir_bench::UniqueFd file = make_scratch_file(0);
    return run_in_ring(file.get(), append_size, 0, seconds);
}

constexpr const char* title =
    "16 at once on a file of 64 MiB: random reads of 4 KiB, appends of 512 bytes with fdatasync()";

// In a child: the file as it is to be used.
int open_for(const SharedFile& file, int flags) {
    return open_again(file.fd.get(), O_RDONLY | flags).release();
}

Workload reads(const std::shared_ptr<SharedFile>& file, const char* name, int flags) {
    Workload workload = loop_workload(
        "files", title, {{name, "reads/s", true, {}, 0}},
        [=](double seconds) { return read_in_tasks(open_for(*file, flags), seconds); },
        {{threads_baseline,
          [=](double seconds) { return read_in_threads(open_for(*file, flags), seconds); }},
         {uring_baseline, [=](double seconds) {
              return run_in_ring(open_for(*file, flags), read_size, blocks, seconds);
          }}});
    workload.measure = [file, measure = std::move(workload.measure)](
                           InterruptWatch& interrupt, const Subject& subject, double seconds) {
        try {
            file->make();
        } catch (const std::runtime_error& error) {
            throw ChildFailure(error.what());
        }
        return measure(interrupt, subject, seconds);
    };
    return workload;
}

}  // namespace

std::vector<Workload> files_workloads() {
    const auto file = std::make_shared<SharedFile>();
    return {reads(file, "cached reads", 0), reads(file, "O_DIRECT reads", O_DIRECT),
            loop_workload("files", title, {{"synced appends", "appends/s", true, {}, 0}},
                          append_in_tasks,
                          {{threads_baseline, append_in_threads}, {uring_baseline, append_in_ring}})};
}

}  // namespace coir_tool
