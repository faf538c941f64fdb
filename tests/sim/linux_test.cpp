// SPDX-License-Identifier: BSL-1.0
// The simulated world says what Linux says: each script of system calls is run on both, and every
// result, byte and poll bit must be the same.
#include "calls.hpp"
#include "same_as_linux.hpp"
#include "support/catch.hpp"
#include "support/net.hpp"

#include <csignal>
#include <memory>

namespace {

using coir_test::Calls;
using coir_test::same_as_linux;

}  // namespace

TEST_CASE("as Linux: connecting to where nobody listens", "[linux]") {
    same_as_linux([](Calls& c) {
        const int other = c.socket();
        c.bind(other, Calls::loopback(0));
        const int client = c.socket();
        c.note("connect", c.connect(client, c.name(other)));
        c.poll("client", client);
        c.note("again", c.connect(client, c.name(other)));
        c.note("send", c.send(client, "x"));
        c.recv("recv", client);
    });
}

TEST_CASE("as Linux: names that are taken, or nobody's", "[linux]") {
    same_as_linux([](Calls& c) {
        const int a = c.listener();
        const int b = c.socket();
        c.note("bind twice", c.bind(a, Calls::loopback(0)));
        c.note("taken", c.bind(b, c.name(a)));
        c.note("not ours", c.bind(b, Calls::loopback(0, 0xc0000201)));
        c.note("another loopback address", c.bind(b, Calls::loopback(0, 0x7f000007)));
        const int any = c.socket();
        c.note("any overlaps", c.bind(any, Calls::loopback(ntohs(c.name(a).sin_port), INADDR_ANY)));
        const int next = c.socket();
        c.sys().setsockopt(next, SOL_SOCKET, SO_REUSEADDR, 1);
        c.note("still listening", c.bind(next, c.name(a)));
        c.note("wrong family", c.connect(next, "/nowhere"));
        c.note("listening and connecting", c.connect(a, c.name(a)));
    });
}

TEST_CASE("as Linux: sharing a port", "[linux]") {
    same_as_linux([](Calls& c) {
        const int a = c.socket();
        const int b = c.socket();
        const int other = c.socket();
        c.sys().setsockopt(a, SOL_SOCKET, SO_REUSEPORT, 1);
        c.sys().setsockopt(b, SOL_SOCKET, SO_REUSEPORT, 1);
        c.note("first", c.bind(a, Calls::loopback(0)));
        c.note("second", c.bind(b, c.name(a)));
        c.note("who does not share", c.bind(other, c.name(a)));
        c.note("listen", c.sys()(SYS_listen, a, 8));
        c.note("listen too", c.sys()(SYS_listen, b, 8));
    });
}

TEST_CASE("as Linux: sockets that are not connected", "[linux]") {
    same_as_linux([](Calls& c) {
        const int tcp = c.socket();
        c.poll("fresh", tcp);
        c.recv("recv", tcp);
        c.note("send", c.send(tcp, "x"));
        c.note("shutdown", c.shutdown(tcp, SHUT_WR));
        c.note("accept", c.accept(tcp));
        socklen_t size = 0;
        c.note("getpeername", c.sys()(SYS_getpeername, tcp, nullptr, &size));
        const int unix_socket = c.socket(AF_UNIX);
        c.poll("fresh Unix", unix_socket);
        c.recv("recv", unix_socket);
        c.note("send", c.send(unix_socket, "x"));
        c.note("shutdown", c.shutdown(unix_socket, SHUT_WR));
        c.note("listen", c.sys()(SYS_listen, unix_socket, 1));
        c.note("accept", c.accept(unix_socket));
    });
}

TEST_CASE("as Linux: a TCP connection and its half close", "[linux]") {
    same_as_linux([](Calls& c) {
        const int at = c.listener();
        c.poll("idle listener", at);
        c.note("nobody yet", c.accept(at));
        const int client = c.socket();
        c.note("connect", c.connect(client, c.name(at)));
        c.note("once more", c.connect(client, c.name(at)));
        c.poll("listener", at);
        const int server = c.accept(at);
        c.poll("client", client);
        c.recv("nothing there", server);
        c.note("send", c.send(client, "hello"));
        c.poll("server", server);
        c.recv("peek", server, 64, MSG_PEEK);
        c.recv("part", server, 2);
        c.recv("rest", server);
        c.note("half close", c.shutdown(client, SHUT_WR));
        c.note("half close again", c.shutdown(client, SHUT_WR));
        c.note("send after it", c.send(client, "x"));
        c.poll("client", client);
        c.poll("server", server);
        c.recv("end", server);
        c.note("answer", c.send(server, "bye"));
        c.close(server);
        c.poll("client", client);
        c.recv("answer", client);
        c.recv("end", client);
        c.recv("still the end", client);
    });
}

