// SPDX-License-Identifier: BSL-1.0
// getaddrinfo in tasks.
#include "probes.hpp"

#include <cerrno>
#include <filesystem>
#include <iterator>

#include <netdb.h>

using namespace legacy_test;

namespace {

auto threads() {
    return std::distance(std::filesystem::directory_iterator("/proc/self/task"),
                         std::filesystem::directory_iterator());
}

}  // namespace

TEST_CASE("numbers are resolved without a thread, names with one", "[legacy]") {
    coir_test::run_in_loop([] {
        const auto before = threads();
        addrinfo hints{};
        hints.ai_socktype = SOCK_STREAM;
        addrinfo* list = nullptr;
        REQUIRE(::getaddrinfo("127.0.0.1", "80", &hints, &list) == 0);
        const auto* address = reinterpret_cast<const sockaddr_in*>(list->ai_addr);
        CHECK(address->sin_port == htons(80));
        CHECK(address->sin_addr.s_addr == htonl(INADDR_LOOPBACK));
        ::freeaddrinfo(list);
        REQUIRE(::getaddrinfo("::1", nullptr, nullptr, &list) == 0);
        CHECK(list->ai_family == AF_INET6);
        ::freeaddrinfo(list);
        hints.ai_flags = AI_PASSIVE;
        REQUIRE(::getaddrinfo(nullptr, "80", &hints, &list) == 0);
        ::freeaddrinfo(list);
        hints.ai_flags = AI_NUMERICHOST;
        CHECK(::getaddrinfo("localhost", "80", &hints, &list) == EAI_NONAME);
        CHECK(threads() == before);

        Turns turns;
        hints.ai_flags = 0;
        hints.ai_family = AF_INET;
        REQUIRE(::getaddrinfo("localhost", "80", &hints, &list) == 0);
        CHECK(reinterpret_cast<const sockaddr_in*>(list->ai_addr)->sin_addr.s_addr ==
              htonl(INADDR_LOOPBACK));
        ::freeaddrinfo(list);
        CHECK(threads() > before);
    });
}

TEST_CASE("a cancelled task does not begin to resolve", "[legacy]") {
    coir_test::run_in_loop([] {
        int result = 0;
        int error = 0;
        auto task = coir::create_task([&] {
            static_cast<void>(coir::current_task().cancel());
            addrinfo* list = nullptr;
            result = ::getaddrinfo("localhost", "80", nullptr, &list);
            error = errno;
        });
        coir::await(task);
        CHECK(result == EAI_SYSTEM);
        CHECK(error == ECANCELED);
    });
}
