// SPDX-License-Identifier: BSL-1.0
// Locks of files, FIFOs, moving data between descriptors, message queues.
#include "common.hpp"

#include <atomic>

#include <aio.h>
#include <mqueue.h>
#include <sys/file.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/uio.h>

using namespace differential;

namespace {

int open_file(const TemporaryName& name) { return ::open(name.c_str(), O_RDWR | O_CREAT, 0600); }

// One holds a lock for a moment, the other one waits for it.
template <class Lock, class Unlock>
void contend(Lock lock, Unlock unlock) {
    TemporaryName name;
    const int first = open_file(name);
    const int second = open_file(name);
    std::atomic<bool> released{false};
    report("lock", lock(first, true));
    Actor other = spawn([&] {
        report("lock, without waiting", lock(second, false));
        report("lock", lock(second, true));
        say("released: %d", released.load());
        unlock(second);
    });
    pause_for(a_moment);
    released = true;
    unlock(first);
    other.join();
    ::close(first);
    ::close(second);
}

int set_lock(int fd, int command, short type) {
    struct flock lock {};
    lock.l_type = type;
    lock.l_whence = SEEK_SET;
    return ::fcntl(fd, command, &lock);
}

}  // namespace

PROBE("flock waits", "flock") {
    contend([](int fd, bool wait) { return ::flock(fd, wait ? LOCK_EX : LOCK_EX | LOCK_NB); },
            [](int fd) { ::flock(fd, LOCK_UN); });
}

PROBE("flock: shared, and wrong", "flock") {
    TemporaryName name;
    const int a = open_file(name), b = open_file(name);
    report("shared", ::flock(a, LOCK_SH));
    report("shared", ::flock(b, LOCK_SH));
    report("exclusive", ::flock(b, LOCK_EX | LOCK_NB));
    report("wrong", ::flock(a, 77));
    ::close(a);
    ::close(b);
    report("not open", ::flock(b, LOCK_EX));
}

PROBE("locks of open file descriptions wait", "fcntl") {
    contend(
        [](int fd, bool wait) { return set_lock(fd, wait ? F_OFD_SETLKW : F_OFD_SETLK, F_WRLCK); },
        [](int fd) { set_lock(fd, F_OFD_SETLK, F_UNLCK); });
}

PROBE("locks of the process wait for another process", "fcntl", "lockf") {
    TemporaryName name;
    const int fd = open_file(name);
    PipePair ready;
    const pid_t child = ::fork();
    if (child == 0) {
        set_lock(fd, F_SETLKW, F_WRLCK);
        ::write(ready.fd[1], "x", 1);
        const timespec moment{0, 200'000'000};
        ::nanosleep(&moment, nullptr);
        ::_exit(0);
    }
    char byte;
    ::read(ready.fd[0], &byte, 1);
    Others others;
    report("without waiting", set_lock(fd, F_SETLK, F_WRLCK) == -1 && errno == EAGAIN);
    report("fcntl", set_lock(fd, F_SETLKW, F_WRLCK));
    others.say_whether_they_ran();
    report("lockf, mine", ::lockf(fd, F_LOCK, 0));
    report("unlock", ::lockf(fd, F_ULOCK, 0));
    ::close(fd);
}

PROBE("opening a FIFO waits for the other end", "open") {
    TemporaryName name;
    ::mkfifo(name.c_str(), 0600);
    Actor writer = spawn([&] {
        pause_for(a_moment);
        const int fd = ::open(name.c_str(), O_WRONLY);
        ::write(fd, "abc", 3);
        pause_for(10ms);
        ::close(fd);
    });
    const int fd = ::open(name.c_str(), O_RDONLY);
    say("opened: %d, blocking %d", fd >= 0, is_blocking(fd));
    char buffer[10];
    report("read", ::read(fd, buffer, 10));
    report("the end", ::read(fd, buffer, 10));
    writer.join();
    ::close(fd);
    report("nobody reads", ::open(name.c_str(), O_WRONLY | O_NONBLOCK));
}

