// SPDX-License-Identifier: BSL-1.0
// Rows of sockets: recv, send, descriptors that are passed, accept, connect, shutdown, close.
#include "row.hpp"
#include "sockets.hpp"

#include <coir/await.hpp>
#include <coir/socket.hpp>
#include <coir/stream.hpp>

#include <cstring>
#include <optional>

#include <sys/socket.h>
#include <unistd.h>

namespace coir_matrix {
namespace {

using S = Situation;

/// Ours is a coir::Socket.
class SocketRow : public Row {
public:
    void set_blocking(bool blocking) override { coir_matrix::set_blocking(ours_.native_handle(), blocking); }
    void close_by_us() override { ours_.close(); }
    void close_behind() override { ::close(ours_.native_handle()); }
    void forget() override { static_cast<void>(ours_.release().release()); }

protected:
    void take(std::pair<Peer, Peer> pair) {
        ours_ = coir::Socket(coir::Fd(pair.first.release()));
        peer_ = std::move(pair.second);
    }
    /// The other side's end has arrived.
    void let_peer_end(bool by_reset) {
        if (by_reset) {
            peer_.reset();
        } else {
            peer_.close();
        }
        coir::sleep(std::chrono::milliseconds(1));
    }

    coir::Socket ours_;
    Peer peer_;
};

class Recv : public SocketRow {
public:
    void open() override { take(tcp_pair()); }
    void satisfy() override { peer_.write("data"); }
    std::string act() override { return receive(4); }
    std::string act_short() override {
        satisfy();
        return receive(100) + " of 100";
    }
    std::string act_zero() override {
        satisfy();  // the kernel waits for data here as well
        return receive(0);
    }
    std::string act_after_end() override {
        let_peer_end(false);
        return receive(4);
    }
    std::string act_after_reset() override {
        let_peer_end(true);
        return receive(4);
    }
    bool is_shared() const override { return true; }

protected:
    std::string receive(std::size_t size) {
        std::string space(size, ' ');
        return bytes(static_cast<std::int64_t>(ours_.recv(space)));
    }
};

class Send : public SocketRow {
public:
    void open() override { take(tcp_pair()); }
    void fill() override { fill_up(ours_.native_handle()); }
    void satisfy() override { peer_.drain(); }
    std::string act() override { return send(4); }
    std::string act_short() override {
        const std::size_t much = 64 * 1024 * 1024;
        const std::size_t sent = ours_.send(std::string(much, 's'));
        return sent > 0 && sent < much ? "a part" : bytes(static_cast<std::int64_t>(sent));
    }
    std::string act_zero() override { return send(0); }
    std::string act_after_end() override {
        let_peer_end(false);
        return send(4);
    }
    std::string act_after_reset() override {
        let_peer_end(true);
        return send(4);
    }

private:
    std::string send(std::size_t size) {
        return bytes(static_cast<std::int64_t>(ours_.send(std::string(size, 's'))));
    }
};

class RecvFds : public SocketRow {
public:
    void open() override { take(unix_pair()); }
    void satisfy() override {
        char data[] = "data";
        iovec piece{data, 4};
        alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
        msghdr message{};
        message.msg_iov = &piece;
        message.msg_iovlen = 1;
        message.msg_control = control;
        message.msg_controllen = sizeof control;
        cmsghdr* const header = CMSG_FIRSTHDR(&message);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(sizeof(int));
        const int passed = peer_.get();
        std::memcpy(CMSG_DATA(header), &passed, sizeof passed);
        ::sendmsg(peer_.get(), &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    }
    std::string act() override { return receive(4); }
    std::string act_short() override {
        satisfy();
        return receive(100) + " of 100";
    }
    std::string act_after_end() override {
        let_peer_end(false);
        return receive(4);
    }
    std::string act_after_reset() override {
        fill_up(ours_.native_handle());  // unread data: the other side's end is a reset
        let_peer_end(false);
        return receive(4);
    }

private:
    std::string receive(std::size_t size) {
        std::string space(size, ' ');
        const coir::ReceivedFds got = ours_.recv_fds(space);
        return bytes(static_cast<std::int64_t>(got.size)) + " and " + std::to_string(got.fds.size());
    }
};

class SendFds : public SocketRow {
public:
    void open() override { take(unix_pair()); }
    void fill() override { fill_up(ours_.native_handle()); }
    void satisfy() override { peer_.drain(); }
    std::string act() override {
        ours_.send_fds("data", {peer_.get() >= 0 ? peer_.get() : 0});
        return "sent";
    }
    std::string act_after_end() override {
        let_peer_end(false);
        return act();
    }
};

class Accept : public SocketRow {
public:
    void open() override {
        ours_ = coir::Socket(coir::Fd(tcp_listener(16, address_).release()));
    }
    void satisfy() override { clients_.push_back(begin_connect(address_)); }
    std::string act() override {
        const coir::Socket accepted = ours_.accept();
        return "a connection";
    }
    std::string act_after_end() override {
        satisfy();
        clients_.back().close();
        return act();
    }
    std::string act_after_reset() override {
        satisfy();
        clients_.back().reset();
        return act();
    }

private:
    coir::Address address_;
    std::vector<Peer> clients_;
};

// Connecting waits while the listener's queue is full: the kernel tries again after a second.
class Connect : public SocketRow {
public:
    void open() override {
        listener_ = tcp_listener(0, address_);
        renew();
    }
    void fill() override { queued_ = begin_connect(address_); }
    void satisfy() override {
        coir_matrix::set_blocking(listener_.get(), false);
        for (int fd; (fd = ::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC)) >= 0;) {
            accepted_.emplace_back(fd);
        }
    }
    std::string act() override {
        if (used_) renew();
        used_ = true;
        ours_.connect(address_);
        return "connected";
    }
    std::string act_after_reset() override {
        listener_.close();
        return act();
    }

private:
    void renew() { ours_ = coir::Socket::create(AF_INET, SOCK_STREAM); }

