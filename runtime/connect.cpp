// SPDX-License-Identifier: BSL-1.0
// Connecting: one address; several by RFC 8305 ("Happy Eyeballs"); Unix sockets.
#include <netinet/in.h>
#include <netinet/tcp.h>

#include <algorithm>
#include <cerrno>
#include <coir/await.hpp>
#include <coir/error.hpp>
#include <coir/net.hpp>
#include <coir/task.hpp>
#include <coir/timeout.hpp>
#include <exception>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "loop_object.hpp"
#include "resolver.hpp"
#include "stream_state.hpp"
#include "task_operation.hpp"
#include "unix_connect.hpp"

namespace coir {
inline namespace v0 {
namespace detail {
namespace {

Fd make_connecting(Scheduler& scheduler, const Address& to) {
    const long fd = scheduler.sys().socket(to.family(), SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) throw_io(fd, "socket", -1, to.to_string());
    return Fd(static_cast<int>(fd));
}

void bind_local(Sys& sys, int fd, const Address& to, const ConnectOptions& options) {
    if (!options.local_addr) return;
    const Address& local = *options.local_addr;
    if (local.family() != to.family()) {
        throw IoError(
            EADDRNOTAVAIL, "connect", -1,
            to.to_string() + " cannot be reached from " + local.to_string() + ": another family");
    }
    sys.setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, 1);
    const long result = sys(SYS_bind, fd, local.data(), local.size());
    if (result < 0) throw_io(result, "bind", fd, local.to_string());
}

// A socket that tries to reach a free port of this machine may get that very port for its own, and
// then is connected to itself.
bool is_connected_to_itself(Sys& sys, int fd, const Address& to) noexcept {
    if (!to.is_loopback()) return false;
    Address local;
    socklen_t size = Address::capacity();
    if (sys(SYS_getsockname, fd, local.data(), &size) < 0) return false;
    local.set_size(size);
    return local == to;
}

Fd connect_ip(Scheduler& scheduler, const Address& address, const ConnectOptions& options) {
    Address to = address;
    Sys& sys = scheduler.sys();
    constexpr int attempts = 3;
    for (int attempt = 0; attempt < attempts;) {
        Fd fd = make_connecting(scheduler, to);
        bind_local(sys, fd.get(), to, options);
        TaskOperation operation;
        operation.code = OpCode::connect;
        operation.hints = hint_owned;
        operation.fd = fd.get();
        operation.address = to.data();
        operation.address_length = to.size();
        const std::int32_t result = scheduler.perform(operation, "connect");
        if (result == -ECANCELED) continue;  // a cancel request that was taken back
        if (result < 0) throw_io(result, "connect", fd.get(), to.to_string());
        if (is_connected_to_itself(sys, fd.get(), to)) {
            ++attempt;
            continue;
        }
        if (options.nodelay) {
            check_io(sys.setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, 1),
                     "setsockopt(TCP_NODELAY)", fd.get());
        }
        return fd;
    }
    throw IoError(ECONNREFUSED, "connect", -1, to.to_string() + ": only the socket itself answers");
}

Fd connect_unix(Scheduler& scheduler, const Address& to) {
    Fd fd = make_connecting(scheduler, to);
    for (ConnectPauses pauses;; pauses.rest()) {
        const long result = connect_unix_now(scheduler.sys(), fd.get(), to);
        if (result == -EAGAIN) continue;
        if (result < 0) throw_io(result, "connect", fd.get(), to.to_string());
        scheduler.spend_credit();
        return fd;
    }
}

Fd connect_to(Scheduler& scheduler, const Address& to, const ConnectOptions& options) {
    if (to.family() == AF_UNIX) return connect_unix(scheduler, to);
    return connect_ip(scheduler, to, options);
}

// Families alternate, beginning with the first address's (RFC 8305, section 4).
std::vector<Address> interleave(const std::vector<Address>& addresses) {
    std::vector<Address> queues[2];
    for (const Address& address : addresses) {
        queues[address.family() == addresses.front().family() ? 0 : 1].push_back(address);
    }
    std::vector<Address> order;
    for (std::size_t i = 0; order.size() < addresses.size(); ++i) {
        for (const auto& queue : queues) {
            if (i < queue.size()) order.push_back(queue[i]);
        }
    }
    return order;
}

// What went wrong at every address, as one error.
[[noreturn]] void throw_combined(const std::vector<std::exception_ptr>& errors, bool all) {
    if (all) throw ExceptionGroup("coir: no address could be connected to", errors);
    std::vector<std::string> texts;
    int first_number = 0;
    for (const std::exception_ptr& error : errors) {
        try {
            std::rethrow_exception(error);
        } catch (const IoError& io) {
            if (first_number == 0) first_number = io.code().value();
            texts.emplace_back(io.what());
        } catch (const std::exception& other) {
            texts.emplace_back(other.what());
        }
    }
    const bool same = std::all_of(texts.begin(), texts.end(),
                                  [&](const std::string& text) { return text == texts.front(); });
    if (same) std::rethrow_exception(errors.front());
    std::string list;
    for (const std::string& text : texts) list += (list.empty() ? "" : "; ") + text;
    throw IoError(first_number != 0 ? first_number : EHOSTUNREACH, "connect", -1, list);
}

// Attempts in tasks of their own, all joined before connect() returns.
class Race {
public:
    Race(Scheduler& scheduler, const std::vector<Address>& addresses, const ConnectOptions& options)
        : scheduler_(scheduler), addresses_(addresses), options_(options) {
        errors_.resize(addresses.size());
        tasks_.reserve(addresses.size());
    }

    Fd connect(Address& peer) {
        try {
            run();
        } catch (...) {
            join();
            throw;
        }
        join();
        if (!winner_) throw_combined(errors_, options_.all_errors);
        peer = addresses_[won_by_];
        return std::move(winner_);
    }

private:
    void run() {
        for (std::size_t i = 0; i < addresses_.size() && !winner_; ++i) {
            start(i);
            const bool last = i + 1 == addresses_.size();
            const TimePoint deadline =
                last ? never : saturating_add(scheduler_.now(), options_.happy_eyeballs_delay);
            const std::size_t failures = failures_;
            // On to the next address when this one's time is over, or when any attempt fails.
            while (!winner_ && running_ > 0 && (last || failures_ == failures)) {
                if (!wait_until(changed_, "connect", deadline)) break;
            }
        }
    }
    void start(std::size_t index) {
        tasks_.push_back(create_task([this, index] { attempt(index); }).ref());
        ++running_;
    }
    void attempt(std::size_t index) {
        struct Ended {
            Race& race;
            ~Ended() {
                --race.running_;
                race.changed_.wake_all();
            }
        } ended{*this};
        try {
            Fd fd = connect_to(scheduler_, addresses_[index], options_);
            if (winner_) return;
            winner_ = std::move(fd);
            won_by_ = index;
        } catch (const CancelledError&) {
            throw;
        } catch (...) {
            errors_[index] = std::current_exception();
            ++failures_;
        }
    }
    // An attempt that has not begun when it is cancelled never begins, and counts itself off
    // nowhere: so the tasks are joined, not the attempts.
    void join() noexcept {
        MaskScope mask;
        for (const TaskRef& task : tasks_) {
            if (!task.done()) task.state().cancel_requested({});
        }
        for (const TaskRef& task : tasks_) task.state().wait(task.state().awaiting_task());
    }

    Scheduler& scheduler_;
    const std::vector<Address>& addresses_;
    const ConnectOptions& options_;
    std::vector<TaskRef> tasks_;
    std::vector<std::exception_ptr> errors_;
    std::size_t running_ = 0;
    std::size_t failures_ = 0;
    Fd winner_;
    std::size_t won_by_ = 0;
    WaitQueue changed_;
};

Stream make_stream(Scheduler& scheduler, Fd fd, const Address& peer,
                   const ConnectOptions& options) {
    auto state = LoopPtr<StreamState>::make(scheduler, fd.get(), StreamOptions{options.limit},
                                            peer.family());
    static_cast<void>(fd.release());
    state->made_here = true;
    state->set_peer(peer);
    return Stream(state.release());
}

TaskBase& begin(const char* call, const ConnectOptions& options) {
    TaskBase& self = enter_suspension_point(call);
    if (options.limit == 0) throw std::invalid_argument("coir: a stream's limit must not be 0");
    return self;
}

}  // namespace
}  // namespace detail

