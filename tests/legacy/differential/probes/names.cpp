// SPDX-License-Identifier: BSL-1.0
// Names of hosts, services, protocols, users and groups; and libc's helpers that hide a call.
#include "common.hpp"

#include <vector>

#include <grp.h>
#include <netdb.h>
#include <pwd.h>
#include <sys/eventfd.h>

using namespace differential;

namespace {

const char* name_of(int error) {
    switch (error) {
        case 0: return "0";
        case EAI_NONAME: return "EAI_NONAME";
        case EAI_SERVICE: return "EAI_SERVICE";
        case EAI_FAMILY: return "EAI_FAMILY";
        case EAI_SOCKTYPE: return "EAI_SOCKTYPE";
        case EAI_BADFLAGS: return "EAI_BADFLAGS";
        case EAI_OVERFLOW: return "EAI_OVERFLOW";
        case EAI_SYSTEM: return "EAI_SYSTEM";
        default: return "another error";
    }
}

void resolve(const char* host, const char* service, const addrinfo& hints) {
    addrinfo* list = nullptr;
    const int error = ::getaddrinfo(host, service, &hints, &list);
    int count = 0;
    char text[100] = "";
    char port[20] = "";
    for (const addrinfo* one = list; error == 0 && one; one = one->ai_next) ++count;
    if (error == 0) {
        ::getnameinfo(list->ai_addr, list->ai_addrlen, text, sizeof text, port, sizeof port,
                      NI_NUMERICHOST | NI_NUMERICSERV);
        ::freeaddrinfo(list);
    }
    say("%s %s: %s, %d, %s %s", host ? host : "-", service ? service : "-", name_of(error), count,
        text, port);
}

}  // namespace

PROBE("getaddrinfo", "getaddrinfo") {
    addrinfo hints{};
    hints.ai_family = AF_INET;
    resolve("127.0.0.1", "80", hints);
    resolve("localhost", nullptr, hints);
    hints.ai_socktype = SOCK_STREAM;
    resolve("127.0.0.1", "http", hints);
    resolve("localhost", "no-such-service", hints);
    resolve(nullptr, "80", hints);
    resolve(nullptr, nullptr, hints);
    hints.ai_flags = AI_PASSIVE;
    resolve(nullptr, "80", hints);
    hints.ai_flags = AI_NUMERICHOST;
    resolve("localhost", "80", hints);
    hints.ai_flags = AI_NUMERICSERV;
    resolve("127.0.0.1", "http", hints);
    hints.ai_flags = 0;
    resolve("::1", "80", hints);
    hints.ai_family = 77;
    resolve("127.0.0.1", "80", hints);
    hints.ai_family = AF_INET;
    hints.ai_flags = 0x7000000;
    resolve("127.0.0.1", "80", hints);
}

PROBE("getaddrinfo for several", "getaddrinfo") {
    std::vector<Actor> actors;
    for (int i = 0; i < 8; ++i) {
        actors.push_back(spawn([] {
            addrinfo hints{};
            hints.ai_family = AF_INET;
            hints.ai_socktype = SOCK_STREAM;
            resolve("localhost", "80", hints);
        }));
    }
}

PROBE("getnameinfo", "getnameinfo") {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(80);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const auto* generic = reinterpret_cast<const sockaddr*>(&address);
    char host[200], service[50];
    const int numbers = NI_NUMERICHOST | NI_NUMERICSERV;
    say("%s", name_of(::getnameinfo(generic, sizeof address, host, sizeof host, service,
                                    sizeof service, numbers)));
    say("%s %s", host, service);
    say("%s", name_of(::getnameinfo(generic, sizeof address, host, 3, nullptr, 0, numbers)));
    say("%s", name_of(::getnameinfo(generic, sizeof address, host, sizeof host, service,
                                    sizeof service, NI_NUMERICHOST)));
    say("%s %s", host, service);
    say("%s", name_of(::getnameinfo(generic, 3, host, sizeof host, nullptr, 0, numbers)));
}

PROBE("the old names of hosts", "gethostbyname", "gethostbyname_r", "gethostbyname2",
      "gethostbyaddr", "gethostbyname2_r", "gethostbyaddr_r") {
    hostent* host = ::gethostbyname("127.0.0.1");
    say("%s, %d", host ? host->h_name : "none", host ? host->h_length : 0);
    host = ::gethostbyname("localhost");
    say("%s, %d", host ? host->h_name : "none", host ? host->h_addrtype == AF_INET : 0);
    host = ::gethostbyname2("::1", AF_INET6);
    say("%s, %d", host ? host->h_name : "none", host ? host->h_length : 0);
    host = ::gethostbyname("no.such.host.invalid.");
    say("%s", host ? "one" : "none");
    hostent entry{};
    hostent* found = nullptr;
    char buffer[1000];
    int error = 0;
    report_error("_r", ::gethostbyname_r("localhost", &entry, buffer, sizeof buffer, &found, &error));
    say("%s", found ? found->h_name : "none");
    report_error("_r, no room", ::gethostbyname_r("localhost", &entry, buffer, 10, &found, &error));
    report_error("2_r", ::gethostbyname2_r("localhost", AF_INET, &entry, buffer, sizeof buffer,
                                           &found, &error));
    say("%s", found ? found->h_name : "none");
    const in_addr address{htonl(INADDR_LOOPBACK)};
    host = ::gethostbyaddr(&address, sizeof address, AF_INET);
    say("%s", host ? host->h_name : "none");
    report_error("addr_r", ::gethostbyaddr_r(&address, sizeof address, AF_INET, &entry, buffer,
                                             sizeof buffer, &found, &error));
    say("%s", found ? found->h_name : "none");
}

