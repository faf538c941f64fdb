// SPDX-License-Identifier: BSL-1.0
// What is off by default: streams of stdio (`stdio`), and files on threads of the pool (`files`).
// COIR_LEGACY=all,stdio,files is set by whoever runs this program.
#include "descriptors.hpp"
#include "probes.hpp"

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

using namespace legacy_test;

namespace {

struct Close {
    void operator()(std::FILE* file) const { std::fclose(file); }
};
using File = std::unique_ptr<std::FILE, Close>;

class Folder {
public:
    Folder() { REQUIRE(::mkdtemp(path_.data())); }
    ~Folder() { std::filesystem::remove_all(path_); }
    std::string operator/(const char* name) const { return path_ + "/" + name; }

private:
    std::string path_ = "/tmp/coir-optional-XXXXXX";
};

std::string line_of(std::FILE* file) {
    char line[64] = "";
    return std::fgets(line, sizeof line, file) ? line : "";
}

int threads_of_process() {
    int count = 0;
    for ([[maybe_unused]] const auto& each : std::filesystem::directory_iterator("/proc/self/task")) {
        ++count;
    }
    return count;
}

constexpr int many = 20;

}  // namespace

TEST_CASE("streams of sockets wait as tasks", "[legacy][streams]") {
    coir_test::run_in_loop([] {
        std::vector<Pair> pairs(many);
        std::vector<coir::Task<std::string>> readers;
        const auto took = time_of([&] {
            for (Pair& pair : pairs) {
                readers.push_back(coir::create_task([&pair] {
                    const File file(::fdopen(::dup(pair.fd[0]), "r+"));
                    REQUIRE(file);
                    std::fputs("ask\n", file.get());
                    std::fflush(file.get());
                    return line_of(file.get());
                }));
            }
            coir::sleep(100ms);
            for (Pair& pair : pairs) {
                char asked[8];
                CHECK(::read(pair.fd[1], asked, sizeof asked) == 4);
                CHECK(::write(pair.fd[1], "answer\n", 7) == 7);
            }
            for (auto& reader : readers) CHECK(coir::await(reader) == "answer\n");
        });
        CHECK(took < at_most(1s));
    });
}