PROBE("opening a FIFO for writing waits for a reader", "open") {
    TemporaryName name;
    ::mkfifo(name.c_str(), 0600);
    Actor reader = spawn([&] {
        pause_for(a_moment);
        const int fd = ::open(name.c_str(), O_RDONLY);
        char buffer[10];
        say("got %ld", static_cast<long>(::read(fd, buffer, 10)));
        ::close(fd);
    });
    const int fd = ::open(name.c_str(), O_WRONLY);
    say("blocking %d", is_blocking(fd));
    ::write(fd, "abc", 3);
    reader.join();
    ::close(fd);
}

PROBE("sendfile into a full socket", "sendfile") {
    TemporaryName name;
    const int file = open_file(name);
    const std::string data = pattern(2'000'000);
    ::write(file, data.data(), data.size());
    Pair pair;
    bool good = false;
    Actor reader = spawn([&] {
        pause_for(20ms);
        good = read_pattern(pair.fd[1], data.size());
    });
    off_t offset = 0;
    const ssize_t sent = ::sendfile(pair.fd[0], file, &offset, data.size());
    reader.join();
    report("sendfile", sent);
    say("good %d, offset %ld", good, static_cast<long>(offset));
    ::close(file);
}

PROBE("splice waits for data and for room", "splice") {
    PipePair pipe;
    Pair pair;
    Actor writer = spawn([&] {
        pause_for(a_moment);
        ::write(pipe.fd[1], "abc", 3);
    });
    report("from a pipe", ::splice(pipe.fd[0], nullptr, pair.fd[0], nullptr, 100, 0));
    char buffer[10];
    report("read", ::read(pair.fd[1], buffer, 10));
    writer.join();
    Actor sender = spawn([&] {
        pause_for(a_moment);
        ::write(pair.fd[1], "defg", 4);
    });
    report("from a socket", ::splice(pair.fd[0], nullptr, pipe.fd[1], nullptr, 100, 0));
    report("without waiting",
           ::splice(pipe.fd[0], nullptr, pair.fd[0], nullptr, 100, SPLICE_F_NONBLOCK));
    report("without waiting",
           ::splice(pipe.fd[0], nullptr, pair.fd[0], nullptr, 100, SPLICE_F_NONBLOCK));
    report("no pipe", ::splice(pair.fd[0], nullptr, pair.fd[1], nullptr, 100, 0));
}

PROBE("tee and vmsplice", "tee", "vmsplice") {
    PipePair a, b;
    Actor writer = spawn([&] {
        pause_for(a_moment);
        iovec piece{const_cast<char*>("abc"), 3};
        ::vmsplice(a.fd[1], &piece, 1, 0);
    });
    report("tee", ::tee(a.fd[0], b.fd[1], 100, 0));
    char buffer[10];
    report("read a", ::read(a.fd[0], buffer, 10));
    report("read b", ::read(b.fd[0], buffer, 10));
    writer.join();
    fill(a.fd[1]);
    Actor reader = spawn([&] {
        pause_for(20ms);
        drain(a.fd[0]);
    });
    iovec piece{const_cast<char*>("xyz"), 3};
    report("vmsplice when full", ::vmsplice(a.fd[1], &piece, 1, 0));
}

PROBE("positions in files", "pread", "pwrite") {
    TemporaryName name;
    const int fd = open_file(name);
    report("pwrite", ::pwrite(fd, "hello", 5, 3));
    char buffer[10] = "";
    report("pread", ::pread(fd, buffer, 10, 4));
    say("%s", buffer);
    report("negative", ::pread(fd, buffer, 10, -1));
    PipePair pipe;
    report("a pipe", ::pread(pipe.fd[0], buffer, 10, 0));
    report("fsync", ::fsync(fd));
    report("fdatasync", ::fdatasync(fd));
    report("fsync of a pipe", ::fsync(pipe.fd[0]));
    ::close(fd);
}

