// SPDX-License-Identifier: BSL-1.0
// Names of hosts, services, users and groups in a task: libc's functions wait inside libc, for files,
// servers and locks, so they run on a thread. What needs no resolver, numbers, is done here at once:
// 0.1 instead of 30 microseconds.
#include "numeric_host.hpp"
#include "on_thread.hpp"

#include <coir/legacy.hpp>

#include <cerrno>

#include <cctype>

#include <arpa/inet.h>

namespace coir::inline v0::detail::calls {
namespace {

bool is_number(const char* text) noexcept {
    if (*text == '\0') return false;
    for (; *text != '\0'; ++text) {
        if (!std::isdigit(static_cast<unsigned char>(*text))) return false;
    }
    return true;
}

// What getaddrinfo() and its like return when they could not run.
int eai_not_run(int error) noexcept {
    if (error == ENOMEM) return EAI_MEMORY;
    errno = error;
    return EAI_SYSTEM;
}

// The functions for hosts that write their result where they are told to.
template <class F>
int host_into(Scheduler& loop, const char* what, bool numeric, int* host_error, F&& f) noexcept {
    if (numeric) {
        const blocking_region direct;
        const int result = f();
        did_not_suspend(loop);
        return result;
    }
    return on_thread(loop, hooks::Lane::names, what, std::forward<F>(f), [&](int error) {
        *host_error = TRY_AGAIN;
        return error;
    });
}

}  // namespace

bool is_numeric_host(const char* name, int family) noexcept {
    in_addr v4;
    in6_addr v6;
    if (family == AF_INET) return ::inet_aton(name, &v4) != 0;
    return ::inet_pton(AF_INET6, name, &v6) == 1;
}

namespace in_task {

int getaddrinfo(Scheduler& loop, const char* host, const char* service, const addrinfo* hints,
                addrinfo** list) {
    // The name of a service may be looked up in a directory too.
    if (!service || is_number(service)) {
        addrinfo numeric = hints ? *hints : addrinfo{};
        if (!hints) numeric.ai_flags = AI_V4MAPPED | AI_ADDRCONFIG;  // what libc assumes then
        numeric.ai_flags |= AI_NUMERICHOST;
        int result;
        {
            const blocking_region direct;  // libc's own, also where libcoir-legacy stands before it
            result = ::getaddrinfo(host, service, &numeric, list);
        }
        if (result != EAI_NONAME || !host || (hints && (hints->ai_flags & AI_NUMERICHOST) != 0)) {
            did_not_suspend(loop);
            return result;
        }
    }
    return on_thread(
        loop, hooks::Lane::names, "getaddrinfo",
        [&] { return ::getaddrinfo(host, service, hints, list); }, eai_not_run);
}

int getnameinfo(Scheduler& loop, const sockaddr* address, socklen_t length, char* host,
                socklen_t host_size, char* service, socklen_t service_size, int flags) {
    const auto call = [&] {
        return ::getnameinfo(address, length, host, host_size, service, service_size, flags);
    };
    const bool numeric_host = !host || host_size == 0 || (flags & NI_NUMERICHOST) != 0;
    const bool numeric_service = !service || service_size == 0 || (flags & NI_NUMERICSERV) != 0;
    if (numeric_host && numeric_service) {
        const blocking_region direct;
        did_not_suspend(loop);
        return call();
    }
    return on_thread(loop, hooks::Lane::names, "getnameinfo", call, eai_not_run);
}

int gethostbyname_r(Scheduler& loop, const char* name, hostent* entry, char* buffer, size_t size,
                    hostent** result, int* error) {
    return host_into(loop, "gethostbyname_r", is_numeric_host(name, AF_INET), error, [&] {
        return ::gethostbyname_r(name, entry, buffer, size, result, error);
    });
}

int gethostbyname2_r(Scheduler& loop, const char* name, int family, hostent* entry, char* buffer,
                     size_t size, hostent** result, int* error) {
    return host_into(loop, "gethostbyname2_r", is_numeric_host(name, family), error, [&] {
        return ::gethostbyname2_r(name, family, entry, buffer, size, result, error);
    });
}

int gethostbyaddr_r(Scheduler& loop, const void* address, socklen_t length, int family,
                    hostent* entry, char* buffer, size_t size, hostent** result, int* error) {
    return host_into(loop, "gethostbyaddr_r", false, error, [&] {
        return ::gethostbyaddr_r(address, length, family, entry, buffer, size, result, error);
    });
}

int initgroups(Scheduler& loop, const char* user, gid_t group) {
    return by_errno(loop, hooks::Lane::names, "initgroups",
                    [&] { return ::initgroups(user, group); });
}

int getgrouplist(Scheduler& loop, const char* user, gid_t group, gid_t* groups, int* count) {
    return by_errno(loop, hooks::Lane::names, "getgrouplist",
                    [&] { return ::getgrouplist(user, group, groups, count); });
}

// 0 is a result: the errno tells.
int innetgr(Scheduler& loop, const char* netgroup, const char* host, const char* user,
            const char* domain) {
    return on_thread(
        loop, hooks::Lane::names, "innetgr",
        [&] { return ::innetgr(netgroup, host, user, domain); },
        [](int error) {
            errno = error;
            return 0;
        });
}

// The rest is the same but for names and types: f(what is asked, entry, buffer, size, result).
#define COIR_NUMBERED(name, Entry, parameters, arguments)                                     \
    int name(Scheduler& loop, COIR_LIST parameters, Entry* entry, char* buffer, size_t size,  \
             Entry** result) {                                                                \
        return numbered(loop, #name, [&] {                                                    \
            return ::name(COIR_LIST arguments, entry, buffer, size, result);                  \
        });                                                                                   \
    }
#define COIR_LIST(...) __VA_ARGS__
COIR_NUMBERED(getservbyname_r, servent, (const char* name, const char* protocol), (name, protocol))
COIR_NUMBERED(getservbyport_r, servent, (int port, const char* protocol), (port, protocol))
COIR_NUMBERED(getprotobyname_r, protoent, (const char* name), (name))
COIR_NUMBERED(getprotobynumber_r, protoent, (int number), (number))
COIR_NUMBERED(getpwnam_r, passwd, (const char* name), (name))
COIR_NUMBERED(getpwuid_r, passwd, (uid_t uid), (uid))
COIR_NUMBERED(getgrnam_r, group, (const char* name), (name))
COIR_NUMBERED(getgrgid_r, group, (gid_t gid), (gid))
#undef COIR_NUMBERED
#undef COIR_LIST

}  // namespace in_task
}  // namespace coir::inline v0::detail::calls
