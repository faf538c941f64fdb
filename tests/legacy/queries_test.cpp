// SPDX-License-Identifier: BSL-1.0
// Queries to a name server that is a task of the same loop: they must not hold it up.
#include "probes.hpp"

#include <cerrno>
#include <cstring>

#include <netdb.h>
#include <resolv.h>

using namespace legacy_test;

namespace {

// Answers every question with one address, 192.0.2.7.
class NameServer {
public:
    NameServer() : fd_(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
        address_.sin_family = AF_INET;
        address_.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t length = sizeof address_;
        good_ = ::bind(fd_, generic(), length) == 0 && ::getsockname(fd_, generic(), &length) == 0;
        task_ = coir::create_task([this] { serve(); });
    }
    NameServer(const NameServer&) = delete;
    NameServer& operator=(const NameServer&) = delete;
    ~NameServer() {
        static_cast<void>(task_.cancel());
        try {
            coir::await(task_);
        } catch (const coir::CancelledError&) {
        } catch (const coir::TaskCancelledError&) {
        }
        ::close(fd_);
    }
    bool good() const { return good_; }
    int asked() const { return asked_; }
    /// From now on this thread asks here.
    void use() const {
        ::res_init();
        _res.nscount = 1;
        _res.nsaddr_list[0] = address_;
        _res.retrans = 2;
        _res.retry = 1;
    }

private:
    sockaddr* generic() { return reinterpret_cast<sockaddr*>(&address_); }
    void serve() {
        unsigned char packet[512];
        sockaddr_in peer;
        for (;;) {
            socklen_t length = sizeof peer;
            const ssize_t size = ::recvfrom(fd_, packet, 300, 0, reinterpret_cast<sockaddr*>(&peer),
                                            &length);
            if (size < 12) return;
            ++asked_;
            ::usleep(10'000);
            std::size_t end = 12;  // the question: labels, type, class
            while (packet[end] != 0) end += packet[end] + 1u;
            end += 5;
            packet[2] |= 0x80;  // a response
            packet[3] = 0x80;
            packet[7] = 1;                     // one answer
            std::memset(packet + 8, 0, 4);     // no more sections
            const unsigned char answer[] = {0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 9, 0, 4, 192, 0, 2, 7};
            std::memcpy(packet + end, answer, sizeof answer);
            static_cast<void>(::sendto(fd_, packet, end + sizeof answer, 0,
                                       reinterpret_cast<sockaddr*>(&peer), length));
        }
    }

    sockaddr_in address_{};
    int fd_;
    bool good_ = false;
    int asked_ = 0;
    coir::Task<void> task_;
};

bool is_expected(const unsigned char* answer, int length) {
    const unsigned char address[] = {192, 0, 2, 7};
    return length > 4 && std::memcmp(answer + length - 4, address, 4) == 0;
}

}  // namespace

TEST_CASE("res_query and its like ask the servers that the program has chosen", "[legacy]") {
    coir_test::run_in_loop([] {
        NameServer server;
        REQUIRE(server.good());
        server.use();
        unsigned char answer[512];
        CHECK(is_expected(answer, ::res_query("a.example", 1, 1, answer, sizeof answer)));
        CHECK(is_expected(answer, ::res_search("b.example.", 1, 1, answer, sizeof answer)));
        CHECK(is_expected(answer,
                          ::res_querydomain("c", "example", 1, 1, answer, sizeof answer)));
        unsigned char query[512];
        const int length = ::res_mkquery(0, "d.example", 1, 1, nullptr, 0, nullptr, query, sizeof query);
        REQUIRE(length > 0);
        CHECK(is_expected(answer, ::res_send(query, length, answer, sizeof answer)));

        auto* state = &_res;
        CHECK(is_expected(answer, ::res_nquery(state, "e.example", 1, 1, answer, sizeof answer)));
        CHECK(is_expected(answer, ::res_nsearch(state, "f.example.", 1, 1, answer, sizeof answer)));
        CHECK(is_expected(answer,
                          ::res_nquerydomain(state, "g", "example", 1, 1, answer, sizeof answer)));
        CHECK(is_expected(answer, ::res_nsend(state, query, length, answer, sizeof answer)));
        CHECK(server.asked() == 8);
        ::res_init();
    });
}

TEST_CASE("getaddrinfo_a waits as a task", "[legacy]") {
    coir_test::run_in_loop([] {
        Turns turns;
        gaicb one{}, two{};
        one.ar_name = "localhost";
        two.ar_name = "127.0.0.1";
        gaicb* list[] = {&one, &two};
        REQUIRE(::getaddrinfo_a(GAI_WAIT, list, 2, nullptr) == 0);
        CHECK(::gai_error(&one) == 0);
        CHECK(::gai_error(&two) == 0);
        ::freeaddrinfo(one.ar_result);
        ::freeaddrinfo(two.ar_result);

        gaicb later{};
        later.ar_name = "localhost";
        gaicb* others[] = {&later};
        REQUIRE(::getaddrinfo_a(GAI_NOWAIT, others, 1, nullptr) == 0);
        const gaicb* const waited[] = {&later};
        int result;
        do {
            const timespec limit{1, 0};
            result = ::gai_suspend(waited, 1, &limit);
        } while (result == EAI_INTR);
        CHECK((result == 0 || result == EAI_ALLDONE));
        CHECK(::gai_error(&later) == 0);
        ::freeaddrinfo(later.ar_result);
    });
}
