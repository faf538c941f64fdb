// SPDX-License-Identifier: BSL-1.0
// write, writev, send, sendto, sendmsg, sendmmsg on sockets.
#include "common.hpp"

#include <algorithm>
#include <atomic>
#include <vector>

#include <sys/uio.h>

using namespace differential;

namespace {

Actor reads_pattern(int fd, std::size_t size, std::size_t piece = 65536) {
    return spawn([=] {
        pause_for(10ms);
        say("read: %s", read_pattern(fd, size, piece) ? "good" : "bad");
    });
}

}  // namespace

PROBE("write delivers eight megabytes", "write") {
    Pair pair;
    constexpr std::size_t size = 8 << 20;
    Actor reader = reads_pattern(pair.fd[1], size);
    const ssize_t written = ::write(pair.fd[0], pattern(size).data(), size);
    reader.join();
    report("write", written);
}

PROBE("send delivers eight megabytes over TCP", "send") {
    Listening listening;
    const int client = ::socket(AF_INET, SOCK_STREAM, 0);
    ::connect(client, listening.generic(), sizeof listening.address);
    const int server = ::accept(listening.fd, nullptr, nullptr);
    constexpr std::size_t size = 8 << 20;
    Actor reader = reads_pattern(server, size, 50'000);
    const ssize_t sent = ::send(client, pattern(size).data(), size, 0);
    reader.join();
    report("send", sent);
    ::close(server);
    ::close(client);
}

PROBE("writev delivers all pieces", "writev") {
    Pair pair;
    const std::string data = pattern(4'000'000);
    Actor reader = reads_pattern(pair.fd[1], data.size(), 30'000);
    std::vector<iovec> pieces;
    std::size_t at = 0;
    for (std::size_t i = 0; i < 400; ++i, at += 10'000) {
        pieces.push_back({const_cast<char*>(data.data()) + at, 10'000});
    }
    const ssize_t written = ::writev(pair.fd[0], pieces.data(), 400);
    reader.join();
    report("writev", written);
    report("negative count", ::writev(pair.fd[0], pieces.data(), unknown(-1)));
    report("too many", ::writev(pair.fd[0], pieces.data(), unknown(1025)));
}

PROBE("sendmsg delivers all pieces", "sendmsg") {
    Pair pair;
    const std::string data = pattern(2'000'000);
    Actor reader = reads_pattern(pair.fd[1], data.size());
    char* start = const_cast<char*>(data.data());
    iovec pieces[] = {{start, 0}, {start, 999'999}, {start + 999'999, 1'000'001}};
    msghdr message{};
    message.msg_iov = pieces;
    message.msg_iovlen = 3;
    const ssize_t sent = ::sendmsg(pair.fd[0], &message, 0);
    reader.join();
    report("sendmsg", sent);
    say("untouched: %s", pieces[1].iov_base == start && pieces[1].iov_len == 999'999 ? "yes" : "no");
    message.msg_iovlen = 1025;
    report("too many", ::sendmsg(pair.fd[0], &message, 0));
}

PROBE("O_NONBLOCK is respected by all that send", "write", "writev", "send", "sendto", "sendmsg",
      "sendmmsg") {
    Pair pair;
    fill(pair.fd[0]);
    set_nonblocking(pair.fd[0], true);
    char byte = 'x';
    iovec piece{&byte, 1};
    mmsghdr message{};
    message.msg_hdr.msg_iov = &piece;
    message.msg_hdr.msg_iovlen = 1;
    report("write", ::write(pair.fd[0], &byte, 1));
    report("writev", ::writev(pair.fd[0], &piece, 1));
    report("send", ::send(pair.fd[0], &byte, 1, 0));
    report("sendto", ::sendto(pair.fd[0], &byte, 1, 0, nullptr, 0));
    report("sendmsg", ::sendmsg(pair.fd[0], &message.msg_hdr, 0));
    report("sendmmsg", ::sendmmsg(pair.fd[0], &message, 1, 0));
    say("still so: %s", is_blocking(pair.fd[0]) ? "no" : "yes");
}

PROBE("O_NONBLOCK: a part is sent", "write", "send") {
    Pair pair;
    set_nonblocking(pair.fd[0], true);
    const std::string data = pattern(4 << 20);
    const ssize_t size = ::write(pair.fd[0], data.data(), data.size());
    say("a part: %s", size > 0 && size < (4 << 20) ? "yes" : "no");
    report("nothing", ::send(pair.fd[0], data.data(), data.size(), 0));
}

PROBE("MSG_DONTWAIT sends a part or nothing", "send", "sendmsg", "sendto") {
    Pair pair;
    const std::string data = pattern(4 << 20);
    const ssize_t size = ::send(pair.fd[0], data.data(), data.size(), MSG_DONTWAIT);
    say("a part: %s", size > 0 && size < (4 << 20) ? "yes" : "no");
    report("send", ::send(pair.fd[0], data.data(), data.size(), MSG_DONTWAIT));
    report("sendto", ::sendto(pair.fd[0], data.data(), 1 << 20, MSG_DONTWAIT, nullptr, 0));
    msghdr message{};
    iovec piece{const_cast<char*>(data.data()), data.size()};
    message.msg_iov = &piece;
    message.msg_iovlen = 1;
    report("sendmsg", ::sendmsg(pair.fd[0], &message, MSG_DONTWAIT));
}

PROBE("SO_SNDTIMEO ends what sends", "write", "writev", "send", "sendmsg") {
    Pair pair;
    limit_time(pair.fd[0], SO_SNDTIMEO, 30ms);
    Others others;
    const std::string data = pattern(4 << 20);
    Stopwatch watch;
    const ssize_t size = ::write(pair.fd[0], data.data(), data.size());
    watch.expect("a part", 30ms);
    say("a part: %s", size > 0 && size < (4 << 20) ? "yes" : "no");
    iovec piece{const_cast<char*>(data.data()), data.size()};
    msghdr message{};
    message.msg_iov = &piece;
    message.msg_iovlen = 1;
    report("write", ::write(pair.fd[0], data.data(), data.size()));
    report("writev", ::writev(pair.fd[0], &piece, 1));
    report("send", ::send(pair.fd[0], data.data(), data.size(), 0));
    report("sendmsg", ::sendmsg(pair.fd[0], &message, 0));
    watch.expect("all five", 150ms);
    others.say_whether_they_ran();
}

PROBE("the peer has gone", "write", "send", "sendmsg", "writev") {
    Pair pair;
    pair.close(1);
    Handler broken(SIGPIPE);
    iovec piece{const_cast<char*>("x"), 1};
    msghdr message{};
    message.msg_iov = &piece;
    message.msg_iovlen = 1;
    report("write", ::write(pair.fd[0], "x", 1));
    report("writev", ::writev(pair.fd[0], &piece, 1));
    report("send", ::send(pair.fd[0], "x", 1, 0));
    say("signals: %d", broken.count());
    report("send quietly", ::send(pair.fd[0], "x", 1, MSG_NOSIGNAL));
    report("sendmsg quietly", ::sendmsg(pair.fd[0], &message, MSG_NOSIGNAL));
    say("signals: %d", broken.count());
}

PROBE("the peer goes while somebody writes", "write") {
    Pair pair;
    Handler broken(SIGPIPE);
    const std::string data = pattern(4 << 20);
    Actor peer = spawn([&] {
        pause_for(a_moment);
        pair.close(1);
    });
    const ssize_t size = ::write(pair.fd[0], data.data(), data.size());
    say("a part: %s", size > 0 && size < (4 << 20) ? "yes" : "no");
    say("signals: %d", broken.count());
    report("write again", ::write(pair.fd[0], "x", 1));
    say("signals: %d", broken.count());
}

PROBE("a full socket whose peer goes", "write") {
    Pair pair;
    Handler broken(SIGPIPE);
    fill(pair.fd[0]);
    Actor peer = spawn([&] {
        pause_for(a_moment);
        pair.close(1);
    });
    report("write", ::write(pair.fd[0], "x", 1));
    say("signals: %d", broken.count());
}

PROBE("shutdown wakes who writes", "write", "send") {
    Pair pair;
    Handler broken(SIGPIPE);
    fill(pair.fd[0]);
    Actor other = spawn([&] {
        pause_for(a_moment);
        ::shutdown(pair.fd[0], SHUT_WR);
    });
    report("write", ::write(pair.fd[0], "x", 1));
    say("signals: %d", broken.count());
    report("send later", ::send(pair.fd[0], "x", 1, MSG_NOSIGNAL));
}

PROBE("writes of nothing", "write", "send", "writev", "sendmsg") {
    Handler broken(SIGPIPE);
    Pair pair;
    Pair datagrams(SOCK_DGRAM);
    PipePair pipe;
    const iovec empty{nullptr, 0};
    report("socket", ::write(pair.fd[0], "", 0));
    report("send", ::send(pair.fd[0], "", 0, 0));
    report("writev", ::writev(pair.fd[0], &empty, 1));
    report("writev, no piece", ::writev(pair.fd[0], nullptr, 0));
    report("pipe", ::write(pipe.fd[1], "", 0));
    msghdr message{};
    report("sendmsg", ::sendmsg(pair.fd[0], &message, 0));
    report("datagram", ::send(datagrams.fd[0], "", 0, 0));
    report("datagram by write", ::write(datagrams.fd[0], "", 0));
    report("datagram by writev", ::writev(datagrams.fd[0], &empty, 1));
    char byte;
    int count = 0;
    while (::recv(datagrams.fd[1], &byte, 1, MSG_DONTWAIT) == 0) ++count;
    say("datagrams: %d", count);
    pair.close(1);
    report("the peer has gone", ::write(pair.fd[0], "", 0));
    say("signals: %d", broken.count());
}

PROBE("a datagram that is too big", "send", "write") {
    Pair pair(SOCK_DGRAM);
    const std::string data(4 << 20, 'x');
    report("send", ::send(pair.fd[0], data.data(), data.size(), 0));
    report("write", ::write(pair.fd[0], data.data(), data.size()));
    const int udp = ::socket(AF_INET, SOCK_DGRAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(9);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    report("sendto", ::sendto(udp, data.data(), 70'000, 0, reinterpret_cast<sockaddr*>(&address),
                              sizeof address));
    report("no address", ::send(udp, "x", 1, 0));
    ::close(udp);
}

PROBE("a full queue of datagrams", "send", "write") {
    Pair pair(SOCK_DGRAM);
    set_nonblocking(pair.fd[0], true);
    while (::send(pair.fd[0], "x", 1, 0) == 1) {}
    report_error("full", errno);
    set_nonblocking(pair.fd[0], false);
    Actor reader = spawn([&] {
        char byte;
        pause_for(a_moment);
        say("taken");
        report("recv", ::recv(pair.fd[1], &byte, 1, 0));
        drain(pair.fd[1]);
    });
    const ssize_t first = ::send(pair.fd[0], "y", 1, 0);
    const ssize_t second = ::write(pair.fd[0], "z", 1);
    reader.join();
    report("send", first);
    report("write", second);
}

PROBE("a full queue of somebody whom nobody is connected to", "sendto") {
    TemporaryName name;
    const sockaddr_un address = name.unix_address();
    const auto* generic = reinterpret_cast<const sockaddr*>(&address);
    const int receiver = ::socket(AF_UNIX, SOCK_DGRAM, 0);
    const int sender = ::socket(AF_UNIX, SOCK_DGRAM, 0);
    ::bind(receiver, generic, sizeof address);
    while (::sendto(sender, "x", 1, MSG_DONTWAIT, generic, sizeof address) == 1) {}
    report_error("full", errno);
    std::atomic<bool> read_it{false};
    Actor reader = spawn([&] {
        pause_for(a_moment);
        read_it = true;
        char byte;
        report("recv", ::recv(receiver, &byte, 1, 0));
    });
    const ssize_t sent = ::sendto(sender, "y", 1, 0, generic, sizeof address);
    reader.join();
    report("sendto", sent);
    limit_time(sender, SO_SNDTIMEO, 40ms);
    Stopwatch watch;
    report("sendto, with a limit", ::sendto(sender, "y", 1, 0, generic, sizeof address));
    watch.expect("the limit", 40ms);
    ::close(sender);
    ::close(receiver);
}

PROBE("sendmmsg sends all of them", "sendmmsg") {
    Pair pair(SOCK_DGRAM);
    constexpr unsigned count = 500;
    std::vector<iovec> pieces(count, iovec{const_cast<char*>("abc"), 3});
    std::vector<mmsghdr> messages(count);
    for (unsigned i = 0; i < count; ++i) {
        messages[i] = {};
        messages[i].msg_hdr.msg_iov = &pieces[i];
        messages[i].msg_hdr.msg_iovlen = 1;
    }
    Actor reader = spawn([&] {
        pause_for(10ms);
        char buffer[10];
        int received = 0;
        for (unsigned i = 0; i < count; ++i) received += ::recv(pair.fd[1], buffer, 10, 0) == 3;
        say("received %d", received);
    });
    const int sent = ::sendmmsg(pair.fd[0], messages.data(), count, 0);
    reader.join();
    report("sendmmsg", sent);
    say("%u %u", messages[0].msg_len, messages[count - 1].msg_len);
    report("none", ::sendmmsg(pair.fd[0], messages.data(), 0, 0));
    report("not a socket", ::sendmmsg(0, messages.data(), 1, 0));
}

PROBE("sendto with an address that is not wanted", "sendto", "send") {
    Pair pair;
    const sockaddr_un nowhere{AF_UNIX, "/nonexistent"};
    const auto* address = reinterpret_cast<const sockaddr*>(&nowhere);
    report("a connected stream", ::sendto(pair.fd[0], "x", 1, 0, address, sizeof nowhere));
    const int fresh = ::socket(AF_INET, SOCK_STREAM, 0);
    report("not connected", ::send(fresh, "x", 1, MSG_NOSIGNAL));
    report("write, not connected", ::send(fresh, "x", 1, MSG_NOSIGNAL));
    ::close(fresh);
    const int datagrams = ::socket(AF_UNIX, SOCK_DGRAM, 0);
    report("nobody there", ::sendto(datagrams, "x", 1, 0, address, sizeof nowhere));
    report("not connected datagrams", ::send(datagrams, "x", 1, 0));
    ::close(datagrams);
}

PROBE("a datagram that nobody wanted", "send", "recv") {
    const int udp = ::socket(AF_INET, SOCK_DGRAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    {
        const int other = ::socket(AF_INET, SOCK_DGRAM, 0);
        ::bind(other, reinterpret_cast<sockaddr*>(&address), sizeof address);
        socklen_t length = sizeof address;
        ::getsockname(other, reinterpret_cast<sockaddr*>(&address), &length);
        ::close(other);
    }
    ::connect(udp, reinterpret_cast<sockaddr*>(&address), sizeof address);
    report("send", ::send(udp, "x", 1, 0));
    char byte;
    report("recv", ::recv(udp, &byte, 1, 0));
    ::close(udp);
}

PROBE("wrong arguments of what sends", "write", "send", "writev") {
    Pair pair;
    PipePair pipe;
    const auto bad = bad_memory<const char>();
    report("bad memory", ::write(pair.fd[0], bad, 1));
    report("bad memory, pipe", ::write(pipe.fd[1], bad, 1));
    report("send, bad memory", ::send(pair.fd[0], bad, 1, 0));
    report("no descriptor", ::write(-1, "x", 1));
    report("not open", ::send(799, "x", 1, 0));
    report("not a socket", ::send(pipe.fd[1], "x", 1, 0));
    report("only for reading", ::write(pipe.fd[0], "x", 1));
    const iovec piece{const_cast<char*>(bad), 1};
    report("writev, bad memory", ::writev(pair.fd[0], &piece, 1));
}

PROBE("several who write to one full socket", "write", "send") {
    Pair pair;
    fill(pair.fd[0]);
    auto writer = [&] {
        const std::string data(300'000, 'w');
        const ssize_t size = ::write(pair.fd[0], data.data(), data.size());
        report("write", size);
    };
    Actor a = spawn(writer);
    Actor b = spawn(writer);
    Actor c = spawn(writer);
    pause_for(a_moment);
    std::size_t all = 0;
    char buffer[8192];
    limit_time(pair.fd[1], SO_RCVTIMEO, 300ms);
    for (ssize_t size; (size = ::read(pair.fd[1], buffer, sizeof buffer)) > 0;) {
        all += static_cast<std::size_t>(std::count(buffer, buffer + size, 'w'));
    }
    report("bytes", static_cast<long>(all));
}