TEST_CASE("as Linux: a reset", "[linux]") {
    same_as_linux([](Calls& c) {
        const auto [client, server] = c.tcp_pair();
        c.send(client, "last");
        c.no_linger(client);
        c.close(client);
        c.poll("server", server);
        c.recv("what came before", server);
        c.recv("reset", server);
        c.recv("end", server);
        c.note("send", c.send(server, "x"));
        socklen_t size = sizeof(sockaddr_in);
        sockaddr_in peer{};
        c.note("getpeername", c.sys()(SYS_getpeername, server, &peer, &size));
        c.poll("server", server);
    });
    same_as_linux([](Calls& c) {
        const auto [client, server] = c.tcp_pair();
        c.no_linger(client);
        c.close(client);
        c.note("send tells", c.send(server, "x"));
        c.note("send", c.send(server, "x"));
        c.recv("end", server);
    });
    same_as_linux([](Calls& c) {
        const auto [client, server] = c.tcp_pair();
        c.no_linger(client);
        c.close(client);
        c.note("SO_ERROR tells", c.option(server, SOL_SOCKET, SO_ERROR));
        c.note("SO_ERROR", c.option(server, SOL_SOCKET, SO_ERROR));
        c.recv("end", server);
    });
}

TEST_CASE("as Linux: closing with unread input, and writing to who is gone", "[linux]") {
    same_as_linux([](Calls& c) {
        const auto [client, server] = c.tcp_pair();
        c.send(client, "unread");
        c.close(server);
        c.recv("client", client);
        c.recv("client", client);
    });
    same_as_linux([](Calls& c) {
        const auto [client, server] = c.tcp_pair();
        c.close(server);
        c.poll("client", client);
        c.note("first", c.send(client, "x"));
        c.poll("client", client);
        c.note("second", c.send(client, "x"));
        c.note("third", c.send(client, "x"));
        c.recv("client", client);
    });
    same_as_linux([](Calls& c) {
        const auto [client, server] = c.tcp_pair();
        c.note("shut for reading", c.shutdown(client, SHUT_RD));
        c.poll("client", client);
        c.recv("end", client);
        c.note("server sends", c.send(server, "late"));
        c.recv("comes all the same", client);
        c.note("both ways", c.shutdown(client, SHUT_RDWR));
        c.poll("client", client);
        c.poll("server", server);
    });
}

TEST_CASE("as Linux: a listener that closes", "[linux]") {
    same_as_linux([](Calls& c) {
        const int at = c.listener();
        const int client = c.socket();
        c.connect(client, c.name(at));
        c.settle();
        c.close(at);
        c.recv("queued client", client);
        c.recv("queued client", client);
    });
    same_as_linux([](Calls& c) {
        const int at = c.listener();
        c.note("shutdown", c.shutdown(at, SHUT_RDWR));
        c.note("accept", c.accept(at));
    });
}

TEST_CASE("as Linux: a client that gave up before it was accepted", "[linux]") {
    same_as_linux([](Calls& c) {
        const int at = c.listener();
        const int client = c.socket();
        c.connect(client, c.name(at));
        c.send(client, "hello");
        c.close(client);
        const int server = c.accept(at);
        c.recv("bytes", server);
        c.recv("end", server);
        const int rude = c.socket();
        c.connect(rude, c.name(at));
        c.no_linger(rude);
        c.close(rude);
        const int next = c.accept(at);
        c.recv("reset", next);
    });
}

