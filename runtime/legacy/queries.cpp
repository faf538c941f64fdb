// SPDX-License-Identifier: BSL-1.0
// Queries to name servers in a task, on a thread: res_query and its like, getaddrinfo_a, gai_suspend.
// Here and not in libcoir, which would have to be linked with more libraries for their sake where libc
// does not contain them.
//
// res_query() and others without a state use that of the thread which calls. So what programs set
// there goes along with the query.
#include "real.hpp"

#include "../calls/on_thread.hpp"

#include <algorithm>

#include <netinet/in.h>
#include <resolv.h>

namespace coir::inline v0::detail::calls {

namespace real = coir_legacy::real;

namespace {

// What a program may have set in its thread's state, for the thread that is to ask.
class Settings {
public:
    Settings() noexcept : set_((_res.options & RES_INIT) != 0) {
        if (!set_) return;
        options_ = _res.options;
        retransmissions_ = _res.retrans;
        attempts_ = _res.retry;
        servers_ = _res.nscount;
        std::copy(std::begin(_res.nsaddr_list), std::end(_res.nsaddr_list), addresses_);
    }
    void apply() const noexcept {
        if (!set_) return;
        if ((_res.options & RES_INIT) == 0 && res_ninit(&_res) != 0) return;
        _res.options = options_;
        _res.retrans = retransmissions_;
        _res.retry = attempts_;
        if (servers_ > 0 && addresses_[0].sin_family == AF_INET) {
            _res.nscount = servers_;
            std::copy(std::begin(addresses_), std::end(addresses_), _res.nsaddr_list);
        }
    }

private:
    bool set_;
    unsigned long options_ = 0;
    int retransmissions_ = 0;
    int attempts_ = 0;
    int servers_ = 0;
    sockaddr_in addresses_[MAXNS] = {};
};

template <class F>
int ask_server(Scheduler& loop, const char* what, F&& f) noexcept {
    int host_error = TRY_AGAIN;
    const auto ask = [&] {
        const int length = f();
        host_error = h_errno;
        return length;
    };
    const int length = by_errno(loop, hooks::Lane::names, what, ask);
    if (length < 0) h_errno = host_error;
    return length;
}

template <class F>
int ask_server_as_here(Scheduler& loop, const char* what, F&& f) noexcept {
    const Settings settings;
    return ask_server(loop, what, [&] {
        settings.apply();
        return f();
    });
}

}  // namespace

namespace in_task {

// clang-format off
#define COIR_QUERY(kind, name, parameters, arguments) \
    int name(Scheduler& loop, COIR_LIST parameters) { \
        return kind(loop, #name, [&] { return real::name arguments; }); \
    }
#define COIR_LIST(...) __VA_ARGS__
COIR_QUERY(ask_server_as_here, res_query, (const char* name, int kind, int type, unsigned char* answer, int size), (name, kind, type, answer, size))
COIR_QUERY(ask_server_as_here, res_search, (const char* name, int kind, int type, unsigned char* answer, int size), (name, kind, type, answer, size))
COIR_QUERY(ask_server_as_here, res_querydomain, (const char* name, const char* domain, int kind, int type, unsigned char* answer, int size), (name, domain, kind, type, answer, size))
COIR_QUERY(ask_server_as_here, res_send, (const unsigned char* query, int length, unsigned char* answer, int size), (query, length, answer, size))
COIR_QUERY(ask_server, res_nquery, (struct __res_state* state, const char* name, int kind, int type, unsigned char* answer, int size), (state, name, kind, type, answer, size))
COIR_QUERY(ask_server, res_nsearch, (struct __res_state* state, const char* name, int kind, int type, unsigned char* answer, int size), (state, name, kind, type, answer, size))
COIR_QUERY(ask_server, res_nquerydomain, (struct __res_state* state, const char* name, const char* domain, int kind, int type, unsigned char* answer, int size), (state, name, domain, kind, type, answer, size))
COIR_QUERY(ask_server, res_nsend, (struct __res_state* state, const unsigned char* query, int length, unsigned char* answer, int size), (state, query, length, answer, size))
#undef COIR_QUERY
#undef COIR_LIST
// clang-format on

int getaddrinfo_a(Scheduler& loop, int mode, gaicb** list, int count, sigevent* event) {
    if (mode != GAI_WAIT) return real::getaddrinfo_a(mode, list, count, event);
    return on_thread(
        loop, hooks::Lane::names, "getaddrinfo_a",
        [&] { return real::getaddrinfo_a(mode, list, count, event); },
        [](int error) { return error == ENOMEM ? EAI_MEMORY : EAI_SYSTEM; });
}

// In slices: who waits may be cancelled, what is being looked up goes on.
int gai_suspend(Scheduler& loop, const gaicb* const* list, int count, const timespec* timeout) {
    constexpr Nanoseconds slice = std::chrono::milliseconds(50);
    Sys& sys = hooks::sys(loop);
    const TimePoint deadline =
        timeout ? coir::saturating_add(sys.now(), std::chrono::seconds(timeout->tv_sec) +
                                                      Nanoseconds(timeout->tv_nsec))
                : coir::never;
    for (;;) {
        const Nanoseconds left = std::clamp(deadline - sys.now(), Nanoseconds(0), slice);
        const timespec limit{0, static_cast<long>(left.count())};
        const int result = on_thread(
            loop, hooks::Lane::names, "gai_suspend",
            [&] { return real::gai_suspend(list, count, &limit); },
            [](int error) {
                errno = error;
                return EAI_SYSTEM;
            });
        if (result != EAI_AGAIN || sys.now() >= deadline) return result;
    }
}

}  // namespace in_task
}  // namespace coir::inline v0::detail::calls
