// SPDX-License-Identifier: BSL-1.0
// Locks on files, FIFOs, pipes inside the kernel, message queues: who waits for them, waits as a task,
// and can be cancelled.
#include "probes.hpp"

#include <cerrno>
#include <csignal>
#include <string>
#include <vector>

#include <mqueue.h>
#include <sys/file.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "support/temporary_folder.hpp"

using namespace legacy_test;

namespace {

// What a call that waits says when its task is cancelled.
template <class F>
int error_of_cancelled(F&& call) {
    int error = 0;
    auto task = coir::create_task([&] {
        if (call() == -1) error = errno;
    });
    ::usleep(3000);
    CHECK_FALSE(task.done());
    static_cast<void>(task.cancel());
    coir::await(task);
    return error;
}

int open_file(const std::string& path) {
    return ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
}

}  // namespace

TEST_CASE("tasks take turns with the lock of a file", "[legacy]") {
    coir_test::TemporaryFolder folder;
    const std::string path = folder / "lock";
    coir_test::run_in_loop([&] {
        int inside = 0;
        int together = 0;
        int turns = 0;
        std::vector<coir::Task<void>> tasks;
        for (int i = 0; i < 20; ++i) {
            tasks.push_back(coir::create_task([&] {
                const int fd = open_file(path);
                if (::flock(fd, LOCK_EX) == 0) {
                    together += ++inside > 1;
                    ::usleep(500);
                    --inside;
                    ++turns;
                    ::flock(fd, LOCK_UN);
                }
                ::close(fd);
            }));
        }
        for (auto& task : tasks) coir::await(task);
        CHECK(together == 0);
        CHECK(turns == 20);
    });
}

TEST_CASE("locks that others hold are waited for, until the task is cancelled", "[legacy]") {
    coir_test::TemporaryFolder folder;
    const std::string path = folder / "lock";
    coir_test::run_in_loop([&] {
        const int mine = open_file(path);
        const int other = open_file(path);
        REQUIRE(::flock(mine, LOCK_EX) == 0);
        CHECK(::flock(other, LOCK_EX | LOCK_NB) == -1);
        CHECK(errno == EWOULDBLOCK);
        CHECK(error_of_cancelled([&] { return ::flock(other, LOCK_SH); }) == ECANCELED);

        struct flock lock {};
        lock.l_type = F_WRLCK;
        REQUIRE(::fcntl(mine, F_OFD_SETLK, &lock) == 0);
        CHECK(error_of_cancelled([&] {
                  struct flock same {};
                  same.l_type = F_WRLCK;
                  return ::fcntl(other, F_OFD_SETLKW, &same);
              }) == ECANCELED);
        auto waiter = coir::create_task([&] {
            struct flock same {};
            same.l_type = F_RDLCK;
            return ::fcntl(other, F_OFD_SETLKW, &same);
        });
        ::usleep(2000);
        lock.l_type = F_UNLCK;
        REQUIRE(::fcntl(mine, F_OFD_SETLK, &lock) == 0);
        CHECK(coir::await(waiter) == 0);
        ::close(mine);
        ::close(other);
    });
}

TEST_CASE("another process's lock is waited for", "[legacy]") {
    coir_test::TemporaryFolder folder;
    const std::string path = folder / "lock";
    coir_test::run_in_loop([&] {
        PipePair locked;
        PipePair enough;
        const pid_t child = ::fork();
        if (child == 0) {
            const int fd = open_file(path);
            if (::lockf(fd, F_LOCK, 10) != 0) ::_exit(1);
            static_cast<void>(!::write(locked.fd[1], "x", 1));
            char told;
            static_cast<void>(!::read(enough.fd[0], &told, 1));
            ::_exit(0);
        }
        char byte;
        REQUIRE(::read(locked.fd[0], &byte, 1) == 1);
        const int fd = open_file(path);
        CHECK(::lockf(fd, F_TEST, 10) == -1);
        CHECK(::lockf(fd, F_TLOCK, 10) == -1);
        Turns turns;
        // It has the lock until another task says so, which runs while this one waits.
        auto teller = coir::create_task([&] {
            ::usleep(5000);
            CHECK(::write(enough.fd[1], "x", 1) == 1);
        });
        CHECK(::lockf(fd, F_LOCK, 10) == 0);
        CHECK(turns.count() > 0);
        coir::await(teller);
        CHECK(::waitpid(child, nullptr, 0) == child);
        ::close(fd);
    });
}

