// SPDX-License-Identifier: BSL-1.0
// read, readv, recv, recvfrom, recvmsg, recvmmsg on sockets.
#include "common.hpp"

#include <algorithm>
#include <vector>

#include <sys/uio.h>

using namespace differential;

namespace {

// An actor that writes the pieces one after another, with pauses before each.
Actor feed(int fd, std::vector<std::string> pieces) {
    return spawn([fd, pieces = std::move(pieces)] {
        for (const std::string& piece : pieces) {
            pause_for(15ms);
            ::send(fd, piece.data(), piece.size(), MSG_NOSIGNAL);
        }
    });
}

std::string text_of(const char* buffer, ssize_t size) {
    return std::string(buffer, static_cast<std::size_t>(std::max<ssize_t>(size, 0)));
}

}  // namespace

PROBE("read waits for data", "read") {
    Pair pair;
    Actor writer = feed(pair.fd[1], {"hello"});
    char buffer[10];
    const ssize_t size = ::read(pair.fd[0], buffer, sizeof buffer);
    report("read", size);
    say("%s", text_of(buffer, size).c_str());
}

PROBE("read gives what is there", "read") {
    Pair pair;
    ::write(pair.fd[1], "abcdef", 6);
    char buffer[4];
    report("read", ::read(pair.fd[0], buffer, 4));
    report("read the rest", ::read(pair.fd[0], buffer, 4));
    pair.close(1);
    report("read at the end", ::read(pair.fd[0], buffer, 4));
    report("read at the end again", ::read(pair.fd[0], buffer, 4));
}

PROBE("read of nothing returns at once", "read", "readv") {
    Pair pair;
    Pair datagrams(SOCK_DGRAM);
    PipePair pipe;
    char byte;
    iovec empty{&byte, 0};
    report("socket", ::read(pair.fd[0], &byte, 0));
    report("datagram socket", ::read(datagrams.fd[0], &byte, 0));
    report("pipe", ::read(pipe.fd[0], &byte, 0));
    report("readv, no room", ::readv(pair.fd[0], &empty, 1));
    report("readv, no piece", ::readv(pair.fd[0], &empty, 0));
    report("readv, pipe", ::readv(pipe.fd[0], &empty, 1));
}

PROBE("recv of nothing", "recv", "recvmsg") {
    Pair pair;
    limit_time(pair.fd[0], SO_RCVTIMEO, 30ms);
    char byte;
    report("recv, nothing there", ::recv(pair.fd[0], &byte, 0, 0));
    msghdr message{};
    report("recvmsg, nothing there", ::recvmsg(pair.fd[0], &message, 0));
    ::write(pair.fd[1], "x", 1);
    report("recv, something there", ::recv(pair.fd[0], &byte, 0, 0));
    report("recvmsg, something there", ::recvmsg(pair.fd[0], &message, 0));
    report("the byte", ::recv(pair.fd[0], &byte, 1, 0));
}

PROBE("readv fills piece after piece", "readv") {
    Pair pair;
    Actor writer = feed(pair.fd[1], {"abcdefg"});
    char a[2], b[3], c[9];
    const iovec pieces[] = {{a, 2}, {b, 3}, {c, 9}};
    report("readv", ::readv(pair.fd[0], pieces, 3));
    say("%.2s %.3s %.2s", a, b, c);
    report("negative count", ::readv(pair.fd[0], pieces, unknown(-1)));
    report("too many", ::readv(pair.fd[0], pieces, unknown(1025)));
}

PROBE("recv with MSG_WAITALL waits for everything", "recv") {
    Pair pair;
    Actor writer = feed(pair.fd[1], {"abc", "def", "ghij"});
    char buffer[10];
    const ssize_t size = ::recv(pair.fd[0], buffer, 10, MSG_WAITALL);
    report("recv", size);
    say("%s", text_of(buffer, size).c_str());
}

PROBE("recvfrom with MSG_WAITALL waits for everything", "recvfrom") {
    Listening listening;
    const int client = ::socket(AF_INET, SOCK_STREAM, 0);
    report("connect", ::connect(client, listening.generic(), sizeof listening.address));
    const int server = ::accept(listening.fd, nullptr, nullptr);
    Actor writer = feed(server, {"abc", "defg"});
    char buffer[7];
    sockaddr_in address{};
    socklen_t length = sizeof address;
    const ssize_t size = ::recvfrom(client, buffer, 7, MSG_WAITALL,
                                    reinterpret_cast<sockaddr*>(&address), &length);
    report("recvfrom", size);
    say("%s, length of the address %u", text_of(buffer, size).c_str(), length);
    writer.join();
    ::close(server);
    ::close(client);
}

