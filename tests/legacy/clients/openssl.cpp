// SPDX-License-Identifier: BSL-1.0
// OpenSSL on plain blocking sockets: 300 x handshake and a page that takes a tenth of a second.
#include "crowd.hpp"
#include "jobs.hpp"

int main(int argc, char** argv) {
    jobs::start_openssl();
    return crowd::main(argc, argv, {"openssl", 300, &jobs::openssl});
}
