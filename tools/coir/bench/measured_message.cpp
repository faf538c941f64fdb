// SPDX-License-Identifier: BSL-1.0
#include "measured_message.hpp"

#include <cstring>
#include <type_traits>

namespace coir_tool {
namespace {

using coir_bench::Histogram;
static_assert(std::is_trivially_copyable_v<Histogram> && std::is_trivially_copyable_v<Sample>);

void append(std::string& message, const void* bytes, std::size_t size) {
    message.append(static_cast<const char*>(bytes), size);
}

void take(std::string_view& rest, void* to, std::size_t size) {
    if (rest.size() < size) throw ChildFailure("it sent no whole result");
    std::memcpy(to, rest.data(), size);
    rest.remove_prefix(size);
}

}  // namespace

std::chrono::milliseconds patience(double seconds) {
    return std::chrono::milliseconds(static_cast<long>(seconds * 3000) + 20'000);
}

std::string pack(const std::vector<Measured>& measured) {
    std::string message;
    for (const Measured& one : measured) {
        append(message, &one.sample, sizeof one.sample);
        const char has_latency = one.latency ? 1 : 0;
        append(message, &has_latency, 1);
        if (one.latency) append(message, one.latency.get(), sizeof(Histogram));
    }
    return message;
}

std::vector<Measured> unpack(const std::string& message) {
    std::vector<Measured> measured;
    for (std::string_view rest = message; !rest.empty();) {
        Measured one;
        take(rest, &one.sample, sizeof one.sample);
        char has_latency = 0;
        take(rest, &has_latency, 1);
        if (has_latency) {
            auto latency = std::make_shared<Histogram>();
            take(rest, latency.get(), sizeof(Histogram));
            one.latency = std::move(latency);
        }
        measured.push_back(std::move(one));
    }
    return measured;
}

std::vector<Measured> measure_in_child(InterruptWatch& interrupt, double seconds,
                                       const std::function<std::vector<Measured>()>& body) {
    return unpack(in_child(interrupt, patience(seconds),
                           [&](Sender& sender) { sender.send(pack(body())); }));
}

}  // namespace coir_tool
