// SPDX-License-Identifier: BSL-1.0
// Rows of other descriptors, by the calls of coir.h: pipes, a terminal, eventfd, timerfd, signalfd,
// pidfd, and waiting for readiness alone.
#include "row.hpp"
#include "sockets.hpp"

#include <coir/await.hpp>
#include <coir/coir.h>
#include <coir/fd.hpp>

#include <csignal>
#include <cstdlib>

#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

namespace coir_matrix {
namespace {

using S = Situation;

/// Ours is read by coir_read().
class ReadRow : public Row {
public:
    std::string act() override { return read(size()); }
    std::string act_zero() override { return read(0); }
    std::string act_on_bad() override {
        char byte;
        return c_result(coir_read(bad_descriptor(), &byte, 1));
    }
    void set_blocking(bool blocking) override { coir_matrix::set_blocking(ours_.get(), blocking); }
    void close_by_us() override { coir_close(ours_.release()); }
    void close_behind() override { ours_.close(); }

protected:
    virtual std::size_t size() const { return 4; }
    std::string read(std::size_t size) {
        std::string space(size, ' ');
        return c_result(coir_read(ours_.get(), space.data(), size));
    }
    std::string act_after_close() {
        peer_.close();
        return act();
    }

    Peer ours_;
    Peer peer_;
};

class PipeRead : public ReadRow {
public:
    void open() override {
        int ends[2];
        checked(::pipe2(ends, O_CLOEXEC), "pipe2");
        ours_ = Peer(ends[0]);
        peer_ = Peer(ends[1]);
    }
    void satisfy() override { peer_.write("data"); }
    std::string act_short() override {
        satisfy();
        return read(100) + " of 100";
    }
    std::string act_after_end() override { return act_after_close(); }
    bool is_shared() const override { return true; }
};

class PipeWrite : public Row {
public:
    void open() override {
        int ends[2];
        checked(::pipe2(ends, O_CLOEXEC), "pipe2");
        peer_ = Peer(ends[0]);
        ours_ = Peer(ends[1]);
        ::signal(SIGPIPE, SIG_IGN);
    }
    void fill() override { fill_up(ours_.get()); }
    void satisfy() override { peer_.drain(); }
    std::string act() override { return write(4); }
    std::string act_zero() override { return write(0); }
    std::string act_after_end() override {
        peer_.close();
        return act();
    }
    std::string act_on_bad() override { return c_result(coir_write(bad_descriptor(), "x", 1)); }
    void set_blocking(bool blocking) override { coir_matrix::set_blocking(ours_.get(), blocking); }
    void close_by_us() override { coir_close(ours_.release()); }
    void close_behind() override { ours_.close(); }

private:
    std::string write(std::size_t size) {
        return c_result(coir_write(ours_.get(), std::string(size, 'w').data(), size));
    }
    Peer ours_;
    Peer peer_;
};

class TerminalRead : public ReadRow {
public:
    void open() override {
        peer_ = Peer(checked(::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC), "posix_openpt"));
        checked(::grantpt(peer_.get()), "grantpt");
        checked(::unlockpt(peer_.get()), "unlockpt");
        char name[64];
        checked(-::ptsname_r(peer_.get(), name, sizeof name), "ptsname_r");
        ours_ = Peer(checked(::open(name, O_RDWR | O_NOCTTY | O_CLOEXEC), "open of a terminal"));
        termios settings;
        ::tcgetattr(ours_.get(), &settings);
        ::cfmakeraw(&settings);
        ::tcsetattr(ours_.get(), TCSANOW, &settings);
    }
    void satisfy() override { peer_.write("data"); }
    std::string act_short() override {
        satisfy();
        return read(100) + " of 100";
    }
    std::string act_after_end() override { return act_after_close(); }
};

class EventRead : public ReadRow {
public:
    void open() override { ours_ = Peer(checked(::eventfd(0, EFD_CLOEXEC | EFD_SEMAPHORE), "eventfd")); }
    void satisfy() override { ::eventfd_write(ours_.get(), 1); }
    std::string act_short() override { return read(4); }
    bool is_shared() const override { return true; }

private:
    std::size_t size() const override { return 8; }
};

class TimerRead : public ReadRow {
public:
    void open() override {
        ours_ = Peer(checked(::timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC), "timerfd_create"));
    }
    void satisfy() override {
        const itimerspec soon{{0, 0}, {0, 1}};
        ::timerfd_settime(ours_.get(), 0, &soon, nullptr);
    }
    std::string act_short() override { return read(4); }

private:
    std::size_t size() const override { return 8; }
};

class SignalRead : public ReadRow {
public:
    void open() override {
        sigset_t set;
        ::sigemptyset(&set);
        ::sigaddset(&set, SIGUSR2);
        ::pthread_sigmask(SIG_BLOCK, &set, nullptr);
        ours_ = Peer(checked(::signalfd(-1, &set, SFD_CLOEXEC), "signalfd"));
    }
    void satisfy() override { ::kill(::getpid(), SIGUSR2); }
    std::string act_short() override { return read(4); }

private:
    std::size_t size() const override { return sizeof(signalfd_siginfo); }
};