PROBE("recvmsg with MSG_WAITALL waits for everything", "recvmsg") {
    Pair pair;
    Actor writer = feed(pair.fd[1], {"abc", "de", "fghij"});
    char a[4], b[6];
    iovec pieces[] = {{a, 4}, {b, 6}};
    msghdr message{};
    message.msg_iov = pieces;
    message.msg_iovlen = 2;
    report("recvmsg", ::recvmsg(pair.fd[0], &message, MSG_WAITALL));
    say("%.4s %.6s, flags %d", a, b, message.msg_flags);
}

PROBE("MSG_WAITALL stops at the end", "recv", "recvmsg") {
    Pair pair;
    Actor writer = spawn([&] {
        pause_for(15ms);
        ::write(pair.fd[1], "abc", 3);
        pause_for(15ms);
        ::shutdown(pair.fd[1], SHUT_WR);
    });
    char buffer[10];
    report("recv", ::recv(pair.fd[0], buffer, 10, MSG_WAITALL));
    report("recv again", ::recv(pair.fd[0], buffer, 10, MSG_WAITALL));
    iovec piece{buffer, 10};
    msghdr message{};
    message.msg_iov = &piece;
    message.msg_iovlen = 1;
    report("recvmsg", ::recvmsg(pair.fd[0], &message, MSG_WAITALL));
}

PROBE("MSG_WAITALL with SO_RCVTIMEO gives a part", "recv") {
    Pair pair;
    limit_time(pair.fd[0], SO_RCVTIMEO, 150ms);
    Actor writer = feed(pair.fd[1], {"abc"});
    char buffer[10];
    Stopwatch watch;
    report("recv", ::recv(pair.fd[0], buffer, 10, MSG_WAITALL));
    watch.expect("a part", 150ms);
    report("recv again", ::recv(pair.fd[0], buffer, 10, MSG_WAITALL));
    watch.expect("nothing", 300ms);
}

PROBE("MSG_WAITALL and MSG_PEEK", "recv") {
    Pair pair;
    ::write(pair.fd[1], "abc", 3);
    limit_time(pair.fd[0], SO_RCVTIMEO, 60ms);
    char buffer[10];
    report("peek, all", ::recv(pair.fd[0], buffer, 3, MSG_WAITALL | MSG_PEEK));
    report("more than there is", ::recv(pair.fd[0], buffer, 5, MSG_WAITALL | MSG_PEEK));
    report("recv", ::recv(pair.fd[0], buffer, 10, 0));
}

PROBE("MSG_WAITALL on datagrams gives one", "recv") {
    Pair pair(SOCK_DGRAM);
    Actor writer = feed(pair.fd[1], {"abc", "defg"});
    char buffer[10];
    report("recv", ::recv(pair.fd[0], buffer, 10, MSG_WAITALL));
    report("recv", ::recv(pair.fd[0], buffer, 10, MSG_WAITALL));
}

PROBE("MSG_PEEK leaves the data", "recv") {
    Pair pair;
    Actor writer = feed(pair.fd[1], {"abc"});
    char buffer[10];
    report("peek", ::recv(pair.fd[0], buffer, 2, MSG_PEEK));
    report("recv", ::recv(pair.fd[0], buffer, 10, 0));
}

PROBE("MSG_DONTWAIT does not wait", "recv", "recvfrom", "recvmsg") {
    Pair pair;
    char buffer[10];
    iovec piece{buffer, 10};
    msghdr message{};
    message.msg_iov = &piece;
    message.msg_iovlen = 1;
    report("recv", ::recv(pair.fd[0], buffer, 10, MSG_DONTWAIT));
    report("recvfrom", ::recvfrom(pair.fd[0], buffer, 10, MSG_DONTWAIT, nullptr, nullptr));
    report("recvmsg", ::recvmsg(pair.fd[0], &message, MSG_DONTWAIT));
    ::write(pair.fd[1], "abc", 3);
    report("all of more than there is", ::recv(pair.fd[0], buffer, 10, MSG_DONTWAIT | MSG_WAITALL));
}