TEST_CASE("as Linux: a pair of Unix sockets", "[linux]") {
    same_as_linux([](Calls& c) {
        const auto [a, b] = c.pair();
        c.poll("a", a);
        c.recv("nothing", a);
        c.note("send", c.send(a, "hello"));
        c.poll("b", b);
        c.recv("hello", b);
        c.note("half close", c.shutdown(a, SHUT_WR));
        c.poll("a", a);
        c.poll("b", b);
        c.recv("end", b);
        c.note("after it", c.send(a, "x"));
        c.note("b shuts for reading", c.shutdown(b, SHUT_RD));
        c.close(b);
        c.poll("a", a);
        c.recv("end", a);
        c.note("send", c.send(a, "x"));
    });
    same_as_linux([](Calls& c) {
        const auto [a, b] = c.pair();
        c.send(a, "unread");
        c.send(b, "answer");
        c.close(b);
        c.poll("a", a);
        c.recv("a", a);
        c.recv("a", a);
        c.recv("a", a);
        c.note("send", c.send(a, "x"));
    });
    same_as_linux([](Calls& c) {
        const auto [a, b] = c.pair();
        c.shutdown(b, SHUT_RD);
        c.note("nobody reads", c.send(a, "x"));
        c.poll("a", a);
        c.poll("b", b);
    });
}

TEST_CASE("as Linux: Unix sockets by path", "[linux]") {
    same_as_linux([](Calls& c) {
        coir_test::SocketFolder folder;
        const std::string path = folder.path();
        const int client = c.socket(AF_UNIX);
        c.note("nothing there", c.connect(client, path));
        const int at = c.socket(AF_UNIX);
        c.note("bind", c.bind(at, path));
        c.note("not listening", c.connect(client, path));
        const int other = c.socket(AF_UNIX);
        c.note("taken", c.bind(other, path));
        c.note("listen", c.sys()(SYS_listen, at, 0));
        c.note("connect", c.connect(client, path));
        const int second = c.socket(AF_UNIX);
        c.note("full", c.connect(second, path));
        c.poll("listener", at);
        const int server = c.accept(at);
        c.send(server, "welcome");
        c.recv("client", client);
        c.note("now", c.connect(second, path));
        c.close(at);
        c.recv("queued client", second);
        c.recv("queued client", second);
        const int late = c.socket(AF_UNIX);
        c.note("dead path", c.connect(late, path));
        struct stat status {};
        c.note("stat", c.sys()(SYS_newfstatat, AT_FDCWD, path.c_str(), &status, 0));
        c.note("is a socket", S_ISSOCK(status.st_mode) ? 1 : 0);
        c.note("unlink", c.sys()(SYS_unlinkat, AT_FDCWD, path.c_str(), 0));
        c.note("gone", c.connect(late, path));
    });
}