TEST_CASE("a stream that is full lets other tasks run", "[legacy][streams]") {
    coir_test::run_in_loop([] {
        PipePair pipe;
        auto writer = coir::create_task([&] {
            File file(::fdopen(::dup(pipe.fd[1]), "w"));
            for (int i = 0; i < 30'000; ++i) std::fprintf(file.get(), "line %05d\n", i);
            return std::fflush(file.get());
        });
        coir::yield_now();
        CHECK_FALSE(writer.done());
        const File file(::fdopen(::dup(pipe.fd[0]), "r"));
        for (int i = 0; i < 30'000; ++i) {
            char expected[16];
            std::snprintf(expected, sizeof expected, "line %05d\n", i);
            if (line_of(file.get()) != expected) FAIL("line " << i << " is another");
        }
        CHECK(coir::await(writer) == 0);
    });
}

TEST_CASE("fopen waits for the other end of a FIFO, and for its data", "[legacy]") {
    coir_test::run_in_loop([] {
        const Folder folder;
        const std::string path = folder / "fifo";
        REQUIRE(::mkfifo(path.c_str(), 0600) == 0);
        auto reader = coir::create_task([&] {
            const File file(std::fopen(path.c_str(), "r"));
            REQUIRE(file);
            std::string lines = line_of(file.get());
            lines += line_of(file.get());
            return lines;
        });
        coir::sleep(10ms);
        CHECK_FALSE(reader.done());
        {
            const File file(::fopen64(path.c_str(), "we"));
            REQUIRE(file);
            CHECK((::fcntl(::fileno(file.get()), F_GETFD) & FD_CLOEXEC) != 0);
            std::fputs("one\n", file.get());
            std::fflush(file.get());
            coir::sleep(10ms);
            std::fputs("two\n", file.get());
        }
        CHECK(coir::await(reader) == "one\ntwo\n");
    });
}

TEST_CASE("what a stream cannot be made of is told as by libc", "[legacy]") {
    coir_test::run_in_loop([] {
        const auto refused = [](auto&& open) {
            errno = 0;
            const File file(open());
            CHECK_FALSE(file);
            return errno;
        };
        PipePair pipe;
        CHECK(refused([&] { return ::fdopen(pipe.fd[0], "w"); }) == EINVAL);
        CHECK(refused([&] { return ::fdopen(pipe.fd[1], "r"); }) == EINVAL);
        CHECK(refused([&] { return ::fdopen(pipe.fd[1], "?"); }) == EINVAL);
        CHECK(refused([] { return ::fdopen(-1, "r"); }) == EBADF);
        CHECK(refused([] { return std::fopen("/no/such/file", "r"); }) == ENOENT);
        const Folder folder;
        const std::string path = folder / "plain";
        {
            const File file(std::fopen(path.c_str(), "w"));
            REQUIRE(file);
            CHECK(std::fputs("text\n", file.get()) >= 0);
        }
        const File file(std::fopen(path.c_str(), "r"));
        CHECK(line_of(file.get()) == "text\n");
        CHECK(refused([&] { return std::fopen(path.c_str(), "wx"); }) == EEXIST);
    });
}

TEST_CASE("files are read and written as without tasks", "[legacy]") {
    coir_test::run_in_loop([] {
        const Folder folder;
        const std::string path = folder / "file";
        const coir::Fd file(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
        const int fd = file.get();
        const int before = threads_of_process();
        CHECK(::write(fd, "0123456789", 10) == 10);
        CHECK(threads_of_process() > before);  // the pool's: nothing else starts one here
        CHECK(::pwrite(fd, "ab", 2, 4) == 2);
        iovec out[] = {{const_cast<char*>("X"), 1}, {const_cast<char*>("YZ"), 2}};
        CHECK(::pwritev(fd, out, 2, 10) == 3);
        CHECK(::writev(fd, out, 1) == 1);
        CHECK(::fsync(fd) == 0);
        CHECK(::fdatasync(fd) == 0);
        CHECK(::syncfs(fd) == 0);
        CHECK(::sync_file_range(fd, 0, 0, SYNC_FILE_RANGE_WRITE) == 0);
        char buffer[32] = "";
        CHECK(::pread(fd, buffer, sizeof buffer, 0) == 13);
        CHECK(std::string(buffer, 13) == "0123ab6789XYZ");
        char first[2], second[4];
        iovec in[] = {{first, 2}, {second, 4}};
        CHECK(::preadv(fd, in, 2, 3) == 6);
        CHECK(std::string(first, 2) + std::string(second, 4) == "3ab678");
        CHECK(::lseek(fd, 2, SEEK_SET) == 2);
        CHECK(::read(fd, buffer, 3) == 3);
        CHECK(std::string(buffer, 3) == "23a");
        CHECK(::readv(fd, in, 1) == 2);
        CHECK(::lseek(fd, 0, SEEK_CUR) == 7);
        CHECK(::read(fd, buffer, sizeof buffer) == 6);
        CHECK(::read(fd, buffer, sizeof buffer) == 0);
        CHECK(::pread(fd, buffer, sizeof buffer, 100) == 0);
        CHECK(::pread(fd, buffer, 0, 0) == 0);
        std::ifstream stream(path);
        std::string text;
        CHECK(std::getline(stream, text));
        CHECK(text == "0123ab6789XYZ");
    });
}

TEST_CASE("errors of files are libc's", "[legacy]") {
    coir_test::run_in_loop([] {
        char byte;
        const auto error = [](auto&& call) {
            errno = 0;
            CHECK(call() == -1);
            return errno;
        };
        PipePair pipe;
        CHECK(error([&] { return ::pread(-1, &byte, 1, 0); }) == EBADF);
        CHECK(error([&] { return ::pread(pipe.fd[0], &byte, 1, 0); }) == ESPIPE);
        CHECK(error([&] { return ::pread(pipe.fd[0], &byte, 1, -1); }) == EINVAL);
        CHECK(error([&] { return ::pwrite(pipe.fd[1], &byte, 1, 0); }) == ESPIPE);
        CHECK(error([&] { return ::pwrite(pipe.fd[1], &byte, 1, -1); }) == EINVAL);
        CHECK(error([&] { return ::fsync(pipe.fd[1]); }) == EINVAL);
        CHECK(error([&] { return ::fdatasync(-1); }) == EBADF);
        const coir::Fd folder(::open("/tmp", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
        CHECK(error([&] { return ::pread(folder.get(), &byte, 1, 0); }) == EISDIR);
        CHECK(error([&] { return ::read(folder.get(), &byte, 1); }) == EISDIR);
    });
}

TEST_CASE("a cancelled task does not begin to wait for a disk", "[legacy]") {
    coir_test::run_in_loop([] {
        const Folder folder;
        const coir::Fd file(::open((folder / "file").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
        int result = 0;
        int error = 0;
        auto task = coir::create_task([&] {
            static_cast<void>(coir::current_task().cancel());
            result = ::fsync(file.get());
            error = errno;
            coir::checkpoint();
        });
        CHECK_THROWS_AS(coir::await(task), coir::TaskCancelledError);
        CHECK(result == -1);
        CHECK(error == ECANCELED);
    });
}
