// SPDX-License-Identifier: BSL-1.0
// The part of the io_uring ABI that is newer than the headers coir builds with (liburing 2.3, Linux
// 6.1). Numbers are fixed for ever once a kernel has shipped them; whether the running kernel knows
// them is found out by its feature bits, never by its version.
#pragma once

#include <liburing.h>

#include <type_traits>

// Sleeping in the ring is not "waiting for a disk": without it an idle loop shows as 100 % iowait.
#ifndef IORING_ENTER_NO_IOWAIT
#define IORING_ENTER_NO_IOWAIT (1U << 7)
#endif
#ifndef IORING_FEAT_NO_IOWAIT
#define IORING_FEAT_NO_IOWAIT (1U << 17)
#endif
// Not used, but named in details(): what the running kernel could do.
#ifndef IORING_FEAT_REG_REG_RING
#define IORING_FEAT_REG_REG_RING (1U << 13)
#endif
#ifndef IORING_FEAT_RECVSEND_BUNDLE
#define IORING_FEAT_RECVSEND_BUNDLE (1U << 14)
#endif
#ifndef IORING_FEAT_MIN_TIMEOUT
#define IORING_FEAT_MIN_TIMEOUT (1U << 15)
#endif

// What the code assumes about the structures that it shares with the kernel.
static_assert(sizeof(io_uring_sqe) == 64, "io_uring: unexpected SQE layout");
static_assert(sizeof(io_uring_cqe) == 16, "io_uring: unexpected CQE layout");
static_assert(sizeof(io_uring_params) == 120, "io_uring: unexpected parameter layout");
static_assert(sizeof(io_uring_getevents_arg) == 24, "io_uring: unexpected wait argument layout");
static_assert(sizeof(io_uring_buf) == 16, "io_uring: unexpected buffer layout");
static_assert(std::is_trivially_copyable_v<io_uring_sqe>);
