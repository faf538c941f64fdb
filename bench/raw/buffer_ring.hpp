// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <liburing.h>
#include <sys/mman.h>

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>

#include "../support/system.hpp"

namespace coir_bench {

// A ring of provided buffers of equal size, from which the kernel takes one for each receive: the
// descriptors and the memory that they describe.
class BufferRing {
 public:
  static constexpr int kGroup = 0;  // the only one of its ring

  BufferRing(io_uring* ring, std::size_t wanted, std::size_t buffer_bytes)
      : count_(std::min(static_cast<unsigned>(std::bit_ceil(wanted)), kBufferCountMax)),
        buffer_bytes_(buffer_bytes),
        bytes_(count_ * (sizeof(io_uring_buf) + buffer_bytes)) {
    void* const memory = ::mmap(nullptr, bytes_, PROT_READ | PROT_WRITE,
                                MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) throw_errno("mmap of the buffer ring");
    descriptors_ = static_cast<io_uring_buf_ring*>(memory);
    data_ = static_cast<char*>(memory) + count_ * sizeof(io_uring_buf);
    io_uring_buf_reg registration{};
    registration.ring_addr = reinterpret_cast<std::uintptr_t>(memory);
    registration.ring_entries = count_;
    registration.bgid = kGroup;
    check_negative(io_uring_register_buf_ring(ring, &registration, 0),
                   "registering the buffer ring");
    io_uring_buf_ring_init(descriptors_);
    for (unsigned index = 0; index < count_; ++index) give_back(index);
    publish();
  }
  BufferRing(const BufferRing&) = delete;
  BufferRing& operator=(const BufferRing&) = delete;
  ~BufferRing() { ::munmap(descriptors_, bytes_); }

  char* data(unsigned index) { return data_ + index * buffer_bytes_; }

  void give_back(unsigned index) {
    io_uring_buf_ring_add(descriptors_, data(index), static_cast<unsigned>(buffer_bytes_),
                          static_cast<unsigned short>(index),
                          io_uring_buf_ring_mask(count_), pending_++);
  }

  // Shows the kernel what was given back since the last time.
  void publish() {
    if (pending_ == 0) return;
    io_uring_buf_ring_advance(descriptors_, pending_);
    pending_ = 0;
  }

 private:
  static constexpr unsigned kBufferCountMax = 32768;  // the kernel's limit

  const unsigned count_;
  const std::size_t buffer_bytes_;
  const std::size_t bytes_;
  io_uring_buf_ring* descriptors_ = nullptr;
  char* data_ = nullptr;
  int pending_ = 0;
};

}  // namespace coir_bench
