// SPDX-License-Identifier: BSL-1.0
// Everything. In reading order: run, task, await, gather, timeout, task_group, sync, queue, thread,
// then the network (net, stream), then reactors.
#pragma once

#include <coir/as_completed.hpp>
#include <coir/await.hpp>
#include <coir/call_graph.hpp>
#include <coir/context.hpp>
#include <coir/error.hpp>
#include <coir/error_code.hpp>
#include <coir/event_loop.hpp>
#include <coir/file.hpp>
#include <coir/future.hpp>
#include <coir/gather.hpp>
#include <coir/log.hpp>
#include <coir/loop_group.hpp>
#include <coir/net.hpp>
#include <coir/outcome.hpp>
#include <coir/process.hpp>
#include <coir/outcome.hpp>
#include <coir/queue.hpp>
#include <coir/race.hpp>
#include <coir/reactor.hpp>
#include <coir/reactors.hpp>
#include <coir/run.hpp>
#include <coir/shield.hpp>
#include <coir/signal.hpp>
#include <coir/shield.hpp>
#include <coir/stream.hpp>
#include <coir/sync.hpp>
#include <coir/task.hpp>
#include <coir/task_group.hpp>
#include <coir/thread.hpp>
#include <coir/thread_future.hpp>
#include <coir/thread_pool.hpp>
#include <coir/time.hpp>
#include <coir/time_limit.hpp>
#include <coir/timeout.hpp>
#include <coir/version.hpp>
#include <coir/wait.hpp>
