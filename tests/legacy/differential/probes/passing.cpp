// SPDX-License-Identifier: BSL-1.0
// Control data: descriptors that are passed, and their flags.
#include "common.hpp"

#include <sys/uio.h>

using namespace differential;

namespace {

struct Message {
    explicit Message(std::string data) : data_(std::move(data)) {
        piece_ = {data_.data(), data_.size()};
        header.msg_iov = &piece_;
        header.msg_iovlen = 1;
        header.msg_control = control_;
        header.msg_controllen = sizeof control_;
    }
    void put(int fd) {
        cmsghdr* control = CMSG_FIRSTHDR(&header);
        control->cmsg_level = SOL_SOCKET;
        control->cmsg_type = SCM_RIGHTS;
        control->cmsg_len = CMSG_LEN(sizeof fd);
        std::memcpy(CMSG_DATA(control), &fd, sizeof fd);
    }
    int take() {
        const cmsghdr* control = CMSG_FIRSTHDR(&header);
        int fd = -1;
        if (control) std::memcpy(&fd, CMSG_DATA(control), sizeof fd);
        return fd;
    }
    msghdr header{};

private:
    std::string data_;
    iovec piece_;
    alignas(cmsghdr) char control_[CMSG_SPACE(sizeof(int))] = {};
};

}  // namespace

PROBE("a descriptor is passed, with its flags", "recvmsg", "sendmsg") {
    Pair pair, passed;
    set_nonblocking(passed.fd[0], true);
    Actor sender = spawn([&] {
        pause_for(a_moment);
        Message message("x");
        message.put(passed.fd[0]);
        ::sendmsg(pair.fd[1], &message.header, 0);
    });
    Message message("?");
    report("recvmsg", ::recvmsg(pair.fd[0], &message.header, MSG_CMSG_CLOEXEC));
    const int got = message.take();
    char byte;
    report("read", ::read(got, &byte, 1));
    set_nonblocking(got, false);
    say("the flag is shared: %s", is_blocking(passed.fd[0]) ? "yes" : "no");
    Actor writer = spawn([&] {
        pause_for(20ms);
        ::write(passed.fd[1], "x", 1);
    });
    report("read, blocking", ::read(got, &byte, 1));
    ::close(got);
}

PROBE("control data goes with the first part only", "sendmsg", "recvmsg") {
    Pair pair;
    constexpr std::size_t size = 1 << 20;
    ssize_t sent = 0;
    Actor sender = spawn([&] {
        Message message(pattern(size));
        message.put(pair.fd[0]);
        sent = ::sendmsg(pair.fd[1], &message.header, 0);
    });
    Message first(std::string(1000, '?'));
    report("recvmsg", ::recvmsg(pair.fd[0], &first.header, 0));
    int descriptors = first.take() >= 0;
    ::close(first.take());
    std::size_t all = 1000;
    while (all < size) {
        Message more(std::string(100'000, '?'));
        const ssize_t got = ::recvmsg(pair.fd[0], &more.header, 0);
        if (got <= 0) break;
        all += static_cast<std::size_t>(got);
        descriptors += more.header.msg_controllen != 0;
    }
    sender.join();
    report("sendmsg", sent);
    say("%zu bytes, %d descriptors", all, descriptors);
}

PROBE("control data ends MSG_WAITALL", "recvmsg") {
    Pair pair;
    limit_time(pair.fd[0], SO_RCVTIMEO, 200ms);
    Actor sender = spawn([&] {
        Message message("abc");
        message.put(pair.fd[0]);
        ::sendmsg(pair.fd[1], &message.header, 0);
        pause_for(20ms);
        ::write(pair.fd[1], "defg", 4);
    });
    Message message(std::string(7, '?'));
    const ssize_t first = ::recvmsg(pair.fd[0], &message.header, MSG_WAITALL);
    report("recvmsg", first);
    ::close(message.take());
    sender.join();
    report("the rest", static_cast<long>(drain(pair.fd[0])));
}

PROBE("no room for control data", "recvmsg") {
    Pair pair;
    Message sent("x");
    sent.put(pair.fd[0]);
    ::sendmsg(pair.fd[1], &sent.header, 0);
    char byte;
    iovec piece{&byte, 1};
    msghdr header{};
    header.msg_iov = &piece;
    header.msg_iovlen = 1;
    report("recvmsg", ::recvmsg(pair.fd[0], &header, 0));
    say("cut off: %s", (header.msg_flags & MSG_CTRUNC) != 0 ? "yes" : "no");
}