Stream open_connection(std::string_view host, int port, const ConnectOptions& options) {
    detail::begin("open_connection", options);
    detail::require_host(host);
    detail::require_port(port);
    const auto literal = host.empty() ? std::nullopt : Address::parse(host, port);
    if (literal && (options.family == AF_UNSPEC || options.family == literal->family())) {
        return open_connection(*literal, options);
    }
    return open_connection(
        detail::interleave(detail::resolve_addresses(host, port, options.family, false)), options);
}

Stream open_connection(const std::vector<Address>& addresses, const ConnectOptions& options) {
    detail::Scheduler& scheduler = detail::begin("open_connection", options).scheduler();
    if (addresses.empty()) throw std::invalid_argument("coir: open_connection without an address");
    if (addresses.size() == 1) return open_connection(addresses.front(), options);
    Address peer;
    Fd fd = detail::Race(scheduler, addresses, options).connect(peer);
    return detail::make_stream(scheduler, std::move(fd), peer, options);
}

Stream open_connection(const Address& address, const ConnectOptions& options) {
    detail::Scheduler& scheduler = detail::begin("open_connection", options).scheduler();
    return detail::make_stream(scheduler, detail::connect_to(scheduler, address, options), address,
                               options);
}

Stream open_unix_connection(std::string_view path, const ConnectOptions& options) {
    return open_connection(Address::unix_path(path), options);
}

}  // namespace v0
}  // namespace coir
