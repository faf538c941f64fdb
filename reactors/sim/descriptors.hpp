// SPDX-License-Identifier: BSL-1.0
// The world's descriptors: numbers that are the process's own too.
//
// Each is a placeholder in the kernel (an O_PATH descriptor, with which hardly anything works), so
// that its number is unique and whoever uses it past coir gets EBADF.
#pragma once

#include "node.hpp"

#include <atomic>
#include <cstddef>
#include <memory>
#include <vector>

namespace coir {
inline namespace v0 {
namespace detail {
namespace sim {

class Descriptors {
public:
    Descriptors() = default;
    ~Descriptors();

    /// The lowest free number; -EMFILE, or what the kernel says.
    long add(std::shared_ptr<Node> node, bool close_on_exec, int at_least = 0);
    /// Null: not the world's.
    Node* find(int fd) const noexcept;
    std::shared_ptr<Node> share(int fd) const noexcept;
    void close(int fd);
    /// Of all that are open.
    void close_all();
    bool close_on_exec(int fd) const noexcept;
    void set_close_on_exec(int fd, bool on) noexcept;

    /// Any thread.
    bool owns(int fd) const noexcept;
    bool is_full() const noexcept { return open_ >= most_; }
    std::size_t open() const noexcept { return open_; }
    /// `f(number, node)` for each that is open, in the order of their numbers.
    template <class F>
    void for_each(F&& f) const {
        for (std::size_t fd = 0; fd < nodes_.size(); ++fd) {
            if (nodes_[fd]) f(static_cast<int>(fd), nodes_[fd]);
        }
    }
    void limit(std::size_t most) noexcept { most_ = most; }

private:
    static bool is_placeholder(int fd) noexcept;
    static constexpr std::size_t most_numbers = 65536;
    void mark(int fd, bool ours) noexcept;
    void drop(std::size_t at);

    std::vector<std::shared_ptr<Node>> nodes_;  // by number
    std::vector<bool> close_on_exec_;
    std::atomic<std::uint64_t> ours_[most_numbers / 64] = {};
    std::size_t open_ = 0;
    std::size_t most_ = most_numbers;
};

}  // namespace sim
}  // namespace detail
}  // namespace v0
}  // namespace coir
