// SPDX-License-Identifier: BSL-1.0
// See common.hpp.
#include "common.hpp"

#include <algorithm>
#include <atomic>
#include <cstdlib>

namespace differential {
namespace {

std::atomic<int> deliveries[_NSIG];

constexpr std::size_t period = 23;

// The pattern from any place of its period on, for the largest piece that is compared at once.
const char* pattern_from(std::size_t position) {
    static const std::string endless = [] {
        std::string data(65536 + period, '\0');
        for (std::size_t i = 0; i < data.size(); ++i) data[i] = static_cast<char>('a' + i % period);
        return data;
    }();
    return endless.data() + position % period;
}

}  // namespace

std::string pattern(std::size_t size) {
    std::string data;
    data.reserve(size);
    while (data.size() < size) {
        data.append(pattern_from(data.size()), std::min<std::size_t>(65536, size - data.size()));
    }
    return data;
}

bool read_pattern(int fd, std::size_t size, std::size_t piece) {
    std::string buffer(piece, '\0');
    for (std::size_t at = 0; at < size;) {
        const ssize_t got = ::read(fd, buffer.data(), std::min(piece, size - at));
        if (got <= 0) return false;
        const auto bytes = static_cast<std::size_t>(got);
        if (std::memcmp(buffer.data(), pattern_from(at), bytes) != 0) return false;
        at += bytes;
    }
    return true;
}

TemporaryName::TemporaryName() {
    const char* base = std::getenv("TMPDIR");
    folder_ = std::string(base && *base ? base : "/tmp") + "/coir-probe-XXXXXX";
    if (!::mkdtemp(folder_.data())) std::abort();
    name_ = folder_ + "/name";
}

TemporaryName::~TemporaryName() {
    ::unlink(name_.c_str());
    ::rmdir(folder_.c_str());
}

sockaddr_un TemporaryName::unix_address() const {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    name_.copy(address.sun_path, sizeof address.sun_path - 1);
    return address;
}

Handler::Handler(int number, int flags) : number_(number) {
    struct sigaction action {};
    action.sa_handler = [](int which) { ++deliveries[which]; };
    action.sa_flags = flags;
    ::sigaction(number, &action, &before_);
}

Handler::~Handler() { ::sigaction(number_, &before_, nullptr); }

int Handler::count() const { return deliveries[number_]; }

}  // namespace differential