PROBE("services and protocols", "getservbyname", "getservbyname_r", "getservbyport",
      "getservbyport_r", "getprotobyname", "getprotobyname_r", "getprotobynumber",
      "getprotobynumber_r") {
    const servent* service = ::getservbyname("http", "tcp");
    say("http: %d", service ? ntohs(static_cast<std::uint16_t>(service->s_port)) : -1);
    service = ::getservbyport(htons(443), "tcp");
    say("443: %s", service ? service->s_name : "none");
    say("none: %d", ::getservbyname("no-such-service", "tcp") == nullptr);
    const protoent* protocol = ::getprotobyname("tcp");
    say("tcp: %d", protocol ? protocol->p_proto : -1);
    protocol = ::getprotobynumber(17);
    say("17: %s", protocol ? protocol->p_name : "none");
    char buffer[1000];
    servent entry{};
    servent* found = nullptr;
    report_error("_r", ::getservbyname_r("http", "tcp", &entry, buffer, sizeof buffer, &found));
    report_error("no room", ::getservbyname_r("http", "tcp", &entry, buffer, 4, &found));
    report_error("port_r",
                 ::getservbyport_r(htons(80), "tcp", &entry, buffer, sizeof buffer, &found));
    protoent protocol_entry{};
    protoent* protocol_found = nullptr;
    report_error("name_r", ::getprotobyname_r("tcp", &protocol_entry, buffer, sizeof buffer,
                                              &protocol_found));
    report_error("number_r", ::getprotobynumber_r(6, &protocol_entry, buffer, sizeof buffer,
                                                  &protocol_found));
}

PROBE("users and groups", "getpwnam", "getpwnam_r", "getpwuid", "getpwuid_r", "getgrnam",
      "getgrnam_r", "getgrgid", "getgrgid_r", "getgrouplist") {
    const passwd* user = ::getpwuid(0);
    say("0: %s", user ? user->pw_name : "none");
    user = ::getpwnam("root");
    say("root: %d", user ? static_cast<int>(user->pw_uid) : -1);
    errno = 0;
    say("none: %d", ::getpwnam("no-such-user") == nullptr);
    const group* one = ::getgrgid(0);
    say("0: %s", one ? one->gr_name : "none");
    one = ::getgrnam("root");
    say("root: %d", one ? static_cast<int>(one->gr_gid) : -1);
    char buffer[4096];
    passwd entry{};
    passwd* found = nullptr;
    report_error("pwnam_r", ::getpwnam_r("root", &entry, buffer, sizeof buffer, &found));
    say("%s", found ? found->pw_dir : "none");
    report_error("pwuid_r, no room", ::getpwuid_r(0, &entry, buffer, 4, &found));
    group group_entry{};
    group* group_found = nullptr;
    report_error("grnam_r", ::getgrnam_r("root", &group_entry, buffer, sizeof buffer, &group_found));
    report_error("grgid_r", ::getgrgid_r(0, &group_entry, buffer, sizeof buffer, &group_found));
    gid_t groups[100];
    int count = 100;
    report("getgrouplist", ::getgrouplist("root", 0, groups, &count));
}

PROBE("eventfd_read and eventfd_write wait", "eventfd_read", "eventfd_write") {
    const int fd = ::eventfd(0, 0);
    Actor writer = spawn([&] {
        pause_for(a_moment);
        ::eventfd_write(fd, 5);
    });
    eventfd_t value = 0;
    report("read", ::eventfd_read(fd, &value));
    say("%d", static_cast<int>(value));
    writer.join();
    report("the most", ::eventfd_write(fd, ~std::uint64_t{0} - 1));
    Actor reader = spawn([&] {
        pause_for(a_moment);
        eventfd_t all = 0;
        ::eventfd_read(fd, &all);
    });
    report("one more", ::eventfd_write(fd, 1));
    reader.join();
    set_nonblocking(fd, true);
    report("read", ::eventfd_read(fd, &value));
    report("without waiting", ::eventfd_read(fd, &value));
    ::close(fd);
    report("closed", ::eventfd_write(fd, 1));
}
