// SPDX-License-Identifier: BSL-1.0
// Channels of pointers.
#include "capi.hpp"

#include <coir/channel.hpp>

#include <limits>
#include <optional>

namespace capi = coir::detail::capi;

struct coir_channel {
    explicit coir_channel(std::size_t capacity)
        : channel(static_cast<std::ptrdiff_t>(capacity)) {}
    coir::Channel<void*> channel;
    unsigned waiting = 0;
};

namespace {

struct InChannel {
    explicit InChannel(coir_channel& on) noexcept : channel(on) { ++channel.waiting; }
    InChannel(const InChannel&) = delete;
    InChannel& operator=(const InChannel&) = delete;
    ~InChannel() { --channel.waiting; }
    coir_channel& channel;
};

}  // namespace

extern "C" {

coir_channel* coir_channel_new(size_t capacity) {
    if (capacity > static_cast<std::size_t>(std::numeric_limits<std::ptrdiff_t>::max())) {
        errno = EINVAL;
        return nullptr;
    }
    return capi::make<coir_channel>(capacity);
}

int coir_channel_free(coir_channel* channel) {
    if (channel && channel->waiting > 0) return capi::fail(EBUSY);
    delete channel;
    return 0;
}

int coir_channel_send(coir_channel* channel, void* item, int64_t timeout_ns) {
    if (!channel) return capi::fail(EINVAL);
    const InChannel waiting(*channel);
    return capi::wait(timeout_ns, [&] { channel->channel.send(item); });
}

int coir_channel_receive(coir_channel* channel, void** item, int64_t timeout_ns) {
    if (!channel || !item) return capi::fail(EINVAL);
    const InChannel waiting(*channel);
    std::optional<void*> received;
    if (capi::wait(timeout_ns, [&] { received = channel->channel.receive(); }) < 0) return -1;
    if (!received) return 0;
    *item = *received;
    return 1;
}

int coir_channel_close(coir_channel* channel) {
    if (!channel) return capi::fail(EINVAL);
    return capi::guard([&] { channel->channel.close(); });
}

}  // extern "C"
