// SPDX-License-Identifier: BSL-1.0
// Rows of files, time and wake-ups.
#include "row.hpp"
#include "sockets.hpp"

#include <coir/await.hpp>
#include <coir/error.hpp>
#include <coir/event_loop.hpp>
#include <coir/file.hpp>
#include <coir/future.hpp>

#include <chrono>
#include <optional>
#include <thread>

#include <sys/mman.h>
#include <unistd.h>

namespace coir_matrix {
namespace {

using S = Situation;
using namespace std::chrono_literals;

class FileRow : public Row {
public:
    void open() override {
        Peer made(checked(::memfd_create("coir-conformance", MFD_CLOEXEC), "memfd_create"));
        made.write("data");
        ours_ = coir::File(coir::Fd(made.release()));
    }
    std::string act_on_bad() override {
        const coir::File bad{coir::Fd(bad_descriptor())};
        return "a file";
    }
    void set_blocking(bool blocking) override { coir_matrix::set_blocking(ours_.native_handle(), blocking); }
    bool is_shared() const override { return true; }

protected:
    coir::File ours_;
};

class FileRead : public FileRow {
public:
    std::string act() override { return read(4, 0); }
    std::string act_short() override { return read(100, 0) + " of 100"; }
    std::string act_zero() override { return read(0, 0); }
    std::string act_after_end() override { return read(4, 4); }

private:
    std::string read(std::size_t size, std::uint64_t at) {
        std::string space(size, ' ');
        return bytes(static_cast<std::int64_t>(ours_.read_at(space, at)));
    }
};

class FileWrite : public FileRow {
public:
    std::string act() override {
        ours_.write_at("more", 4);
        return bytes(static_cast<std::int64_t>(ours_.size()) - 4);
    }
    std::string act_zero() override {
        ours_.write_at("", 4);
        return bytes(static_cast<std::int64_t>(ours_.size()) - 4);
    }
};

class Sleep : public Row {
public:
    void open() override {}
    void fill_for_ever() override { long_ = true; }
    void satisfy() override { long_ = false; }
    std::string act() override { return sleep(long_ ? 1h : takes()); }
    std::chrono::nanoseconds takes() const override { return 20ms; }
    std::string act_zero() override { return sleep(0ms); }
    bool is_shared() const override { return true; }

private:
    static std::string sleep(std::chrono::nanoseconds duration) {
        const auto& loop = coir::get_running_loop();
        const auto begin = loop.time();
        coir::sleep(duration);
        return loop.time() - begin >= duration ? "slept" : "woke early";
    }
    bool long_ = false;
};

/// Another thread posts.
class Wake : public Row {
public:
    ~Wake() override {
        for (std::thread& one : threads_) one.join();
    }
    void open() override { loop_ = &coir::get_running_loop(); }
    std::string act() override {
        if (!woken_ || woken_->cancelled()) woken_ = loop_->create_future<void>();
        if (posted_early_) woken_->set_result();
        coir::await(*woken_);
        return "woken";
    }
    void satisfy() override {
        threads_.emplace_back([this] {
            loop_->call_soon_threadsafe([this] {
                if (woken_ && !woken_->done()) {
                    woken_->set_result();
                } else {
                    posted_early_ = true;
                }
            });
        });
    }

private:
    coir::EventLoop* loop_ = nullptr;
    std::optional<coir::Future<void>> woken_;
    bool posted_early_ = false;
    std::vector<std::thread> threads_;
};

Expect without_descriptor(Expect expect) {
    return expect.except({S::short_transfer, S::peer_ends, S::peer_resets, S::closed_by_us,
                          S::closed_behind, S::bad_descriptor, S::blocking, S::non_blocking},
                         "it has no descriptor");
}

Expect of_file(const char* name) {
    return Expect(name, "4 bytes")
        .except({S::later, S::cancelled_in_flight, S::cancelled_in_batch, S::cancelled_after,
                 S::deadline, S::closed_by_us, S::closed_behind, S::loop_closed},
                "a file is always ready")
        .except(S::peer_resets, "it has no peer");
}

}  // namespace

std::vector<RowInfo> other_rows() {
    std::vector<RowInfo> rows;
    rows.push_back({of_file("read of a file")
                        .set(S::short_transfer, "4 bytes of 100")
                        .set(S::zero_length, "0 bytes")
                        .set(S::peer_ends, "0 bytes")
                        .done(),
                    &make_row<FileRead>});
    rows.push_back({of_file("write to a file")
                        .except(S::short_transfer, "it writes all")
                        .set(S::zero_length, "0 bytes")
                        .except(S::peer_ends, "it has no end to write at")
                        .done(),
                    &make_row<FileWrite>});
    rows.push_back({without_descriptor(Expect("sleep", "slept"))
                        .set(S::zero_length, "slept")
                        .done(),
                    &make_row<Sleep>});
    rows.push_back({without_descriptor(Expect("wake", "woken"))
                        .except(S::zero_length, "it has no length")
                        .done(),
                    &make_row<Wake>});
    return rows;
}

}  // namespace coir_matrix
