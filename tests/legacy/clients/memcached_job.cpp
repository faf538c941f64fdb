// SPDX-License-Identifier: BSL-1.0
#include "crowd.hpp"
#include "jobs.hpp"

#include <cstdlib>
#include <memory>
#include <stdexcept>

#include <libmemcached/memcached.h>

namespace jobs {

std::string memcached(int number) {
    const std::string where = "--SERVER=127.0.0.1:" + crowd::port_from("COIR_MEMCACHED_PORT");
    const std::unique_ptr<memcached_st, decltype(&memcached_free)> client(
        ::memcached(where.data(), where.size()), &memcached_free);
    if (!client) throw std::runtime_error("no client");
    const std::string key = "key-" + std::to_string(number);
    const std::string value(1000, static_cast<char>('a' + number % 26));
    memcached_return_t result = memcached_set(client.get(), key.data(), key.size(), value.data(),
                                              value.size(), 0, 0);
    if (result != MEMCACHED_SUCCESS) throw std::runtime_error(memcached_strerror(client.get(), result));
    std::size_t size = 0;
    std::uint32_t flags = 0;
    const std::unique_ptr<char, decltype(&std::free)> got(
        memcached_get(client.get(), key.data(), key.size(), &size, &flags, &result), &std::free);
    if (!got) throw std::runtime_error(memcached_strerror(client.get(), result));
    return std::string(got.get(), size);
}

}  // namespace jobs
