// SPDX-License-Identifier: BSL-1.0
#include "library_cache.hpp"

#include <cstdint>

#include "file_bytes.hpp"

namespace coir_tool {
namespace {

constexpr std::string_view old_magic = "ld.so-1.7.0";
constexpr std::string_view magic = "glibc-ld.so.cache1.1";

struct Header {
    char magic[20];
    std::uint32_t libraries;
    std::uint32_t strings_size;
    std::uint32_t unused[5];
};
struct Entry {
    std::uint32_t flags;
    std::uint32_t name;  // offsets of texts from the header on
    std::uint32_t path;
    std::uint32_t system;
    std::uint64_t hardware;
};
static_assert(sizeof(Header) == 48 && sizeof(Entry) == 24);

// Older systems write a table for even older ones before it.
std::string_view skip_old_table(std::string_view bytes) {
    if (bytes.substr(0, old_magic.size()) != old_magic) return bytes;
    const auto count = value_at<std::uint32_t>(bytes, 12, "the cache");
    const std::uint64_t end = (16 + std::uint64_t{count} * 12 + 7) / 8 * 8;
    return end < bytes.size() ? bytes.substr(end) : std::string_view();
}

}  // namespace

LibraryCache parse_library_cache(std::string_view bytes) {
    LibraryCache cache;
    try {
        bytes = skip_old_table(bytes);
        if (bytes.substr(0, magic.size()) != magic) return cache;
        const auto header = value_at<Header>(bytes, 0, "the cache");
        for (std::uint64_t i = 0; i < header.libraries; ++i) {
            const auto entry =
                value_at<Entry>(bytes, sizeof(Header) + i * sizeof(Entry), "the cache");
            const std::string_view name = text_at(bytes, entry.name);
            const std::string_view path = text_at(bytes, entry.path);
            if (!name.empty() && path.substr(0, 1) == "/") {
                cache[std::string(name)].emplace_back(path);
            }
        }
    } catch (const BadFile&) {
        // What has been read by then is as good as any.
    }
    return cache;
}

}  // namespace coir_tool
