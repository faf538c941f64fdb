// SPDX-License-Identifier: BSL-1.0
// The two ends of a pipe.
#pragma once

#include "flow.hpp"
#include "node.hpp"

#include <memory>
#include <utility>

namespace coir {
inline namespace v0 {
namespace detail {
namespace sim {

class PipeReader final : public Node {
public:
    explicit PipeReader(World& world);
    unsigned mode() const noexcept override { return S_IFIFO; }
    unsigned events() const noexcept override;
    std::size_t readable() const noexcept override { return flow->available(); }
    long read(Pieces into) override;
    long write(Pieces) override { return -EBADF; }
    void closed() override;

    std::shared_ptr<Flow> flow;
};

class PipeWriter final : public Node {
public:
    explicit PipeWriter(World& world);
    unsigned mode() const noexcept override { return S_IFIFO; }
    unsigned events() const noexcept override;
    long read(Pieces) override { return -EBADF; }
    long write(Pieces from) override;
    void closed() override;
    void broken(int) override { nobody_reads(); }
    void nobody_reads() noexcept;

    std::shared_ptr<Flow> flow;

private:
    bool unread_ = false;
};

/// Both ends of a new pipe.
std::pair<std::shared_ptr<PipeReader>, std::shared_ptr<PipeWriter>> make_pipe(World& world);

}  // namespace sim
}  // namespace detail
}  // namespace v0
}  // namespace coir