TEST_CASE("both ends of a FIFO are opened by tasks of one loop", "[legacy]") {
    coir_test::TemporaryFolder folder;
    const std::string path = folder / "fifo";
    REQUIRE(::mkfifo(path.c_str(), 0600) == 0);
    coir_test::run_in_loop([&] {
        for (const bool reader_first : {true, false}) {
            const auto open_end = [&](bool reads) {
                return ::open(path.c_str(), (reads ? O_RDONLY : O_WRONLY) | O_CLOEXEC);
            };
            auto first = coir::create_task([&] { return open_end(reader_first); });
            ::usleep(5000);
            CHECK_FALSE(first.done());
            const int second_end = open_end(!reader_first);
            const int first_end = coir::await(first);
            const int reader = reader_first ? first_end : second_end;
            const int writer = reader_first ? second_end : first_end;
            CHECK(is_blocking(reader));
            CHECK(is_blocking(writer));
            CHECK(::write(writer, "abc", 3) == 3);
            char buffer[8];
            CHECK(::read(reader, buffer, sizeof buffer) == 3);
            ::close(writer);
            CHECK(::read(reader, buffer, sizeof buffer) == 0);
            ::close(reader);
        }
        CHECK(error_of_cancelled([&] { return ::open(path.c_str(), O_RDONLY); }) == ECANCELED);
        CHECK(error_of_cancelled([&] { return ::open(path.c_str(), O_WRONLY); }) == ECANCELED);
        // What does not wait, does not wait.
        CHECK(::open(path.c_str(), O_WRONLY | O_NONBLOCK) == -1);
        CHECK(errno == ENXIO);
        const int both = ::open(path.c_str(), O_RDWR);
        CHECK(both >= 0);
        ::close(both);
    });
}

