// SPDX-License-Identifier: BSL-1.0
// The types that the table of symbols needs; see symbols.hpp.
#pragma once

#include <cstdarg>
#include <cstddef>
#include <cstdio>

#include <fcntl.h>
#include <grp.h>
#include <locale.h>
#include <mqueue.h>
#include <netdb.h>
#include <poll.h>
#include <pthread.h>
#include <pwd.h>
#include <semaphore.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/sem.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <threads.h>
#include <time.h>
#include <unistd.h>

// Not <resolv.h>: it makes macros of some of the names.
struct __res_state;