PROBE("O_NONBLOCK is respected by all that receive", "read", "readv", "recv", "recvfrom", "recvmsg",
      "recvmmsg") {
    Pair pair;
    set_nonblocking(pair.fd[0], true);
    char buffer[10];
    iovec piece{buffer, 10};
    mmsghdr message{};
    message.msg_hdr.msg_iov = &piece;
    message.msg_hdr.msg_iovlen = 1;
    report("read", ::read(pair.fd[0], buffer, 10));
    report("readv", ::readv(pair.fd[0], &piece, 1));
    report("recv", ::recv(pair.fd[0], buffer, 10, 0));
    report("recv, all", ::recv(pair.fd[0], buffer, 10, MSG_WAITALL));
    report("recvfrom", ::recvfrom(pair.fd[0], buffer, 10, 0, nullptr, nullptr));
    report("recvmsg", ::recvmsg(pair.fd[0], &message.msg_hdr, 0));
    report("recvmmsg", ::recvmmsg(pair.fd[0], &message, 1, 0, nullptr));
    ::write(pair.fd[1], "abc", 3);
    report("recv a part of all", ::recv(pair.fd[0], buffer, 10, MSG_WAITALL));
    say("still so: %s", is_blocking(pair.fd[0]) ? "no" : "yes");
}

PROBE("SO_RCVTIMEO ends what receives", "read", "readv", "recv", "recvmsg", "recvmmsg") {
    Pair pair;
    limit_time(pair.fd[0], SO_RCVTIMEO, 30ms);
    Others others;
    char buffer[10];
    iovec piece{buffer, 10};
    mmsghdr message{};
    message.msg_hdr.msg_iov = &piece;
    message.msg_hdr.msg_iovlen = 1;
    Stopwatch watch;
    report("read", ::read(pair.fd[0], buffer, 10));
    watch.expect("read", 30ms);
    report("readv", ::readv(pair.fd[0], &piece, 1));
    report("recv", ::recv(pair.fd[0], buffer, 10, 0));
    report("recvmsg", ::recvmsg(pair.fd[0], &message.msg_hdr, 0));
    report("recvmmsg", ::recvmmsg(pair.fd[0], &message, 1, 0, nullptr));
    watch.expect("all five", 150ms);
    others.say_whether_they_ran();
    ::write(pair.fd[1], "x", 1);
    report("something there", ::recv(pair.fd[0], buffer, 10, 0));
}

PROBE("datagrams are cut off", "recv", "recvmsg") {
    Pair pair(SOCK_DGRAM);
    ::send(pair.fd[1], "abcdef", 6, 0);
    ::send(pair.fd[1], "ghijkl", 6, 0);
    ::send(pair.fd[1], "mnopqr", 6, 0);
    char buffer[3];
    report("recv", ::recv(pair.fd[0], buffer, 3, 0));
    report("its real size", ::recv(pair.fd[0], buffer, 3, MSG_TRUNC));
    iovec piece{buffer, 3};
    msghdr message{};
    message.msg_iov = &piece;
    message.msg_iovlen = 1;
    report("recvmsg", ::recvmsg(pair.fd[0], &message, 0));
    say("cut off: %s", (message.msg_flags & MSG_TRUNC) != 0 ? "yes" : "no");
}

PROBE("a datagram of nothing is not the end", "recv", "read") {
    Pair pair(SOCK_DGRAM);
    Actor writer = spawn([&] {
        pause_for(15ms);
        ::send(pair.fd[1], "", 0, 0);
        pause_for(15ms);
        ::send(pair.fd[1], "abc", 3, 0);
    });
    char buffer[10];
    report("recv", ::recv(pair.fd[0], buffer, 10, 0));
    report("read", ::read(pair.fd[0], buffer, 10));
}

PROBE("packets keep their boundaries", "recv", "send") {
    Pair pair(SOCK_SEQPACKET);
    Actor writer = feed(pair.fd[1], {"abc", "defg"});
    char buffer[10];
    report("recv", ::recv(pair.fd[0], buffer, 10, 0));
    report("recv, all", ::recv(pair.fd[0], buffer, 2, MSG_WAITALL));
    writer.join();
    pair.close(1);
    report("at the end", ::recv(pair.fd[0], buffer, 10, 0));
}

