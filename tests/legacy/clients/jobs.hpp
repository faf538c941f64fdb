// SPDX-License-Identifier: BSL-1.0
// One blocking job per client library, as its manual would write it. They know nothing of coir.
#pragma once

#include <string>

namespace jobs {

/// Connects, sleeps a tenth of a second in the server, and computes something. `security` is
/// libpq's sslmode.
std::string postgresql(int number, const std::string& security);

void start_curl();
/// Fetches a page that takes a tenth of a second.
std::string curl(int number, bool secure);

/// Connects, 10 SETs and 10 GETs, and a BLPOP that times out after a second.
std::string redis(int number);

/// Connects, sleeps a tenth of a second in the server, and computes something.
std::string mariadb(int number);

void start_openssl();
/// A TLS handshake on a plain socket, and a page that takes a tenth of a second.
std::string openssl(int number);
/// Leaves an error in OpenSSL's queue, sleeps, and takes it out: only that one may be there.
std::string openssl_errors(int number);

/// Connects, sets and gets.
std::string memcached(int number);

}  // namespace jobs
