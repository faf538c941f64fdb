// SPDX-License-Identifier: BSL-1.0
// Name services: libc's functions, in a task on a thread for name resolution, because they wait
// inside libc, for files, servers and locks.
#include "../calls/in_task.hpp"

#include <coir/coir.h>

#include <cerrno>
#include <utility>

#include <grp.h>
#include <netdb.h>
#include <pwd.h>

namespace legacy = coir::detail::legacy;
using coir::detail::Scheduler;

namespace {

// f(), with its errno, on such a thread if this is a task. What it returns when it cannot run:
// not_run(ECANCELED or ENOMEM).
template <class F, class NotRun>
auto elsewhere(const char* what, F&& f, NotRun&& not_run) noexcept -> decltype(f()) {
    Scheduler* loop = legacy::suspendable();
    if (!loop) return f();
    struct Job {
        F& f;
        decltype(f()) result;
        int error;
    } job{f, {}, 0};
    const auto run = [](void* argument) {
        Job& self = *static_cast<Job*>(argument);
        errno = 0;
        self.result = self.f();
        self.error = errno;
    };
    switch (legacy::run_resolver_job(*loop, run, &job, what)) {
        case legacy::Woken::event:
            if (job.error != 0) errno = job.error;
            return job.result;
        case legacy::Woken::cancelled: return not_run(ECANCELED);
        default: return not_run(ENOMEM);
    }
}

// For those that return an error number, and for those that return -1.
template <class F>
int numbered(const char* what, F&& f) noexcept {
    return elsewhere(what, std::forward<F>(f), [](int error) { return error; });
}
template <class F>
int by_errno(const char* what, F&& f) noexcept {
    return elsewhere(what, std::forward<F>(f), [](int error) {
        errno = error;
        return -1;
    });
}
// And for those that have their own numbers.
int for_hosts(int error, int& host_error) noexcept {
    host_error = TRY_AGAIN;
    return error;
}

}  // namespace

extern "C" {

int coir_getaddrinfo(const char* host, const char* service, const addrinfo* hints, addrinfo** list) {
    Scheduler* loop = legacy::suspendable();
    if (!loop) return ::getaddrinfo(host, service, hints, list);
    return coir::detail::calls::in_task::getaddrinfo(*loop, host, service, hints, list);
}

int coir_getnameinfo(const sockaddr* address, socklen_t length, char* host, socklen_t host_size,
                     char* service, socklen_t service_size, int flags) {
    const auto call = [&] {
        return ::getnameinfo(address, length, host, host_size, service, service_size, flags);
    };
    constexpr int numeric = NI_NUMERICHOST | NI_NUMERICSERV;
    if ((flags & numeric) == numeric) return call();
    return elsewhere("getnameinfo", call, [](int error) {
        if (error == ENOMEM) return EAI_MEMORY;
        errno = error;
        return EAI_SYSTEM;
    });
}

int coir_gethostbyname_r(const char* name, hostent* entry, char* buffer, size_t size,
                         hostent** result, int* error) {
    return elsewhere(
        "gethostbyname_r",
        [&] { return ::gethostbyname_r(name, entry, buffer, size, result, error); },
        [&](int number) { return for_hosts(number, *error); });
}

int coir_gethostbyname2_r(const char* name, int family, hostent* entry, char* buffer, size_t size,
                          hostent** result, int* error) {
    return elsewhere(
        "gethostbyname2_r",
        [&] { return ::gethostbyname2_r(name, family, entry, buffer, size, result, error); },
        [&](int number) { return for_hosts(number, *error); });
}

int coir_gethostbyaddr_r(const void* address, socklen_t length, int family, hostent* entry,
                         char* buffer, size_t size, hostent** result, int* error) {
    return elsewhere(
        "gethostbyaddr_r",
        [&] {
            return ::gethostbyaddr_r(address, length, family, entry, buffer, size, result, error);
        },
        [&](int number) { return for_hosts(number, *error); });
}

int coir_getservbyname_r(const char* name, const char* protocol, servent* entry, char* buffer,
                         size_t size, servent** result) {
    return numbered("getservbyname_r", [&] {
        return ::getservbyname_r(name, protocol, entry, buffer, size, result);
    });
}

int coir_getservbyport_r(int port, const char* protocol, servent* entry, char* buffer, size_t size,
                         servent** result) {
    return numbered("getservbyport_r", [&] {
        return ::getservbyport_r(port, protocol, entry, buffer, size, result);
    });
}

int coir_getprotobyname_r(const char* name, protoent* entry, char* buffer, size_t size,
                          protoent** result) {
    return numbered("getprotobyname_r",
                    [&] { return ::getprotobyname_r(name, entry, buffer, size, result); });
}

int coir_getprotobynumber_r(int number, protoent* entry, char* buffer, size_t size,
                            protoent** result) {
    return numbered("getprotobynumber_r",
                    [&] { return ::getprotobynumber_r(number, entry, buffer, size, result); });
}

int coir_getpwnam_r(const char* name, passwd* entry, char* buffer, size_t size, passwd** result) {
    return numbered("getpwnam_r", [&] { return ::getpwnam_r(name, entry, buffer, size, result); });
}

int coir_getpwuid_r(uid_t uid, passwd* entry, char* buffer, size_t size, passwd** result) {
    return numbered("getpwuid_r", [&] { return ::getpwuid_r(uid, entry, buffer, size, result); });
}

int coir_getgrnam_r(const char* name, group* entry, char* buffer, size_t size, group** result) {
    return numbered("getgrnam_r", [&] { return ::getgrnam_r(name, entry, buffer, size, result); });
}

int coir_getgrgid_r(gid_t gid, group* entry, char* buffer, size_t size, group** result) {
    return numbered("getgrgid_r", [&] { return ::getgrgid_r(gid, entry, buffer, size, result); });
}

int coir_initgroups(const char* user, gid_t group) {
    return by_errno("initgroups", [&] { return ::initgroups(user, group); });
}

int coir_getgrouplist(const char* user, gid_t group, gid_t* groups, int* count) {
    return by_errno("getgrouplist", [&] { return ::getgrouplist(user, group, groups, count); });
}

// 0 is a result: the errno tells.
int coir_innetgr(const char* netgroup, const char* host, const char* user, const char* domain) {
    return elsewhere(
        "innetgr", [&] { return ::innetgr(netgroup, host, user, domain); },
        [](int error) {
            errno = error;
            return 0;
        });
}

}  // extern "C"
