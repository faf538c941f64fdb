// SPDX-License-Identifier: BSL-1.0
// A file to be looked into: every read is checked against its size, so that one that lies about
// itself ends in one exception, and not in a crash.
#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <cstring>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>

namespace coir_tool {

/// The file cannot be audited; the message does not name it.
class BadFile : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

class FileBytes {
public:
    /// Opens a regular file. Throws BadFile.
    explicit FileBytes(const std::string& path);
    FileBytes(const FileBytes&) = delete;
    FileBytes& operator=(const FileBytes&) = delete;
    ~FileBytes();

    const std::string& path() const noexcept { return path_; }
    std::uint64_t size() const noexcept { return static_cast<std::uint64_t>(status_.st_size); }
    const struct stat& status() const noexcept { return status_; }
    /// Whether all of the range is within the file.
    bool holds(std::uint64_t offset, std::uint64_t size) const noexcept;
    /// The bytes of a range; `what` says in the message what is missing when the file ends before.
    std::string read(std::uint64_t offset, std::uint64_t size, const char* what) const;

private:
    std::string path_;
    struct stat status_ {};
    int fd_;
};

/// The value at an offset of bytes that were read. Throws BadFile when it is not all there.
template <class Value>
Value value_at(std::string_view bytes, std::uint64_t offset, const char* what) {
    static_assert(std::is_trivially_copyable_v<Value>);
    if (offset > bytes.size() || bytes.size() - offset < sizeof(Value)) {
        throw BadFile(std::string("damaged: ") + what + " ends too early");
    }
    Value value;
    std::memcpy(&value, bytes.data() + offset, sizeof value);
    return value;
}

/// The text at an offset up to its NUL, at most 64 KiB of it; empty when there is none.
std::string_view text_at(std::string_view bytes, std::uint64_t offset) noexcept;

}  // namespace coir_tool
