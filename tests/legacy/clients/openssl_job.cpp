// SPDX-License-Identifier: BSL-1.0
// OpenSSL on a plain blocking socket: a handshake and a slow page.
#include "crowd.hpp"
#include "jobs.hpp"
#include "loopback.hpp"

#include <chrono>
#include <memory>
#include <stdexcept>
#include <thread>

#include <openssl/err.h>
#include <openssl/ssl.h>

namespace jobs {
namespace {

SSL_CTX* context() {
    static SSL_CTX* const made = [] {
        SSL_CTX* fresh = SSL_CTX_new(TLS_client_method());
        SSL_CTX_load_verify_locations(fresh, crowd::port_from("COIR_CERTIFICATE").c_str(), nullptr);
        SSL_CTX_set_verify(fresh, SSL_VERIFY_PEER, nullptr);
        return fresh;
    }();
    return made;
}

[[noreturn]] void fail(const char* what) {
    char text[256];
    ERR_error_string_n(ERR_get_error(), text, sizeof text);
    throw std::runtime_error(std::string(what) + ": " + text);
}

}  // namespace

void start_openssl() { static_cast<void>(context()); }

std::string openssl(int number) {
    const Loopback socket("COIR_HTTPS_PORT");
    const std::unique_ptr<SSL, decltype(&SSL_free)> tls(SSL_new(context()), &SSL_free);
    SSL_set_fd(tls.get(), socket.fd);
    if (SSL_connect(tls.get()) != 1) fail("SSL_connect");
    const std::string request = "GET /" + std::to_string(number) +
                                " HTTP/1.0\r\nHost: localhost\r\n\r\n";
    if (SSL_write(tls.get(), request.data(), static_cast<int>(request.size())) <= 0) {
        fail("SSL_write");
    }
    std::string answer;
    char buffer[4096];
    int size;
    while ((size = SSL_read(tls.get(), buffer, sizeof buffer)) > 0) {
        answer.append(buffer, static_cast<std::size_t>(size));
    }
    if (SSL_get_error(tls.get(), size) != SSL_ERROR_ZERO_RETURN) fail("SSL_read");
    // Errors of others would be here, if the queue were not this caller's own.
    if (ERR_peek_error() != 0) fail("a foreign error");
    SSL_shutdown(tls.get());
    return body_of(answer);
}

std::string openssl_errors(int number) {
    ERR_raise(ERR_LIB_USER, number + 1);
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    const unsigned long first = ERR_get_error();
    if (ERR_GET_LIB(first) != ERR_LIB_USER || ERR_GET_REASON(first) != number + 1) {
        throw std::runtime_error("a foreign error, or none");
    }
    if (ERR_get_error() != 0) throw std::runtime_error("more than one error");
    return std::to_string(ERR_GET_REASON(first));
}

}  // namespace jobs
