// SPDX-License-Identifier: BSL-1.0
// See pipe.hpp.
#include "pipe.hpp"

#include "world.hpp"

#include <climits>

#include <fcntl.h>
#include <poll.h>

namespace coir {
inline namespace v0 {
namespace detail {
namespace sim {

PipeReader::PipeReader(World& world) : Node(world) { access_ = O_RDONLY; }
PipeWriter::PipeWriter(World& world) : Node(world) { access_ = O_WRONLY; }

std::pair<std::shared_ptr<PipeReader>, std::shared_ptr<PipeWriter>> make_pipe(World& world) {
    auto reader = std::make_shared<PipeReader>(world);
    auto writer = std::make_shared<PipeWriter>(world);
    // Never smaller: what is no longer than PIPE_BUF is written whole or not at all.
    reader->flow = writer->flow = std::make_shared<Flow>(world, nullptr, 65536);
    reader->flow->reader = reader;
    reader->flow->writer = writer;
    return {std::move(reader), std::move(writer)};
}

unsigned PipeReader::events() const noexcept {
    unsigned events = flow->available() > 0 ? unsigned{POLLIN | POLLRDNORM} : 0u;
    if (flow->finished()) events |= POLLHUP;
    return events;
}

long PipeReader::read(Pieces into) {
    if (total_size(into) == 0) return 0;
    if (flow->available() > 0) return static_cast<long>(flow->take(into));
    return flow->at_end() ? 0 : -EAGAIN;
}

void PipeReader::closed() {
    flow->reader_gone();
    if (const auto writer = flow->writer.lock()) writer->broken(EPIPE);
}

void PipeWriter::nobody_reads() noexcept {
    unread_ = true;
    changed(POLLOUT | POLLERR);
}

unsigned PipeWriter::events() const noexcept {
    if (unread_) return POLLOUT | POLLWRNORM | POLLERR;
    return flow->has_room() ? unsigned{POLLOUT | POLLWRNORM} : 0u;
}

long PipeWriter::write(Pieces from) {
    if (unread_) return -EPIPE;
    const std::size_t size = total_size(from);
    if (size == 0) return 0;
    const std::size_t count = flow->put(from, size <= PIPE_BUF);
    return count > 0 ? static_cast<long>(count) : -EAGAIN;
}

void PipeWriter::closed() { flow->finish(); }

}  // namespace sim
}  // namespace detail
}  // namespace v0
}  // namespace coir
