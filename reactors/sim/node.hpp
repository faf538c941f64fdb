// SPDX-License-Identifier: BSL-1.0
// What a descriptor of the world stands for: a socket, an end of a pipe, a counter.
#pragma once

#include <coir/detail/config.hpp>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include <sys/stat.h>
#include <sys/uio.h>

namespace coir {
inline namespace v0 {
namespace detail {
namespace sim {

class World;
class Node;

/// Buffers of one transfer.
using Pieces = std::span<const iovec>;
std::size_t total_size(Pieces pieces) noexcept;

/// Somebody who wants to know when a node changes: a reactor's interest in one descriptor.
class Watch {
public:
    Watch() = default;
    Watch(const Watch&) = delete;
    Watch& operator=(const Watch&) = delete;
    /// Something has happened that makes `events` (poll bits) true; they may be true already.
    virtual void on_change(unsigned events) noexcept = 0;

protected:
    ~Watch() = default;
};

class Node : public std::enable_shared_from_this<Node> {
public:
    explicit Node(World& world);
    Node(const Node&) = delete;
    Node& operator=(const Node&) = delete;
    virtual ~Node() = default;

    /// What poll(2) would report now.
    virtual unsigned events() const noexcept = 0;
    /// st_mode, without permissions.
    virtual unsigned mode() const noexcept = 0;
    /// Without waiting: -EAGAIN.
    virtual long read(Pieces into) = 0;
    virtual long write(Pieces from) = 0;
    // Of a file; others say what the kernel does.
    virtual long read_at(Pieces, long) { return -ESPIPE; }
    virtual long write_at(Pieces, long) { return -ESPIPE; }
    virtual long seek(long, int) { return -ESPIPE; }
    virtual long sync() { return -EINVAL; }
    virtual long resize(long) { return -EINVAL; }
    virtual long change_mode(mode_t) { return -EINVAL; }
    virtual long list(void*, std::size_t) { return -ENOTDIR; }
    virtual void describe(struct stat& status) const noexcept;
    /// What FIONREAD says.
    virtual std::size_t readable() const noexcept { return 0; }
    /// What is sent goes as a whole, or not at all.
    virtual bool is_of_datagrams() const noexcept { return false; }
    /// One more descriptor stands for it, of the program's or of a process'.
    void opened() noexcept { ++descriptors_; }
    /// One less.
    void let_go() {
        if (--descriptors_ == 0) closed();
    }
    /// The last descriptor has gone.
    virtual void closed() {}
    /// The other side is gone in disorder (ECONNRESET, ...).
    virtual void broken(int) {}

    std::uint64_t id() const noexcept { return id_; }
    bool blocks() const noexcept { return !nonblocking_; }
    void set_nonblocking(bool on) noexcept { nonblocking_ = on; }
    int access() const noexcept { return access_; }  ///< O_RDWR, ...

    void changed(unsigned events) noexcept;
    void add_watch(Watch& watch) { watches_.push_back(&watch); }
    void remove_watch(Watch& watch) noexcept { std::erase(watches_, &watch); }

protected:
    World& world_;
    int access_;

private:
    std::uint64_t id_;
    int descriptors_ = 0;
    bool nonblocking_ = false;
    std::vector<Watch*> watches_;
};

}  // namespace sim
}  // namespace detail
}  // namespace v0
}  // namespace coir
