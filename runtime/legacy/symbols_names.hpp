// SPDX-License-Identifier: BSL-1.0
// Names of hosts, services and users. See symbols.hpp.
#pragma once

// clang-format off
#define COIR_LEGACY_NAME_SYMBOLS(X) \
    X(getaddrinfo, dns, -1, int, (const char* host, const char* service, const addrinfo* hints, addrinfo** list), (host, service, hints, list)) \
    X(getnameinfo, dns, -1, int, (const sockaddr* address, socklen_t length, char* host, socklen_t host_size, char* service, socklen_t service_size, int flags), (address, length, host, host_size, service, service_size, flags)) \
    X(gethostbyname, dns, -1, hostent*, (const char* name), (name)) \
    X(gethostbyname2, dns, -1, hostent*, (const char* name, int family), (name, family)) \
    X(gethostbyaddr, dns, -1, hostent*, (const void* address, socklen_t length, int family), (address, length, family)) \
    X(gethostbyname_r, dns, -1, int, (const char* name, hostent* entry, char* buffer, size_t size, hostent** result, int* error), (name, entry, buffer, size, result, error)) \
    X(gethostbyname2_r, dns, -1, int, (const char* name, int family, hostent* entry, char* buffer, size_t size, hostent** result, int* error), (name, family, entry, buffer, size, result, error)) \
    X(gethostbyaddr_r, dns, -1, int, (const void* address, socklen_t length, int family, hostent* entry, char* buffer, size_t size, hostent** result, int* error), (address, length, family, entry, buffer, size, result, error)) \
    X(getservbyname, dns, -1, servent*, (const char* name, const char* protocol), (name, protocol)) \
    X(getservbyport, dns, -1, servent*, (int port, const char* protocol), (port, protocol)) \
    X(getservbyname_r, dns, -1, int, (const char* name, const char* protocol, servent* entry, char* buffer, size_t size, servent** result), (name, protocol, entry, buffer, size, result)) \
    X(getservbyport_r, dns, -1, int, (int port, const char* protocol, servent* entry, char* buffer, size_t size, servent** result), (port, protocol, entry, buffer, size, result)) \
    X(getprotobyname, dns, -1, protoent*, (const char* name), (name)) \
    X(getprotobynumber, dns, -1, protoent*, (int number), (number)) \
    X(getprotobyname_r, dns, -1, int, (const char* name, protoent* entry, char* buffer, size_t size, protoent** result), (name, entry, buffer, size, result)) \
    X(getprotobynumber_r, dns, -1, int, (int number, protoent* entry, char* buffer, size_t size, protoent** result), (number, entry, buffer, size, result)) \
    X(getpwnam, dns, -1, passwd*, (const char* name), (name)) \
    X(getpwuid, dns, -1, passwd*, (uid_t uid), (uid)) \
    X(getpwnam_r, dns, -1, int, (const char* name, passwd* entry, char* buffer, size_t size, passwd** result), (name, entry, buffer, size, result)) \
    X(getpwuid_r, dns, -1, int, (uid_t uid, passwd* entry, char* buffer, size_t size, passwd** result), (uid, entry, buffer, size, result)) \
    X(getgrnam, dns, -1, group*, (const char* name), (name)) \
    X(getgrgid, dns, -1, group*, (gid_t gid), (gid)) \
    X(getgrnam_r, dns, -1, int, (const char* name, group* entry, char* buffer, size_t size, group** result), (name, entry, buffer, size, result)) \
    X(getgrgid_r, dns, -1, int, (gid_t gid, group* entry, char* buffer, size_t size, group** result), (gid, entry, buffer, size, result)) \
    X(initgroups, dns, -1, int, (const char* user, gid_t group), (user, group)) \
    X(getgrouplist, dns, -1, int, (const char* user, gid_t group, gid_t* groups, int* count), (user, group, groups, count)) \
    X(innetgr, dns, -1, int, (const char* netgroup, const char* host, const char* user, const char* domain), (netgroup, host, user, domain)) \
    X(getaddrinfo_a, dns, -1, int, (int mode, gaicb** list, int count, sigevent* event), (mode, list, count, event)) \
    X(gai_suspend, dns, -1, int, (const gaicb* const* list, int count, const timespec* timeout), (list, count, timeout)) \
    X(res_query, dns, -1, int, (const char* name, int kind, int type, unsigned char* answer, int size), (name, kind, type, answer, size)) \
    X(res_search, dns, -1, int, (const char* name, int kind, int type, unsigned char* answer, int size), (name, kind, type, answer, size)) \
    X(res_querydomain, dns, -1, int, (const char* name, const char* domain, int kind, int type, unsigned char* answer, int size), (name, domain, kind, type, answer, size)) \
    X(res_send, dns, -1, int, (const unsigned char* query, int length, unsigned char* answer, int size), (query, length, answer, size)) \
    X(res_nquery, dns, -1, int, (struct __res_state* state, const char* name, int kind, int type, unsigned char* answer, int size), (state, name, kind, type, answer, size)) \
    X(res_nsearch, dns, -1, int, (struct __res_state* state, const char* name, int kind, int type, unsigned char* answer, int size), (state, name, kind, type, answer, size)) \
    X(res_nquerydomain, dns, -1, int, (struct __res_state* state, const char* name, const char* domain, int kind, int type, unsigned char* answer, int size), (state, name, domain, kind, type, answer, size)) \
    X(res_nsend, dns, -1, int, (struct __res_state* state, const unsigned char* query, int length, unsigned char* answer, int size), (state, query, length, answer, size))
// clang-format on
