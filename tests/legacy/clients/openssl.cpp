// SPDX-License-Identifier: BSL-1.0
// OpenSSL on plain blocking sockets: 300 x handshake and a page that takes a tenth of a second.
// With --probe errors: whether the queue of errors is the caller's own.
#include "crowd.hpp"
#include "jobs.hpp"

int main(int argc, char** argv) {
    if (crowd::option(argc, argv, "probe", "") == "errors") {
        return crowd::main(argc, argv, {"openssl-errors", 300, &jobs::openssl_errors});
    }
    return crowd::main(argc, argv, {"openssl", 300, &jobs::openssl, &jobs::start_openssl});
}