TEST_CASE("FIFOs are opened together with another process", "[legacy]") {
    coir_test::TemporaryFolder folder;
    const std::string path = folder / "fifo";
    REQUIRE(::mkfifo(path.c_str(), 0600) == 0);
    coir_test::run_in_loop([&] {
        const pid_t child = ::fork();
        if (child == 0) {
            ::usleep(10'000);
            const int to = ::open(path.c_str(), O_WRONLY);
            if (::write(to, "x", 1) != 1) ::_exit(1);
            ::close(to);
            const int from = ::open(path.c_str(), O_RDONLY);
            char byte;
            ::_exit(::read(from, &byte, 1) == 1 ? 0 : 2);
        }
        char byte;
        const int from = ::open(path.c_str(), O_RDONLY);
        CHECK(::read(from, &byte, 1) == 1);
        CHECK(::read(from, &byte, 1) == 0);
        ::close(from);
        const int to = ::open(path.c_str(), O_WRONLY);
        CHECK(::write(to, "y", 1) == 1);
        int status = -1;
        CHECK(::waitpid(child, &status, 0) == child);
        CHECK(status == 0);
        ::close(to);
    });
}

TEST_CASE("splice and tee wait for data and for the end of it", "[legacy]") {
    coir_test::run_in_loop([] {
        PipePair from, to;
        CHECK(error_of_cancelled([&] {
                  return ::splice(from.fd[0], nullptr, to.fd[1], nullptr, 10, 0);
              }) == ECANCELED);
        CHECK(error_of_cancelled([&] { return ::tee(from.fd[0], to.fd[1], 10, 0); }) == ECANCELED);
        auto writer = coir::create_task([&] {
            ::usleep(2000);
            static_cast<void>(!::write(from.fd[1], "abc", 3));
            ::usleep(2000);
            from.close(1);
        });
        CHECK(::tee(from.fd[0], to.fd[1], 10, 0) == 3);
        CHECK(::splice(from.fd[0], nullptr, to.fd[1], nullptr, 10, 0) == 3);
        CHECK(::splice(from.fd[0], nullptr, to.fd[1], nullptr, 10, 0) == 0);
        CHECK(::tee(from.fd[0], to.fd[1], 10, 0) == 0);
        coir::await(writer);
        char buffer[8];
        CHECK(::read(to.fd[0], buffer, sizeof buffer) == 6);
        CHECK(::splice(from.fd[0], nullptr, to.fd[0], nullptr, 10, 0) == -1);
        CHECK(errno == EBADF);
    });
}

TEST_CASE("sendfile to a blocking socket delivers everything", "[legacy]") {
    coir_test::TemporaryFolder folder;
    const std::string path = folder / "data";
    const std::size_t size = 3'000'000;
    coir_test::run_in_loop([&] {
        std::string text(size, 'a');
        for (std::size_t i = 0; i < size; ++i) text[i] = static_cast<char>('a' + i % 23);
        const int file = open_file(path);
        REQUIRE(::write(file, text.data(), size) == static_cast<ssize_t>(size));
        ::lseek(file, 5, SEEK_SET);
        Pair pair;
        auto reader = coir::create_task([&] {
            std::string got(size, '\0');
            std::size_t have = 0;
            while (have < size) {
                const ssize_t more = ::recv(pair.fd[1], got.data() + have, size - have, 0);
                if (more <= 0) break;
                have += static_cast<std::size_t>(more);
            }
            got.resize(have);
            return got;
        });
        off_t offset = 3;
        CHECK(::sendfile(pair.fd[0], file, &offset, 2) == 2);
        CHECK(offset == 5);
        CHECK(::sendfile(pair.fd[0], file, nullptr, size) == static_cast<ssize_t>(size - 5));
        CHECK(::lseek(file, 0, SEEK_CUR) == static_cast<off_t>(size));
        CHECK(::sendfile(pair.fd[0], file, nullptr, 10) == 0);
        pair.close(0);
        CHECK(coir::await(reader) == text.substr(3));
        ::close(file);
        CHECK(::sendfile(pair.fd[1], -1, nullptr, 10) == -1);
        CHECK(errno == EBADF);
    });
}

TEST_CASE("queues and semaphores of System V", "[legacy]") {
    struct Text {
        long type;
        char text[8];
    };
    coir_test::run_in_loop([] {
        const int queue = ::msgget(IPC_PRIVATE, 0600);
        if (queue < 0) COIR_SKIP("no message queues here");
        Text message{5, "hello"};
        auto receiver = coir::create_task([&] {
            Text received{};
            const ssize_t size = ::msgrcv(queue, &received, sizeof received.text, 5, 0);
            return std::string(received.text) + std::to_string(size);
        });
        CHECK(error_of_cancelled([&] {
                  Text other;
                  return ::msgrcv(queue, &other, sizeof other.text, 6, 0);
              }) == ECANCELED);
        CHECK(::msgsnd(queue, &message, 6, 0) == 0);
        CHECK(coir::await(receiver) == "hello6");
        auto orphan = coir::create_task([&] {
            Text other;
            return ::msgrcv(queue, &other, sizeof other.text, 6, 0) == -1 ? errno : 0;
        });
        ::usleep(2000);
        ::msgctl(queue, IPC_RMID, nullptr);
        CHECK(coir::await(orphan) == EIDRM);

        const int set = ::semget(IPC_PRIVATE, 1, 0600);
        REQUIRE(set >= 0);
        sembuf take{0, -1, 0}, give{0, 1, 0}, try_take{0, -1, IPC_NOWAIT};
        CHECK(::semop(set, &try_take, 1) == -1);
        CHECK(errno == EAGAIN);
        auto taker = coir::create_task([&] { return ::semop(set, &take, 1); });
        ::usleep(2000);
        CHECK_FALSE(taker.done());
        CHECK(::semop(set, &give, 1) == 0);
        CHECK(coir::await(taker) == 0);
        const timespec limit{0, 20'000'000};
        const auto took = time_of([&] {
            CHECK(::semtimedop(set, &take, 1, &limit) == -1);
            CHECK(errno == EAGAIN);
        });
        CHECK(took >= 19ms);
        CHECK(error_of_cancelled([&] { return ::semop(set, &take, 1); }) == ECANCELED);
        ::semctl(set, 0, IPC_RMID);
    });
}

TEST_CASE("queues of POSIX", "[legacy]") {
    coir_test::run_in_loop([] {
        const std::string name = "/coir-test-" + std::to_string(::getpid());
        mq_attr attributes{};
        attributes.mq_maxmsg = 1;
        attributes.mq_msgsize = 8;
        const mqd_t queue = ::mq_open(name.c_str(), O_RDWR | O_CREAT | O_EXCL, 0600, &attributes);
        if (queue < 0) COIR_SKIP("no queues of POSIX here");
        ::mq_unlink(name.c_str());
        char buffer[8];
        unsigned priority = 0;
        auto receiver = coir::create_task([&] {
            return ::mq_receive(queue, buffer, sizeof buffer, &priority);
        });
        ::usleep(2000);
        CHECK(::mq_send(queue, "abc", 3, 4) == 0);
        CHECK(coir::await(receiver) == 3);
        CHECK(priority == 4);
        CHECK(::mq_send(queue, "x", 1, 0) == 0);
        auto sender = coir::create_task([&] { return ::mq_send(queue, "yz", 2, 0); });
        ::usleep(2000);
        CHECK_FALSE(sender.done());
        CHECK(::mq_receive(queue, buffer, sizeof buffer, nullptr) == 1);
        CHECK(coir::await(sender) == 0);
        CHECK(::mq_receive(queue, buffer, sizeof buffer, nullptr) == 2);
        timespec limit;
        ::clock_gettime(CLOCK_REALTIME, &limit);
        limit.tv_nsec += 20'000'000;
        if (limit.tv_nsec >= 1'000'000'000) {
            limit.tv_nsec -= 1'000'000'000;
            ++limit.tv_sec;
        }
        CHECK(::mq_timedreceive(queue, buffer, sizeof buffer, nullptr, &limit) == -1);
        CHECK(errno == ETIMEDOUT);
        CHECK(error_of_cancelled([&] {
                  return ::mq_receive(queue, buffer, sizeof buffer, nullptr);
              }) == ECANCELED);
        int error = 0;
        auto closed = coir::create_task([&] {
            if (::mq_receive(queue, buffer, sizeof buffer, nullptr) == -1) error = errno;
        });
        ::usleep(2000);
        CHECK(::mq_close(queue) == 0);
        coir::await(closed);
        CHECK(error == EBADF);
    });
}

TEST_CASE("signals that are not blocked are waited for, and the mask is as before", "[legacy]") {
    coir_test::run_in_loop([] {
        sigset_t set, before, after;
        ::sigemptyset(&set);
        ::sigaddset(&set, SIGUSR2);
        ::pthread_sigmask(SIG_SETMASK, nullptr, &before);
        const auto wait = [&] {
            int signo = 0;
            return ::sigwait(&set, &signo) == 0 ? signo : -1;
        };
        auto first = coir::create_task(wait);
        auto second = coir::create_task(wait);
        for (auto* waiter : {&first, &second}) {
            ::usleep(2000);
            ::pthread_kill(::pthread_self(), SIGUSR2);
            ::usleep(2000);
            static_cast<void>(waiter);
        }
        CHECK(coir::await(first) == SIGUSR2);
        CHECK(coir::await(second) == SIGUSR2);
        ::pthread_sigmask(SIG_SETMASK, nullptr, &after);
        CHECK(::sigismember(&after, SIGUSR2) == ::sigismember(&before, SIGUSR2));
        CHECK(error_of_cancelled([&] { return ::sigwaitinfo(&set, nullptr); }) == ECANCELED);
    });
}
