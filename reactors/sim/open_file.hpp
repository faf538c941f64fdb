// SPDX-License-Identifier: BSL-1.0
// An open file or folder of the world's.
#pragma once

#include "file_system.hpp"
#include "node.hpp"

#include <fcntl.h>
#include <poll.h>

namespace coir {
inline namespace v0 {
namespace detail {
namespace sim {

class OpenFile final : public Node {
public:
    OpenFile(World& world, std::shared_ptr<Inode> inode, int flags);

    unsigned mode() const noexcept override { return inode_->mode; }
    unsigned events() const noexcept override {
        return POLLIN | POLLRDNORM | POLLOUT | POLLWRNORM;
    }
    const Inode* inode() const noexcept { return inode_.get(); }

    long read(Pieces into) override;
    long write(Pieces from) override;
    long read_at(Pieces into, long offset) override;
    long write_at(Pieces from, long offset) override;
    long seek(long offset, int whence) override;
    long sync() override;
    long resize(long size) override;
    long change_mode(mode_t mode) override;
    long list(void* buffer, std::size_t size) override;
    void describe(struct stat& status) const noexcept override;

private:
    bool fails() noexcept;
    long may_read() const noexcept;
    long may_write() const noexcept;

    const std::shared_ptr<Inode> inode_;
    const int flags_;
    std::size_t position_ = 0;  // of a folder: which entry
};

void describe_inode(const Inode& inode, struct stat& status) noexcept;

}  // namespace sim
}  // namespace detail
}  // namespace v0
}  // namespace coir