TEST_CASE("as Linux: pipes", "[linux]") {
    same_as_linux([](Calls& c) {
        const auto [reader, writer] = c.pipe();
        char bytes[8];
        c.poll("reader", reader);
        c.poll("writer", writer);
        c.note("nothing", c.sys().read(reader, bytes, sizeof bytes));
        c.note("write", c.sys().write(writer, "hello", 5));
        c.poll("reader", reader);
        c.note("wrong end", c.sys().write(reader, "x", 1));
        c.note("wrong end", c.sys().read(writer, bytes, 1));
        c.note("seek", c.sys()(SYS_lseek, reader, 0L, SEEK_CUR));
        const std::string much(100'000, 'x');
        c.note("to the brim", c.sys().write(writer, much.data(), 65536 - 5 - 4096 + 5));
        c.close(writer);
        c.poll("reader", reader);
        c.note("read", c.sys().read(reader, bytes, 5));
        std::string rest(100'000, '\0');
        c.note("rest", c.sys().read(reader, rest.data(), rest.size()));
        c.poll("reader", reader);
        c.note("end", c.sys().read(reader, bytes, sizeof bytes));
    });
    same_as_linux([](Calls& c) {
        const auto [reader, writer] = c.pipe();
        c.close(reader);
        c.poll("writer", writer);
        const std::uint64_t sigpipe = std::uint64_t{1} << (SIGPIPE - 1);
        std::uint64_t before = 0;
        c.sys()(SYS_rt_sigprocmask, SIG_BLOCK, &sigpipe, &before, sizeof before);
        c.note("write", c.sys().write(writer, "x", 1));
        const timespec zero{0, 0};
        c.sys()(SYS_rt_sigtimedwait, &sigpipe, nullptr, &zero, sizeof sigpipe);
        c.sys()(SYS_rt_sigprocmask, SIG_SETMASK, &before, nullptr, sizeof before);
    });
}

TEST_CASE("as Linux: datagrams", "[linux]") {
    same_as_linux([](Calls& c) {
        const int a = c.socket(AF_INET, SOCK_DGRAM);
        const int b = c.socket(AF_INET, SOCK_DGRAM);
        c.poll("fresh", a);
        c.note("to nobody", c.send(a, "x"));
        c.bind(b, Calls::loopback(0));
        c.note("connect", c.sys()(SYS_connect, a, &static_cast<const sockaddr_in&>(c.name(b)),
                                  sizeof(sockaddr_in)));
        c.note("send", c.send(a, "hello"));
        c.poll("b", b);
        c.recv("peek", b, 64, MSG_PEEK);
        c.recv("cut", b, 2);
        c.recv("nothing left", b);
        c.note("empty", c.send(a, ""));
        c.recv("empty", b);
        c.note("long", c.send(a, "a longer one"));
        c.recv("its whole size", b, 4, MSG_TRUNC);
        const std::string much(65508, 'x');
        c.note("too long", c.send(a, much));
        c.note("just right", c.send(a, std::string_view(much).substr(1)));
        c.close(b);
        c.note("to nobody", c.send(a, "x"));
        c.poll("a", a);
        c.note("refused", c.send(a, "x"));
        c.note("listen", c.sys()(SYS_listen, a, 1));
        c.note("accept", c.accept(a));
    });
}

TEST_CASE("as Linux: both families meet", "[linux]") {
    same_as_linux([](Calls& c) {
        const int at = c.socket(AF_INET6);
        c.sys().setsockopt(at, IPPROTO_IPV6, IPV6_V6ONLY, 0);
        sockaddr_in6 any{};
        any.sin6_family = AF_INET6;
        c.note("bind", c.sys()(SYS_bind, at, &any, sizeof any));
        c.note("listen", c.sys()(SYS_listen, at, 8));
        socklen_t size = sizeof any;
        c.sys()(SYS_getsockname, at, &any, &size);
        const int client = c.socket();
        c.note("connect", c.connect(client, Calls::loopback(ntohs(any.sin6_port))));
        c.settle();
        sockaddr_in6 peer{};
        size = sizeof peer;
        const int server = c.keep(
            c.sys()(SYS_accept4, at, &peer, &size, SOCK_CLOEXEC | SOCK_NONBLOCK));
        c.note("length", static_cast<long>(size));
        c.note("mapped", IN6_IS_ADDR_V4MAPPED(&peer.sin6_addr) ? 1 : 0);
        c.note("same port", peer.sin6_port == c.name(client).sin_port ? 1 : 0);
        c.send(server, "hi");
        c.recv("client", client);
        const int only = c.socket(AF_INET6);
        c.sys().setsockopt(only, IPPROTO_IPV6, IPV6_V6ONLY, 1);
        sockaddr_in6 v6{};
        v6.sin6_family = AF_INET6;
        c.sys()(SYS_bind, only, &v6, sizeof v6);
        c.sys()(SYS_listen, only, 8);
        size = sizeof v6;
        c.sys()(SYS_getsockname, only, &v6, &size);
        const int other = c.socket();
        c.note("v6 only", c.connect(other, Calls::loopback(ntohs(v6.sin6_port))));
    });
}

TEST_CASE("as Linux: options and flags", "[linux]") {
    same_as_linux([](Calls& c) {
        const int tcp = c.socket();
        c.note("type", c.option(tcp, SOL_SOCKET, SO_TYPE));
        c.note("domain", c.option(tcp, SOL_SOCKET, SO_DOMAIN));
        c.note("protocol", c.option(tcp, SOL_SOCKET, SO_PROTOCOL));
        c.note("listening", c.option(tcp, SOL_SOCKET, SO_ACCEPTCONN));
        c.note("nodelay", c.option(tcp, IPPROTO_TCP, TCP_NODELAY));
        c.sys().setsockopt(tcp, IPPROTO_TCP, TCP_NODELAY, 1);
        c.note("nodelay", c.option(tcp, IPPROTO_TCP, TCP_NODELAY));
        c.sys().setsockopt(tcp, SOL_SOCKET, SO_RCVBUF, 8192);
        c.note("buffer", c.option(tcp, SOL_SOCKET, SO_RCVBUF));
        c.note("v6 option", c.sys().setsockopt(tcp, IPPROTO_IPV6, IPV6_V6ONLY, 1));
        const auto [a, b] = c.pair();
        c.note("TCP option", c.sys().setsockopt(a, IPPROTO_TCP, TCP_NODELAY, 1));
        c.note("flags", c.sys().fcntl(a, F_GETFL));
        c.sys().fcntl(a, F_SETFL, 0);
        c.note("flags", c.sys().fcntl(a, F_GETFL));
        c.note("close-on-exec", c.sys().fcntl(a, F_GETFD));
        const int copy = c.keep(c.sys().fcntl(b, F_DUPFD_CLOEXEC, 0));
        c.close(b);
        c.send(copy, "by the copy");
        c.recv("a", a);
        struct stat status {};
        c.note("fstat", c.sys()(SYS_fstat, a, &status));
        c.note("is a socket", S_ISSOCK(status.st_mode) ? 1 : 0);
        const auto [reader, writer] = c.pipe();
        c.note("no socket", c.send(writer, "x"));
        c.note("flags", c.sys().fcntl(reader, F_GETFL));
        c.note("flags", c.sys().fcntl(writer, F_GETFL));
        c.note("bad", c.sys().fcntl(9999, F_GETFL));
        c.note("bad", c.send(9999, "x"));
    });
}

TEST_CASE("as Linux: eventfd", "[linux]") {
    same_as_linux([](Calls& c) {
        const int fd = c.keep(c.sys()(SYS_eventfd2, 3u, O_CLOEXEC | O_NONBLOCK));
        std::uint64_t value = 5;
        c.poll("eventfd", fd);
        c.note("write", c.sys().write(fd, &value, sizeof value));
        c.note("short", c.sys().read(fd, &value, 4));
        c.note("read", c.sys().read(fd, &value, sizeof value));
        c.note("value", static_cast<long>(value));
        c.note("empty", c.sys().read(fd, &value, sizeof value));
        c.poll("eventfd", fd);
    });
}

TEST_CASE("as Linux: datagrams of Unix sockets", "[linux]") {
    same_as_linux([](Calls& c) {
        const int server = c.socket(AF_UNIX, SOCK_DGRAM);
        const int client = c.socket(AF_UNIX, SOCK_DGRAM);
        const std::string path = c.path("datagrams");
        c.poll("fresh", client);
        c.note("to nobody", c.send(client, "x"));
        c.recv("nothing there", client);
        c.note("no such file", c.connect(client, path));
        c.note("bind", c.bind(server, path));
        c.note("taken", c.bind(client, path));
        c.note("listen", c.sys()(SYS_listen, server, 1));
        c.note("accept", c.accept(server));
        const int stream = c.socket(AF_UNIX);
        c.note("another type", c.connect(stream, path));
        c.note("named", c.send_to(client, "one", path));
        c.note("empty", c.send_to(client, "", path));
        c.note("connect", c.connect(client, path));
        c.note("connected", c.send(client, "twelve bytes"));
        c.poll("server", server);
        c.recv("peek", server, 64, MSG_PEEK);
        c.recv("first", server);
        c.recv("empty", server);
        c.recv("cut", server, 6, MSG_TRUNC);
        c.recv("nothing more", server);
        c.poll("server", server);
        c.note("to who has no name", c.send(server, "x"));
        c.note("too long", c.send(client, std::string(212992, 'x')));
        c.note("half close", c.shutdown(client, SHUT_WR));
        c.note("send after it", c.send(client, "x"));
        c.poll("client", client);
        c.note("close for reading", c.shutdown(server, SHUT_RD));
        c.poll("server", server);
        c.recv("closed", server);
        const int other = c.socket(AF_UNIX, SOCK_DGRAM);
        c.note("to a closed one", c.send_to(other, "x", path));
        c.note("both", c.shutdown(server, SHUT_RDWR));
        c.poll("server", server);
        c.close(server);
        c.note("nobody has it now", c.connect(other, path));
        c.remove(path);
        c.note("gone", c.connect(other, path));
    });
}

TEST_CASE("as Linux: a pair of datagram sockets", "[linux]") {
    same_as_linux([](Calls& c) {
        const auto [a, b] = c.pair(SOCK_DGRAM);
        c.note("there", c.send(a, "there"));
        c.note("back", c.send(b, "back"));
        c.poll("a", a);
        c.recv("back", a);
        const int third = c.socket(AF_UNIX, SOCK_DGRAM);
        const std::string path = c.path("pair");
        c.note("bind", c.bind(b, path));
        c.note("not its peer", c.connect(third, path));
        c.note("not its peer", c.send_to(third, "x", path));
        c.close(b);
        c.poll("a", a);
        c.recv("nothing", a);
        c.note("refused", c.send(a, "x"));
        c.note("not connected any more", c.send(a, "x"));
        c.remove(path);
    });
}

TEST_CASE("as Linux: a full queue of datagrams", "[linux]") {
    same_as_linux([](Calls& c) {
        const int server = c.socket(AF_UNIX, SOCK_DGRAM);
        const std::string path = c.path("full");
        c.bind(server, path);
        const int client = c.socket(AF_UNIX, SOCK_DGRAM);
        const int other = c.socket(AF_UNIX, SOCK_DGRAM);
        c.connect(client, path);
        // How many it takes is a setting.
        while (c.send(client, "x") == 1) {
        }
        c.note("full", c.send(client, "x"));
        c.note("full for all", c.send_to(other, "x", path));
        c.poll("client", client);
        c.poll("who names its receivers", other);
        c.recv("one less", server);
        c.poll("client", client);
        c.note("again", c.send(client, "x"));
        c.note("a peer gone meanwhile", c.connect(server, path));
        c.remove(path);
    });
}

TEST_CASE("as Linux: who turns away from its peer loses what it had sent", "[linux]") {
    same_as_linux([](Calls& c) {
        const auto [a, b] = c.pair(SOCK_DGRAM);
        c.send(b, "lost");
        const int third = c.socket(AF_UNIX, SOCK_DGRAM);
        const std::string path = c.path("third");
        c.bind(third, path);
        c.note("another peer", c.connect(a, path));
        c.poll("b", b);
        c.recv("told", b);
        c.recv("once", b);
        c.recv("lost", a);
        c.note("may not", c.send(b, "x"));
        c.note("new peer", c.send(a, "x"));
        c.recv("there", third);
        c.remove(path);
    });
}

TEST_CASE("as Linux: descriptors that travel along", "[linux]") {
    for (const int type : {SOCK_STREAM, SOCK_DGRAM}) {
        same_as_linux([type](Calls& c) {
            const auto [a, b] = c.pair(type);
            const auto [in, out] = c.pipe();
            c.note("bad number", c.send_with(a, "x", {99999}));
            c.note("a length that is too small", c.send_with(a, "x", {out}, 3));
            c.note("and one too large", c.send_with(a, "x", {out}, 1000));
            c.note("two", c.send_with(a, "two", {out, in}));
            c.note("none", c.send(a, "none"));
            c.note("one", c.send_with(a, "one", {out}));
            c.send(a, "end");
            c.close(out);
            const auto got = c.receive_with("both", b, 64, 4);
            c.poll("the reader", in);
            REQUIRE(got.size() == 2);
            c.note("works", c.send_bytes(got[0], "through the pipe"));
            c.close(got[0]);
            c.recv("none", b, 4);
            c.poll("still open, under way", in);
            c.receive_with("peek", b, 64, 4, MSG_PEEK);
            c.receive_with("no room", b, 64, 0);
            c.receive_with("end", b, 64, 4);
        });
    }
}

TEST_CASE("as Linux: descriptors that nobody receives", "[linux]") {
    for (const int type : {SOCK_STREAM, SOCK_DGRAM}) {
        same_as_linux([type](Calls& c) {
            const auto [a, b] = c.pair(type);
            const auto [in, out] = c.pipe();
            c.send_with(a, "thrown away", {out});
            c.send_with(a, "some of them", {out, out, out});
            c.send_with(a, "never read", {out});
            c.close(out);
            c.recv("a plain receive", b, 11);
            c.receive_with("room for two", b, 12, 2);
            c.poll("open", in);
            c.close(b);
            c.poll("all but two closed", in);
        });
    }
}