PROBE("asynchronous files", "aio_suspend") {
    TemporaryName name;
    const int fd = open_file(name);
    PipePair pipe;
    char buffer[10];
    aiocb request{};
    request.aio_fildes = pipe.fd[0];
    request.aio_buf = buffer;
    request.aio_nbytes = 3;
    ::aio_read(&request);
    const aiocb* list[] = {&request};
    const timespec limit{0, 40'000'000};
    report("too early", ::aio_suspend(list, 1, &limit));
    Actor writer = spawn([&] {
        pause_for(a_moment);
        ::write(pipe.fd[1], "abc", 3);
    });
    report("suspend", ::aio_suspend(list, 1, nullptr));
    report_error("error", ::aio_error(&request));
    report("result", ::aio_return(&request));
    ::close(fd);
}

PROBE("message queues of System V", "msgrcv", "msgsnd") {
    struct Message {
        long type;
        char text[8];
    };
    const int queue = ::msgget(IPC_PRIVATE, 0600);
    Actor sender = spawn([&] {
        pause_for(a_moment);
        const Message message{2, "hello"};
        ::msgsnd(queue, &message, 5, 0);
    });
    Message message{};
    report("msgrcv", ::msgrcv(queue, &message, sizeof message.text, 0, 0));
    say("%ld %.5s", message.type, message.text);
    report("none", ::msgrcv(queue, &message, sizeof message.text, 0, IPC_NOWAIT));
    report("wrong type", ::msgsnd(queue, &message.text, 1, IPC_NOWAIT) == -1);
    Actor remover = spawn([&] {
        pause_for(a_moment);
        ::msgctl(queue, IPC_RMID, nullptr);
    });
    report("removed", ::msgrcv(queue, &message, sizeof message.text, 0, 0));
}

PROBE("semaphores of System V", "semop", "semtimedop") {
    const int set = ::semget(IPC_PRIVATE, 1, 0600);
    Actor poster = spawn([&] {
        pause_for(a_moment);
        sembuf up{0, 1, 0};
        ::semop(set, &up, 1);
    });
    sembuf down{0, -1, 0};
    report("semop", ::semop(set, &down, 1));
    const timespec limit{0, 40'000'000};
    Stopwatch watch;
    report("semtimedop", ::semtimedop(set, &down, 1, &limit));
    watch.expect("the limit", 40ms);
    down.sem_flg = IPC_NOWAIT;
    report("without waiting", ::semop(set, &down, 1));
    ::semctl(set, 0, IPC_RMID);
    report("removed", ::semop(set, &down, 1));
}

PROBE("message queues of POSIX", "mq_send", "mq_receive", "mq_timedsend", "mq_timedreceive") {
    const std::string name = "/coir-probe-" + std::to_string(::getpid());
    mq_attr attributes{};
    attributes.mq_maxmsg = 1;
    attributes.mq_msgsize = 8;
    const mqd_t queue = ::mq_open(name.c_str(), O_RDWR | O_CREAT | O_EXCL, 0600, &attributes);
    ::mq_unlink(name.c_str());
    say("open: %d", queue >= 0);
    Actor sender = spawn([&] {
        pause_for(a_moment);
        ::mq_send(queue, "abc", 3, 5);
    });
    char buffer[8];
    unsigned priority = 0;
    report("receive", ::mq_receive(queue, buffer, 8, &priority));
    say("priority %u", priority);
    sender.join();
    ::mq_send(queue, "a", 1, 0);
    timespec until{1, 0};
    report("full", ::mq_timedsend(queue, "b", 1, 0, &until));
    Actor receiver = spawn([&] {
        pause_for(a_moment);
        char taken[8];
        ::mq_receive(queue, taken, 8, nullptr);
    });
    report("send", ::mq_send(queue, "c", 1, 0));
    receiver.join();
    report("receive", ::mq_receive(queue, buffer, 8, nullptr));
    report("empty", ::mq_timedreceive(queue, buffer, 8, nullptr, &until));
    report("too small", ::mq_receive(queue, buffer, 2, nullptr));
    ::mq_close(queue);
}