PROBE("recvfrom says who sent it", "recvfrom", "sendto") {
    const int a = ::socket(AF_INET, SOCK_DGRAM, 0);
    const int b = ::socket(AF_INET, SOCK_DGRAM, 0);
    sockaddr_in address{}, other{}, from{};
    for (const int fd : {a, b}) {
        sockaddr_in& mine = fd == a ? address : other;
        mine.sin_family = AF_INET;
        mine.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        ::bind(fd, reinterpret_cast<sockaddr*>(&mine), sizeof mine);
        socklen_t length = sizeof mine;
        ::getsockname(fd, reinterpret_cast<sockaddr*>(&mine), &length);
    }
    Actor sender = spawn([&] {
        pause_for(15ms);
        ::sendto(b, "hi", 2, 0, reinterpret_cast<sockaddr*>(&address), sizeof address);
    });
    char buffer[10];
    socklen_t length = sizeof from;
    report("recvfrom",
           ::recvfrom(a, buffer, 10, 0, reinterpret_cast<sockaddr*>(&from), &length));
    say("from b: %s, length %u", from.sin_port == other.sin_port ? "yes" : "no", length);
    sender.join();
    ::close(a);
    ::close(b);
}

PROBE("recvmmsg waits for all of them", "recvmmsg") {
    Pair pair(SOCK_DGRAM);
    Actor writer = feed(pair.fd[1], {"a", "bcd", "ef"});
    char buffers[3][10];
    iovec pieces[3];
    mmsghdr messages[3] = {};
    for (int i = 0; i < 3; ++i) {
        pieces[i] = {buffers[i], 10};
        messages[i].msg_hdr.msg_iov = &pieces[i];
        messages[i].msg_hdr.msg_iovlen = 1;
    }
    report("recvmmsg", ::recvmmsg(pair.fd[0], messages, 3, 0, nullptr));
    say("%u %u %u", messages[0].msg_len, messages[1].msg_len, messages[2].msg_len);
}

