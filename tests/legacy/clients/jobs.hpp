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
std::string curl(int number, bool secure, const std::string& host = "127.0.0.1");

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

/// A session with a public key, and a page that takes a tenth of a second, through a tunnel.
void start_ssh();
std::string ssh(int number);

/// A request of a tenth of a second.
void start_zmq();
std::string zmq(int number);

/// A producer for a broker that is not there: half a second until it gives up.
std::string kafka_flush(int number);
void start_kafka();
/// A producer that delivers a message to the mock cluster.
std::string kafka_deliver(int number);

/// An event loop of its own that fetches a page that takes a tenth of a second.
std::string libevent(int number);

/// A name whose server takes a tenth of a second, by c-ares; by getaddrinfo(); a number.
std::string cares(int number);
std::string name(int number, bool numeric);

/// Writes and reads a database of its own.
std::string sqlite_own(int number);
void start_sqlite_shared();
/// Writes and reads by a connection that all share; every tenth locks the database for 20 ms.
std::string sqlite_shared(int number);

}  // namespace jobs
