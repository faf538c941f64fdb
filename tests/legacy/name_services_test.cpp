// SPDX-License-Identifier: BSL-1.0
// Hosts, services, users and groups by name, in tasks and without.
#include "probes.hpp"

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <iterator>
#include <string>
#include <vector>

#include <grp.h>
#include <netdb.h>
#include <pwd.h>

using namespace legacy_test;

namespace {

auto threads() {
    return std::distance(std::filesystem::directory_iterator("/proc/self/task"),
                         std::filesystem::directory_iterator());
}

std::string text_of(const hostent* host) {
    if (!host) return "none, h_errno " + std::to_string(h_errno);
    std::string text = host->h_name;
    for (char** address = host->h_addr_list; *address; ++address) {
        char number[INET6_ADDRSTRLEN];
        text += ' ';
        text += ::inet_ntop(host->h_addrtype, *address, number, sizeof number);
    }
    return text;
}

std::string text_of(const servent* service) {
    if (!service) return "none";
    return std::string(service->s_name) + ' ' + std::to_string(service->s_port) + ' ' +
           service->s_proto;
}

std::string text_of(const protoent* protocol) {
    return protocol ? protocol->p_name + std::string(" ") + std::to_string(protocol->p_proto)
                    : "none";
}

std::string text_of(const passwd* user) {
    return user ? std::string(user->pw_name) + ' ' + std::to_string(user->pw_uid) + ' ' + user->pw_dir
                : "none";
}

std::string text_of(const group* known) {
    return known ? std::string(known->gr_name) + ' ' + std::to_string(known->gr_gid) : "none";
}

// Everything that can be asked, as lines.
std::vector<std::string> ask_everything() {
    std::vector<std::string> lines;
    const auto say = [&](const auto* answer) { lines.push_back(text_of(answer)); };
    const in_addr loopback{htonl(INADDR_LOOPBACK)};
    say(::gethostbyname("localhost"));
    say(::gethostbyname("127.0.0.1"));
    say(::gethostbyname("127.1"));
    say(::gethostbyname2("::1", AF_INET6));
    say(::gethostbyname2("localhost", AF_INET));
    say(::gethostbyaddr(&loopback, sizeof loopback, AF_INET));
    say(::getservbyname("http", "tcp"));
    say(::getservbyname("no-such-service", "tcp"));
    say(::getservbyport(htons(22), "tcp"));
    say(::getprotobyname("udp"));
    say(::getprotobynumber(6));
    say(::getprotobyname("no-such-protocol"));
    say(::getpwnam("root"));
    say(::getpwuid(0));
    say(::getpwnam("no-such-user"));
    say(::getgrnam("root"));
    say(::getgrgid(0));
    say(::getgrgid(98765));
    hostent host;
    hostent* found = nullptr;
    char buffer[1024];
    int error = 0;
    lines.push_back(std::to_string(
        ::gethostbyname_r("localhost", &host, buffer, sizeof buffer, &found, &error)));
    say(found);
    lines.push_back(std::to_string(
        ::gethostbyname2_r("localhost", AF_INET, &host, buffer, sizeof buffer, &found, &error)));
    say(found);
    lines.push_back(std::to_string(::gethostbyaddr_r(&loopback, sizeof loopback, AF_INET, &host, buffer,
                                                     sizeof buffer, &found, &error)));
    say(found);
    lines.push_back(
        std::to_string(::gethostbyname_r("localhost", &host, buffer, 8, &found, &error)));
    passwd user;
    passwd* known = nullptr;
    lines.push_back(std::to_string(::getpwnam_r("root", &user, buffer, sizeof buffer, &known)));
    say(known);
    lines.push_back(std::to_string(::getpwuid_r(0, &user, buffer, 2, &known)));
    lines.push_back(std::to_string(::innetgr("no-such-group", nullptr, nullptr, nullptr)));
    gid_t groups[64];
    int count = 64;
    lines.push_back(std::to_string(::getgrouplist("root", 0, groups, &count)));
    for (int i = 0; i < count; ++i) lines.push_back(std::to_string(groups[i]));
    count = 0;
    lines.push_back(std::to_string(::getgrouplist("root", 0, groups, &count)));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(80);
    address.sin_addr = loopback;
    char name[NI_MAXHOST], service[NI_MAXSERV];
    for (const int flags : {0, NI_NUMERICHOST, NI_NUMERICHOST | NI_NUMERICSERV, NI_NAMEREQD}) {
        lines.push_back(std::to_string(
            ::getnameinfo(reinterpret_cast<sockaddr*>(&address), sizeof address, name, sizeof name,
                          service, sizeof service, flags)));
        lines.push_back(std::string(name) + ' ' + service);
    }
    return lines;
}

}  // namespace

TEST_CASE("name services answer as they do without tasks", "[legacy][loads]") {
    const std::vector<std::string> expected = ask_everything();
    std::vector<std::string> answered;
    coir_test::run_in_loop([&] { answered = ask_everything(); });
    CHECK(answered == expected);
}

TEST_CASE("a result belongs to the task that asked", "[legacy]") {
    coir_test::run_in_loop([] {
        const passwd* mine = ::getpwuid(0);
        REQUIRE(mine);
        const servent* service = ::getservbyname("http", "tcp");
        auto other = coir::create_task([&] {
            const passwd* theirs = ::getpwnam("nobody");
            CHECK(theirs != mine);
            static_cast<void>(::getservbyport(htons(22), "tcp"));
            return theirs ? std::string(theirs->pw_name) : std::string("nobody");
        });
        CHECK(coir::await(other) == "nobody");
        CHECK(std::string(mine->pw_name) == "root");
        if (service) CHECK(std::string(service->s_name) == "http");
        // Until the same task asks again.
        CHECK(::getpwnam("root") == mine);
    });
}

TEST_CASE("numbers need no thread, names do not hold the loop up", "[legacy]") {
    coir_test::run_in_loop([] {
        const auto before = threads();
        CHECK(::gethostbyname("127.0.0.1"));
        sockaddr_in address{};
        address.sin_family = AF_INET;
        char name[NI_MAXHOST];
        CHECK(::getnameinfo(reinterpret_cast<sockaddr*>(&address), sizeof address, name, sizeof name,
                            nullptr, 0, NI_NUMERICHOST) == 0);
        CHECK(threads() == before);
        CHECK(::getpwuid(0));
        CHECK(threads() > before);
    });
}

TEST_CASE("a cancelled task asks nobody", "[legacy]") {
    coir_test::run_in_loop([] {
        int error = 0;
        int host_error = 0;
        int number = 0;
        auto task = coir::create_task([&] {
            static_cast<void>(coir::current_task().cancel());
            if (!::getpwnam("root")) error = errno;
            if (!::gethostbyname("localhost")) host_error = h_errno;
            passwd user;
            passwd* known = nullptr;
            char buffer[1024];
            number = ::getpwnam_r("root", &user, buffer, sizeof buffer, &known);
        });
        coir::await(task);
        CHECK(error == ECANCELED);
        CHECK(host_error == TRY_AGAIN);
        CHECK(number == ECANCELED);
    });
}
