// SPDX-License-Identifier: BSL-1.0
#include "file_bytes.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

namespace coir_tool {
namespace {

// No table of a real file is as large; a sparse file may claim anything.
constexpr std::uint64_t largest_read = std::uint64_t{1} << 30;

}  // namespace

FileBytes::FileBytes(const std::string& path) : path_(path) {
    // Not blocking: what is opened may be a FIFO.
    fd_ = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd_ < 0) throw BadFile(std::string("cannot be opened: ") + std::strerror(errno));
    const char* refused = nullptr;
    if (::fstat(fd_, &status_) != 0) {
        refused = std::strerror(errno);
    } else if (S_ISDIR(status_.st_mode)) {
        refused = "is a directory";
    } else if (!S_ISREG(status_.st_mode)) {
        refused = "is not a regular file";
    }
    if (!refused) return;
    ::close(fd_);
    throw BadFile(refused);
}

FileBytes::~FileBytes() { ::close(fd_); }

bool FileBytes::holds(std::uint64_t offset, std::uint64_t count) const noexcept {
    return offset <= size() && count <= size() - offset;
}

std::string FileBytes::read(std::uint64_t offset, std::uint64_t count, const char* what) const {
    if (!holds(offset, count)) {
        throw BadFile(std::string("damaged: the file ends before ") + what + " does");
    }
    if (count > largest_read) throw BadFile(std::string("damaged: ") + what + " is too large");
    std::string bytes(count, '\0');
    std::size_t got = 0;
    while (got < bytes.size()) {
        const ssize_t part =
            ::pread(fd_, bytes.data() + got, bytes.size() - got, static_cast<off_t>(offset + got));
        if (part < 0 && errno == EINTR) continue;
        if (part < 0) throw BadFile(std::string("cannot be read: ") + std::strerror(errno));
        if (part == 0) throw BadFile("has become shorter meanwhile");
        got += static_cast<std::size_t>(part);
    }
    return bytes;
}

std::string_view text_at(std::string_view bytes, std::uint64_t offset) noexcept {
    constexpr std::size_t longest = 64 * 1024;
    if (offset >= bytes.size()) return {};
    const std::string_view rest = bytes.substr(offset, longest);
    return rest.substr(0, rest.find('\0'));
}

}  // namespace coir_tool
