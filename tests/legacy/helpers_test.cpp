// SPDX-License-Identifier: BSL-1.0
// Functions of libc that hide a system call: eventfd_read, eventfd_write, syslog.
#include "probes.hpp"

#include <cerrno>
#include <string>

#include <sys/eventfd.h>
#include <syslog.h>

using namespace legacy_test;

TEST_CASE("eventfd_read and eventfd_write wait as a task", "[legacy]") {
    coir_test::run_in_loop([] {
        const int fd = ::eventfd(0, EFD_CLOEXEC);
        REQUIRE(fd >= 0);
        eventfd_t value = 0;
        auto reader = coir::create_task([&] { return ::eventfd_read(fd, &value); });
        ::usleep(2000);
        CHECK(::eventfd_write(fd, 7) == 0);
        CHECK(coir::await(reader) == 0);
        CHECK(value == 7);
        CHECK(::eventfd_write(fd, ~eventfd_t{0}) == -1);
        CHECK(errno == EINVAL);
        CHECK(::eventfd_write(fd, ~eventfd_t{0} - 1) == 0);
        auto writer = coir::create_task([&] { return ::eventfd_write(fd, 1); });
        ::usleep(2000);
        CHECK_FALSE(writer.done());
        CHECK(::eventfd_read(fd, &value) == 0);
        CHECK(coir::await(writer) == 0);
        CHECK(is_blocking(fd));
        ::close(fd);
        CHECK(::eventfd_read(fd, &value) == -1);
        CHECK(errno == EBADF);
    });
}

namespace {

// Standard error as a pipe, for what LOG_PERROR writes.
struct CapturedErrors {
    CapturedErrors() : saved(::dup(2)) { ::dup2(pipe.fd[1], 2); }
    CapturedErrors(const CapturedErrors&) = delete;
    CapturedErrors& operator=(const CapturedErrors&) = delete;
    ~CapturedErrors() { restore(); }
    void restore() {
        if (saved < 0) return;
        ::dup2(saved, 2);
        ::close(saved);
        saved = -1;
    }
    PipePair pipe;
    int saved;
};

std::string read_line(int fd) {
    std::string line;
    char byte = 0;
    while (line.size() < 10'000 && ::read(fd, &byte, 1) == 1 && byte != '\n') line += byte;
    return line;
}

}  // namespace

TEST_CASE("syslog sends what it sends without tasks", "[legacy]") {
    coir_test::run_in_loop([] {
        ::openlog("probe", LOG_PERROR, LOG_USER);
        std::string short_one, error, long_one;
        {
            CapturedErrors errors;
            ::syslog(LOG_INFO, "%s %d", "number", 7);
            errno = ENOENT;
            const std::string with_error = "why: %m";  // of libc, not of ISO C
            ::syslog(LOG_INFO, with_error.c_str(), 0);
            const bool kept = errno == ENOENT;
            ::syslog(LOG_INFO, "%s", std::string(3000, 'x').c_str());
            short_one = read_line(errors.pipe.fd[0]);
            error = read_line(errors.pipe.fd[0]);
            long_one = read_line(errors.pipe.fd[0]);
            errors.restore();
            CHECK(kept);
        }
        CHECK(short_one == "probe: number 7");
        CHECK(error == "probe: why: No such file or directory");
        CHECK(long_one == "probe: " + std::string(3000, 'x'));
        ::closelog();
    });
}

TEST_CASE("a logger that does not listen holds up the task, not the loop", "[legacy]") {
    coir_test::run_in_loop([] {
        ::openlog("probe", LOG_PERROR, LOG_USER);
        CapturedErrors errors;
        const int size = ::fcntl(errors.pipe.fd[1], F_GETPIPE_SZ);
        const std::string filling(static_cast<std::size_t>(size), 'f');
        const bool filled = ::write(errors.pipe.fd[1], filling.data(), filling.size()) == size;
        auto logger = coir::create_task([] { ::syslog(LOG_INFO, "at last"); });
        ::usleep(20'000);
        const bool waits = !logger.done();
        std::string drained(filling.size(), '\0');
        std::size_t got = 0;
        while (got < drained.size()) {
            const ssize_t more = ::read(errors.pipe.fd[0], drained.data() + got, drained.size() - got);
            if (more <= 0) break;
            got += static_cast<std::size_t>(more);
        }
        const std::string line = read_line(errors.pipe.fd[0]);
        coir::await(logger);
        errors.restore();
        CHECK(filled);
        CHECK(waits);
        CHECK(got == filling.size());
        CHECK(line == "probe: at last");
        ::closelog();
    });
}
