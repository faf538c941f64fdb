// SPDX-License-Identifier: BSL-1.0
// See passed.hpp.
//
// As in Linux: what does not fit into the receiver's control buffer is closed, and MSG_CTRUNC says
// so; a receiver that offers no control buffer closes everything.
#include "passed.hpp"

#include "world.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace coir {
inline namespace v0 {
namespace detail {
namespace sim {
namespace {

constexpr std::size_t most = 253;  // SCM_MAX_FD

bool carries_descriptors(const cmsghdr& part) noexcept {
    return part.cmsg_level == SOL_SOCKET && part.cmsg_type == SCM_RIGHTS;
}

const cmsghdr* first_part(const msghdr& header) noexcept { return CMSG_FIRSTHDR(&header); }

const cmsghdr* next_part(const msghdr& header, const cmsghdr* part) noexcept {
    return CMSG_NXTHDR(const_cast<msghdr*>(&header), const_cast<cmsghdr*>(part));
}

// Whether its length says no more than there is.
bool is_whole(const msghdr& header, const cmsghdr& part) noexcept {
    const auto before = reinterpret_cast<const char*>(&part) - static_cast<const char*>(header.msg_control);
    return part.cmsg_len >= CMSG_LEN(0) &&
           part.cmsg_len <= header.msg_controllen - static_cast<std::size_t>(before);
}

int number_at(const unsigned char* data, std::size_t index) noexcept {
    int fd;
    std::memcpy(&fd, data + index * sizeof fd, sizeof fd);
    return fd;
}

}  // namespace

Passed::Passed(std::vector<std::shared_ptr<Node>> nodes) : nodes_(std::move(nodes)) {
    for (const auto& node : nodes_) node->opened();
}

void Passed::drop() noexcept {
    const auto dropped = std::move(nodes_);
    nodes_.clear();
    for (const auto& node : dropped) node->let_go();
}

bool Passing::is_simulated(const msghdr& header) noexcept {
    for (const cmsghdr* part = first_part(header); part; part = next_part(header, part)) {
        if (!carries_descriptors(*part)) return false;
    }
    return true;
}

std::shared_ptr<Passed> Passing::collect(const msghdr& header, long& error) {
    error = 0;
    std::vector<std::shared_ptr<Node>> nodes;
    for (const cmsghdr* part = first_part(header); part; part = next_part(header, part)) {
        if (!is_whole(header, *part)) {
            error = -EINVAL;
            return nullptr;
        }
        const std::size_t count = (part->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        error = nodes.size() + count > most ? -EINVAL : 0;
        for (std::size_t i = 0; i < count && error == 0; ++i) {
            auto node = world_.descriptors.share(number_at(CMSG_DATA(part), i));
            if (!node) error = -EBADF;
            nodes.push_back(std::move(node));
        }
        if (error != 0) return nullptr;
    }
    if (nodes.empty()) return nullptr;
    if (under_way_.size() >= prune_at_) {
        std::erase_if(under_way_, [](const auto& old) { return old.expired(); });
        prune_at_ = std::max<std::size_t>(64, 2 * under_way_.size());
    }
    auto passed = std::make_shared<Passed>(std::move(nodes));
    under_way_.push_back(passed);
    return passed;
}

void Passing::deliver(const Passed* passed, msghdr& header, bool close_on_exec) {
    const std::size_t space = header.msg_control ? header.msg_controllen : 0;
    header.msg_controllen = 0;
    if (!passed || passed->nodes().empty()) return;
    const std::size_t room = space > CMSG_LEN(0) ? (space - CMSG_LEN(0)) / sizeof(int) : 0;
    auto* const part = static_cast<cmsghdr*>(header.msg_control);
    std::size_t done = 0;
    for (; done < std::min(room, passed->nodes().size()); ++done) {
        const long fd = world_.descriptors.add(passed->nodes()[done], close_on_exec);
        if (fd < 0) break;
        const int number = static_cast<int>(fd);
        std::memcpy(CMSG_DATA(part) + done * sizeof number, &number, sizeof number);
    }
    if (done < passed->nodes().size()) header.msg_flags |= MSG_CTRUNC;
    if (done == 0) return;
    part->cmsg_level = SOL_SOCKET;
    part->cmsg_type = SCM_RIGHTS;
    part->cmsg_len = CMSG_LEN(done * sizeof(int));
    header.msg_controllen = std::min<std::size_t>(space, CMSG_SPACE(done * sizeof(int)));
}

void Passing::drop_all() noexcept {
    for (const auto& entry : under_way_) {
        if (const auto passed = entry.lock()) passed->drop();
    }
    under_way_.clear();
}

}  // namespace sim
}  // namespace detail
}  // namespace v0
}  // namespace coir
