/* SPDX-License-Identifier: BSL-1.0
 * What the peers in C and C++ share. Every peer, in whatever language:
 *
 *   peer-NAME             listens on 127.0.0.1, prints the port and a newline, and echoes until its
 *                         standard input ends or SIGTERM comes; nothing else on standard output
 *   peer-NAME --version   prints the version of its library or language
 *
 * Any other argument: one line on standard error, status 2. TCP_NODELAY, a backlog of 4096, a
 * buffer of 4096 bytes for each connection, as bench/coir_echo_server.cpp has.
 */
#ifndef COIR_BENCH_PEER_H
#define COIR_BENCH_PEER_H

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

enum { peer_backlog = 4096, peer_buffer_size = 4096 };

/* The first thing in main(). Ends the process for --version and for what is not understood. */
static inline void peer_begin(int argc, char **argv, const char *name, const char *version) {
  struct rlimit files;
  if (argc == 2 && strcmp(argv[1], "--version") == 0) {
    puts(version);
    exit(0);
  }
  if (argc > 1) {
    fprintf(stderr, "peer-%s: unknown option %s\n", name, argv[1]);
    exit(2);
  }
  signal(SIGPIPE, SIG_IGN);
  if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
  }
}

/* Once it listens. */
static inline void peer_print_port(int port) {
  printf("%d\n", port);
  fflush(stdout);
}

/* When standard input is readable: whether it has ended. What it says is of no interest. */
static inline int peer_input_ended(void) {
  char ignored[256];
  const ssize_t got = read(STDIN_FILENO, ignored, sizeof ignored);
  return got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR);
}

static inline void peer_fail(const char *name, const char *what, const char *error) {
  fprintf(stderr, "peer-%s: %s: %s\n", name, what, error);
  exit(1);
}

#endif