    coir::Address address_;
    Peer listener_;
    Peer queued_;
    std::vector<Peer> accepted_;
    bool used_ = false;
};

class Shutdown : public SocketRow {
public:
    void open() override { take(tcp_pair()); }
    std::string act() override {
        ours_.shutdown(SHUT_WR);
        char byte;
        coir_matrix::set_blocking(peer_.get(), true);
        return ::read(peer_.get(), &byte, 1) == 0 ? "done" : "not done";
    }
    std::string act_after_end() override {
        let_peer_end(false);
        ours_.shutdown(SHUT_WR);
        return "done";
    }
    std::string act_after_reset() override {
        let_peer_end(true);
        ours_.shutdown(SHUT_WR);
        return "done";
    }
};

class Close : public Row {
public:
    void open() override {
        auto pair = tcp_pair();
        ours_ = coir::Stream(coir::Fd(pair.first.release()));
        peer_ = std::move(pair.second);
    }
    void set_blocking(bool blocking) override { coir_matrix::set_blocking(ours_.native_handle(), blocking); }
    std::string act() override {
        ours_.close();
        char byte;
        coir_matrix::set_blocking(peer_.get(), true);
        return ::read(peer_.get(), &byte, 1) == 0 ? "done" : "not done";
    }
    std::string act_after_end() override {
        peer_.close();
        ours_.close();
        return "done";
    }
    std::string act_after_reset() override {
        peer_.reset();
        ours_.close();
        return "done";
    }

private:
    coir::Stream ours_;
    Peer peer_;
};

const char* const takes_socket = "a Socket is made of a socket; see 'poll'";
const char* const never_waits = "it never waits";

}  // namespace

std::vector<RowInfo> socket_rows() {
    std::vector<RowInfo> rows;
    rows.push_back({Expect("recv", "4 bytes")
                        .set(S::short_transfer, "4 bytes of 100")
                        .set(S::zero_length, "0 bytes")
                        .set(S::peer_ends, "0 bytes")
                        .set(S::peer_resets, "ECONNRESET")
                        .except(S::bad_descriptor, takes_socket)
                        .done(),
                    &make_row<Recv>});
    rows.push_back({Expect("send", "4 bytes")
                        .set(S::short_transfer, "a part")
                        .set(S::zero_length, "0 bytes")
                        .set(S::peer_ends, "4 bytes")
                        .set(S::peer_resets, "ECONNRESET")
                        .except(S::bad_descriptor, takes_socket)
                        .done(),
                    &make_row<Send>});
    rows.push_back({Expect("recvmsg with descriptors", "4 bytes and 1")
                        .set(S::short_transfer, "4 bytes and 1 of 100")
                        .except(S::zero_length, "the kernel wants a byte for descriptors")
                        .set(S::peer_ends, "0 bytes and 0")
                        .set(S::peer_resets, "ECONNRESET")
                        .except(S::bad_descriptor, takes_socket)
                        .done(),
                    &make_row<RecvFds>});
    rows.push_back({Expect("sendmsg with descriptors", "sent")
                        .except(S::short_transfer, "it sends all")
                        .except(S::zero_length, "the kernel wants a byte for descriptors")
                        .set(S::peer_ends, "EPIPE")
                        .except(S::peer_resets, "a Unix socket that only receives sends none")
                        .except(S::bad_descriptor, takes_socket)
                        .done(),
                    &make_row<SendFds>});
    rows.push_back({Expect("accept", "a connection")
                        .except({S::short_transfer, S::zero_length}, "it transfers nothing")
                        .set(S::peer_ends, "a connection")
                        .set(S::peer_resets, "a connection")
                        .except(S::bad_descriptor, takes_socket)
                        .done(),
                    &make_row<Accept>});
    rows.push_back({Expect("connect", "connected")
                        .except({S::short_transfer, S::zero_length}, "it transfers nothing")
                        .except(S::peer_ends, "there is no peer yet")
                        .set(S::peer_resets, "ECONNREFUSED")
                        .except({S::cancelled_in_batch, S::deadline},
                                "when it goes on is a timer's of the kernel")
                        .except(S::bad_descriptor, takes_socket)
                        .done(),
                    &make_row<Connect>});
    rows.push_back({Expect("shutdown", "done")
                        .except({S::later, S::cancelled_in_flight, S::cancelled_in_batch, S::deadline,
                                 S::closed_by_us, S::closed_behind, S::signals, S::loop_closed,
                                 S::cancelled_after, S::blocking, S::non_blocking},
                                never_waits)
                        .except({S::short_transfer, S::zero_length}, "it transfers nothing")
                        .set(S::peer_ends, "done")
                        .set(S::peer_resets, "ENOTCONN")
                        .except(S::bad_descriptor, takes_socket)
                        .done(),
                    &make_row<Shutdown>});
    rows.push_back({Expect("close", "done")
                        .except({S::later, S::cancelled_in_flight, S::cancelled_in_batch, S::deadline,
                                 S::closed_by_us, S::closed_behind, S::signals, S::loop_closed,
                                 S::cancelled_after},
                                never_waits)
                        .except({S::short_transfer, S::zero_length}, "it transfers nothing")
                        .set(S::peer_ends, "done")
                        .set(S::peer_resets, "done")
                        .except(S::bad_descriptor, takes_socket)
                        .done(),
                    &make_row<Close>});
    return rows;
}

}  // namespace coir_matrix