class PidWait : public Row {
public:
    void open() override {
        child_ = checked(::fork(), "fork");
        if (child_ == 0) {
            for (;;) ::pause();
        }
        ours_ = Peer(checked(static_cast<int>(::syscall(SYS_pidfd_open, child_, 0)), "pidfd_open"));
    }
    ~PidWait() override {
        if (child_ <= 0) return;
        ::kill(child_, SIGKILL);
        ::waitpid(child_, nullptr, 0);
    }
    void satisfy() override { ::kill(child_, SIGKILL); }
    std::string act() override {
        coir::wait_readable(ours_.get());
        return "readable";
    }
    std::string act_on_bad() override {
        coir::wait_readable(bad_descriptor());
        return "readable";
    }
    void set_blocking(bool blocking) override { coir_matrix::set_blocking(ours_.get(), blocking); }
    void close_by_us() override { coir_close(ours_.release()); }
    void close_behind() override { ours_.close(); }

private:
    pid_t child_ = 0;
    Peer ours_;
};

class PollOnly : public Row {
public:
    void open() override {
        auto pair = tcp_pair();
        ours_ = std::move(pair.first);
        peer_ = std::move(pair.second);
    }
    void satisfy() override { peer_.write("x"); }
    std::string act() override { return wait_on(ours_.get()); }
    std::string act_after_end() override {
        peer_.close();
        coir::sleep(std::chrono::milliseconds(1));
        return act();
    }
    std::string act_after_reset() override {
        peer_.reset();
        coir::sleep(std::chrono::milliseconds(1));
        return act();
    }
    std::string act_on_bad() override { return wait_on(bad_descriptor()); }
    bool is_shared() const override { return true; }
    void set_blocking(bool blocking) override { coir_matrix::set_blocking(ours_.get(), blocking); }
    void close_by_us() override { coir_close(ours_.release()); }
    void close_behind() override { ours_.close(); }

private:
    static std::string wait_on(int fd) {
        const int events = coir::wait_fd(fd, POLLIN);
        std::string text;
        for (const auto& [bit, name] : {std::pair(POLLIN, "in"), std::pair(POLLERR, "error"),
                                        std::pair(POLLHUP, "hang-up"), std::pair(POLLNVAL, "invalid")}) {
            if (events & bit) text += (text.empty() ? "" : "+") + std::string(name);
        }
        return text;
    }
    Peer ours_;
    Peer peer_;
};

const char* const no_peer = "it has no peer";
const char* const no_reset = "it knows no reset";

Expect read_of(const char* name, const std::string& normal) {
    return Expect(name, normal)
        .except(S::peer_resets, no_reset)
        .set(S::non_blocking, "EAGAIN")
        .set(S::closed_by_us, "EBADF");
}

}  // namespace

std::vector<RowInfo> descriptor_rows() {
    std::vector<RowInfo> rows;
    rows.push_back({read_of("read of a pipe", "4 bytes")
                        .set(S::short_transfer, "4 bytes of 100")
                        .set(S::zero_length, "0 bytes")
                        .set(S::peer_ends, "0 bytes")
                        .done(),
                    &make_row<PipeRead>});
    rows.push_back({read_of("write to a pipe", "4 bytes")
                        .except(S::short_transfer, "what fits in a page is written in one piece")
                        .set(S::zero_length, "0 bytes")
                        .set(S::peer_ends, "EPIPE")
                        .done(),
                    &make_row<PipeWrite>});
    rows.push_back({read_of("read of a terminal", "4 bytes")
                        .set(S::short_transfer, "4 bytes of 100")
                        .set(S::zero_length, "0 bytes")
                        .set(S::peer_ends, "0 bytes")
                        .done(),
                    &make_row<TerminalRead>});
    rows.push_back({read_of("read of an eventfd", "8 bytes")
                        .set(S::short_transfer, "EINVAL")
                        .set(S::zero_length, "EINVAL")
                        .except(S::peer_ends, no_peer)
                        .done(),
                    &make_row<EventRead>});
    rows.push_back({read_of("read of a timerfd", "8 bytes")
                        .set(S::short_transfer, "EINVAL")
                        .set(S::zero_length, "EINVAL")
                        .except(S::peer_ends, no_peer)
                        .done(),
                    &make_row<TimerRead>});
    rows.push_back({read_of("read of a signalfd", "128 bytes")
                        .set(S::short_transfer, "EINVAL")
                        .set(S::zero_length, "EINVAL")
                        .except(S::peer_ends, no_peer)
                        .done(),
                    &make_row<SignalRead>});
    rows.push_back({Expect("pidfd", "readable")
                        .except({S::short_transfer, S::zero_length}, "it transfers nothing")
                        .except({S::peer_ends, S::peer_resets}, no_peer)
                        .done(),
                    &make_row<PidWait>});
    rows.push_back({Expect("poll", "in")
                        .except({S::short_transfer, S::zero_length}, "it transfers nothing")
                        .set(S::peer_ends, "in")
                        .set(S::peer_resets, "in+error+hang-up")
                        .done(),
                    &make_row<PollOnly>});
    return rows;
}

}  // namespace coir_matrix
