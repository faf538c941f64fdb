// SPDX-License-Identifier: BSL-1.0
// gethostbyname, getpwnam and the others whose result is libc's own: in a task it is the task's, until
// its next call of the same family (hosts, services, protocols, users, groups) or its end. libc has
// one result for the whole process, which the next task would overwrite.
#include "numeric_host.hpp"
#include "on_thread.hpp"

#include <coir/coir.h>
#include <coir/legacy.hpp>

#include <atomic>
#include <cstdlib>
#include <new>

namespace coir::inline v0::detail::calls {
namespace {

template <class Entry>
struct Kept {
    Kept() = default;
    Kept(const Kept&) = delete;
    Kept& operator=(const Kept&) = delete;
    ~Kept() { std::free(buffer); }

    bool grow() noexcept {
        const std::size_t larger = size == 0 ? 1024 : size * 2;
        void* room = std::realloc(buffer, larger);
        if (!room) return false;
        buffer = static_cast<char*>(room);
        size = larger;
        return true;
    }
    Entry entry{};
    char* buffer = nullptr;
    std::size_t size = 0;
};

struct Answers {
    Kept<hostent> hosts;
    Kept<servent> services;
    Kept<protoent> protocols;
    Kept<passwd> users;
    Kept<group> groups;
};

std::atomic<coir_local*> answers_key{nullptr};

coir_local* key_of_answers() noexcept {
    coir_local* key = answers_key.load();
    if (key) return key;
    coir_local* made = coir_local_new([](void* answers) { delete static_cast<Answers*>(answers); });
    if (!made || answers_key.compare_exchange_strong(key, made)) return made;
    coir_local_free(made);
    return key;
}

// Null: no memory.
Answers* answers_of_task() noexcept {
    coir_local* key = key_of_answers();
    if (!key) return nullptr;
    if (void* known = coir_local_get(key)) return static_cast<Answers*>(known);
    auto* made = new (std::nothrow) Answers;
    if (made && coir_local_set(key, made) == 0) return made;
    delete made;
    return nullptr;
}

enum class Where : unsigned char { thread, caller };

// f(entry, buffer, size, result) is one of the functions that write into given memory.
template <class Entry, class F>
Entry* keep(Scheduler& loop, Kept<Entry> Answers::* family, const char* what, F&& f,
            Where where = Where::thread) noexcept {
    Answers* answers = answers_of_task();
    if (!answers) {
        errno = ENOMEM;
        return nullptr;
    }
    Kept<Entry>& kept = answers->*family;
    Entry* result = nullptr;
    const auto ask = [&] {
        int error = ERANGE;
        if (kept.size > 0) error = f(&kept.entry, kept.buffer, kept.size, &result);
        while (error == ERANGE) {
            if (!kept.grow()) return ENOMEM;
            error = f(&kept.entry, kept.buffer, kept.size, &result);
        }
        return error;
    };
    int error;
    if (where == Where::caller) {
        const blocking_region direct;
        error = ask();
        did_not_suspend(loop);
    } else {
        error = numbered(loop, what, ask);
    }
    if (error == 0) return result;
    errno = error;
    return nullptr;
}

// The same for hosts, which have an error number of their own: f(..., &host_error).
template <class F>
hostent* keep_host(Scheduler& loop, const char* what, F&& f, Where where) noexcept {
    int host_error = TRY_AGAIN;
    hostent* result = keep(
        loop, &Answers::hosts, what,
        [&](hostent* entry, char* buffer, std::size_t size, hostent** found) {
            return f(entry, buffer, size, found, &host_error);
        },
        where);
    if (!result) h_errno = host_error;
    return result;
}

}  // namespace

namespace in_task {

hostent* gethostbyname(Scheduler& loop, const char* name) {
    return keep_host(
        loop, "gethostbyname",
        [&](auto... into) { return ::gethostbyname_r(name, into...); },
        is_numeric_host(name, AF_INET) ? Where::caller : Where::thread);
}

hostent* gethostbyname2(Scheduler& loop, const char* name, int family) {
    return keep_host(
        loop, "gethostbyname2",
        [&](auto... into) { return ::gethostbyname2_r(name, family, into...); },
        is_numeric_host(name, family) ? Where::caller : Where::thread);
}

hostent* gethostbyaddr(Scheduler& loop, const void* address, socklen_t length, int family) {
    return keep_host(
        loop, "gethostbyaddr",
        [&](auto... into) { return ::gethostbyaddr_r(address, length, family, into...); },
        Where::thread);
}

servent* getservbyname(Scheduler& loop, const char* name, const char* protocol) {
    return keep(loop, &Answers::services, "getservbyname",
                [&](auto... into) { return ::getservbyname_r(name, protocol, into...); });
}

servent* getservbyport(Scheduler& loop, int port, const char* protocol) {
    return keep(loop, &Answers::services, "getservbyport",
                [&](auto... into) { return ::getservbyport_r(port, protocol, into...); });
}

protoent* getprotobyname(Scheduler& loop, const char* name) {
    return keep(loop, &Answers::protocols, "getprotobyname",
                [&](auto... into) { return ::getprotobyname_r(name, into...); });
}

protoent* getprotobynumber(Scheduler& loop, int number) {
    return keep(loop, &Answers::protocols, "getprotobynumber",
                [&](auto... into) { return ::getprotobynumber_r(number, into...); });
}

passwd* getpwnam(Scheduler& loop, const char* name) {
    return keep(loop, &Answers::users, "getpwnam",
                [&](auto... into) { return ::getpwnam_r(name, into...); });
}

passwd* getpwuid(Scheduler& loop, uid_t uid) {
    return keep(loop, &Answers::users, "getpwuid",
                [&](auto... into) { return ::getpwuid_r(uid, into...); });
}

group* getgrnam(Scheduler& loop, const char* name) {
    return keep(loop, &Answers::groups, "getgrnam",
                [&](auto... into) { return ::getgrnam_r(name, into...); });
}

group* getgrgid(Scheduler& loop, gid_t gid) {
    return keep(loop, &Answers::groups, "getgrgid",
                [&](auto... into) { return ::getgrgid_r(gid, into...); });
}

}  // namespace in_task
}  // namespace coir::inline v0::detail::calls