PROBE("recvmmsg with MSG_WAITFORONE waits for one", "recvmmsg") {
    Pair pair(SOCK_DGRAM);
    Actor writer = spawn([&] {
        pause_for(15ms);
        ::send(pair.fd[1], "a", 1, 0);
    });
    char buffers[3][10];
    iovec pieces[3];
    mmsghdr messages[3] = {};
    for (int i = 0; i < 3; ++i) {
        pieces[i] = {buffers[i], 10};
        messages[i].msg_hdr.msg_iov = &pieces[i];
        messages[i].msg_hdr.msg_iovlen = 1;
    }
    report("recvmmsg", ::recvmmsg(pair.fd[0], messages, 3, MSG_WAITFORONE, nullptr));
    timespec wrong{0, 1'000'000'000};
    report("a wrong timeout", ::recvmmsg(pair.fd[0], messages, 3, 0, &wrong));
}

PROBE("recvmmsg looks at its timeout after each message", "recvmmsg") {
    Pair pair(SOCK_DGRAM);
    Actor writer = spawn([&] {
        for (int i = 0; i < 3; ++i) {
            pause_for(100ms);
            ::send(pair.fd[1], "a", 1, 0);
        }
    });
    char buffer[10];
    iovec piece{buffer, 10};
    mmsghdr messages[3] = {};
    for (auto& message : messages) {
        message.msg_hdr.msg_iov = &piece;
        message.msg_hdr.msg_iovlen = 1;
    }
    timespec timeout{0, 5'000'000};
    report("recvmmsg", ::recvmmsg(pair.fd[0], messages, 3, 0, &timeout));
    say("left: %ld", timeout.tv_nsec);
}

PROBE("wrong arguments of what receives", "read", "recv", "readv", "recvmsg") {
    Pair pair;
    PipePair pipe;
    char byte;
    ::write(pair.fd[1], "xyz", 3);
    ::write(pipe.fd[1], "xyz", 3);
    const auto bad = bad_memory<char>();
    report("read, bad memory", ::read(pair.fd[0], bad, 1));
    report("read from a pipe, bad memory", ::read(pipe.fd[0], bad, 1));
    report("recv, bad memory", ::recv(pair.fd[0], bad, 1, 0));
    report("no descriptor", ::read(-1, &byte, 1));
    report("not open", ::recv(799, &byte, 1, 0));
    report("not a socket", ::recv(pipe.fd[0], &byte, 1, 0));
    report("only for writing", ::read(pipe.fd[1], &byte, 1));
    msghdr message{};
    report("recvmsg, not a socket", ::recvmsg(pipe.fd[0], &message, 0));
    const int fresh = ::socket(AF_INET, SOCK_STREAM, 0);
    report("not connected", ::recv(fresh, &byte, 1, 0));
    report("read, not connected", ::read(fresh, &byte, 1));
    ::close(fresh);
    Listening listening;
    report("a listener", ::recv(listening.fd, &byte, 1, 0));
}

PROBE("success leaves errno alone", "read", "recv", "poll") {
    Pair pair;
    Actor writer = feed(pair.fd[1], {"a", "b"});
    char byte;
    errno = E2BIG;
    ::read(pair.fd[0], &byte, 1);
    report_error("after read", errno);
    ::recv(pair.fd[0], &byte, 1, 0);
    report_error("after recv", errno);
    ::poll(nullptr, 0, 5);
    report_error("after poll", errno);
}

PROBE("shutdown wakes who reads", "read", "recv") {
    Pair pair;
    char byte;
    Actor reader = spawn([&] { report("read", ::read(pair.fd[0], &byte, 1)); });
    pause_for(a_moment);
    ::shutdown(pair.fd[0], SHUT_RD);
    reader.join();
    report("recv later", ::recv(pair.fd[0], &byte, 1, 0));
}

PROBE("the peer closes while somebody reads", "read") {
    Pair pair;
    char byte;
    Actor reader = spawn([&] { report("read", ::read(pair.fd[0], &byte, 1)); });
    pause_for(a_moment);
    pair.close(1);
}

PROBE("a reset connection", "recv", "send") {
    Listening listening;
    const int client = ::socket(AF_INET, SOCK_STREAM, 0);
    ::connect(client, listening.generic(), sizeof listening.address);
    const int server = ::accept(listening.fd, nullptr, nullptr);
    char byte;
    Actor reader = spawn([&] {
        report("recv", ::recv(client, &byte, 1, 0));
        report("recv again", ::recv(client, &byte, 1, 0));
        report("send", ::send(client, "x", 1, MSG_NOSIGNAL));
    });
    pause_for(a_moment);
    const linger at_once{1, 0};
    ::setsockopt(server, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    ::close(server);
    reader.join();
    ::close(client);
}

PROBE("two who read get one byte each", "read") {
    Pair pair;
    auto one = [&] {
        char byte;
        report("read", ::read(pair.fd[0], &byte, 1));
    };
    Actor a = spawn(one);
    Actor b = spawn(one);
    pause_for(a_moment);
    ::write(pair.fd[1], "xy", 2);
    a.join();
    b.join();
}

PROBE("two who read, one byte at a time", "recv") {
    Pair pair;
    auto one = [&] {
        char byte;
        report("recv", ::recv(pair.fd[0], &byte, 1, 0));
    };
    Actor a = spawn(one);
    Actor b = spawn(one);
    pause_for(a_moment);
    ::write(pair.fd[1], "x", 1);
    pause_for(a_moment);
    say("the second byte");
    ::write(pair.fd[1], "y", 1);
}

PROBE("reading and writing one socket at once", "read", "write") {
    Pair pair;
    fill(pair.fd[0]);
    Actor reader = spawn([&] {
        char byte;
        report("read", ::read(pair.fd[0], &byte, 1));
    });
    Actor writer = spawn([&] {
        pause_for(5ms);
        report("write", ::write(pair.fd[0], "x", 1));
    });
    pause_for(a_moment);
    ::write(pair.fd[1], "y", 1);
    reader.join();
    drain(pair.fd[1]);
}

PROBE("data out of band", "recv", "send") {
    Listening listening;
    const int client = ::socket(AF_INET, SOCK_STREAM, 0);
    ::connect(client, listening.generic(), sizeof listening.address);
    const int server = ::accept(listening.fd, nullptr, nullptr);
    char buffer[10];
    report("nothing there", ::recv(client, buffer, 1, MSG_OOB));
    report("send", ::send(server, "!", 1, MSG_OOB));
    ::send(server, "abc", 3, 0);
    report("recv", ::recv(client, buffer, 10, 0));
    report("out of band", ::recv(client, buffer, 1, MSG_OOB));
    ::close(server);
    ::close(client);
}
