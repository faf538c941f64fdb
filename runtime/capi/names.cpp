// SPDX-License-Identifier: BSL-1.0
// Name services: in a task what calls/names.cpp does, elsewhere libc's functions themselves.
#include "../calls/in_task.hpp"

#include <coir/coir.h>

namespace calls = coir::detail::calls;
using coir::detail::Scheduler;
using coir::detail::legacy::suspendable;

#define COIR_ARGUMENTS(...) __VA_ARGS__
#define COIR_NAME_CALL(name, parameters, arguments)                                 \
    int coir_##name parameters {                                                    \
        Scheduler* loop = suspendable();                                            \
        if (!loop) return ::name arguments;                                         \
        return calls::in_task::name(*loop, COIR_ARGUMENTS arguments);               \
    }

extern "C" {

// clang-format off
COIR_NAME_CALL(getaddrinfo, (const char* host, const char* service, const addrinfo* hints, addrinfo** list), (host, service, hints, list))
COIR_NAME_CALL(getnameinfo, (const sockaddr* address, socklen_t length, char* host, socklen_t host_size, char* service, socklen_t service_size, int flags), (address, length, host, host_size, service, service_size, flags))
COIR_NAME_CALL(gethostbyname_r, (const char* name, hostent* entry, char* buffer, size_t size, hostent** result, int* error), (name, entry, buffer, size, result, error))
COIR_NAME_CALL(gethostbyname2_r, (const char* name, int family, hostent* entry, char* buffer, size_t size, hostent** result, int* error), (name, family, entry, buffer, size, result, error))
COIR_NAME_CALL(gethostbyaddr_r, (const void* address, socklen_t length, int family, hostent* entry, char* buffer, size_t size, hostent** result, int* error), (address, length, family, entry, buffer, size, result, error))
COIR_NAME_CALL(getservbyname_r, (const char* name, const char* protocol, servent* entry, char* buffer, size_t size, servent** result), (name, protocol, entry, buffer, size, result))
COIR_NAME_CALL(getservbyport_r, (int port, const char* protocol, servent* entry, char* buffer, size_t size, servent** result), (port, protocol, entry, buffer, size, result))
COIR_NAME_CALL(getprotobyname_r, (const char* name, protoent* entry, char* buffer, size_t size, protoent** result), (name, entry, buffer, size, result))
COIR_NAME_CALL(getprotobynumber_r, (int number, protoent* entry, char* buffer, size_t size, protoent** result), (number, entry, buffer, size, result))
COIR_NAME_CALL(getpwnam_r, (const char* name, passwd* entry, char* buffer, size_t size, passwd** result), (name, entry, buffer, size, result))
COIR_NAME_CALL(getpwuid_r, (uid_t uid, passwd* entry, char* buffer, size_t size, passwd** result), (uid, entry, buffer, size, result))
COIR_NAME_CALL(getgrnam_r, (const char* name, group* entry, char* buffer, size_t size, group** result), (name, entry, buffer, size, result))
COIR_NAME_CALL(getgrgid_r, (gid_t gid, group* entry, char* buffer, size_t size, group** result), (gid, entry, buffer, size, result))
COIR_NAME_CALL(initgroups, (const char* user, gid_t group), (user, group))
COIR_NAME_CALL(getgrouplist, (const char* user, gid_t group, gid_t* groups, int* count), (user, group, groups, count))
COIR_NAME_CALL(innetgr, (const char* netgroup, const char* host, const char* user, const char* domain), (netgroup, host, user, domain))
// clang-format on

}  // extern "C"

#undef COIR_ARGUMENTS
#undef COIR_NAME_CALL
