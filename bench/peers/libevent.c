/* SPDX-License-Identifier: BSL-1.0
 * libevent: plain events with recv() and send(), which are faster than bufferevents here: those
 * copy through evbuffers and ask FIONREAD before each read. No locks: there is one thread.
 */
#include <arpa/inet.h>
#include <event2/event.h>
#include <event2/listener.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "peer.h"

struct connection {
  evutil_socket_t fd;
  struct event *readable;
  struct event *writable; /* armed only while the socket is full, and then reading pauses */
  size_t begin;
  size_t end;
  char buffer[peer_buffer_size];
};

static void close_connection(struct connection *connection) {
  if (connection->readable) event_free(connection->readable);
  if (connection->writable) event_free(connection->writable);
  close(connection->fd);
  free(connection);
}

/* Whether the connection still is. */
static int flush_buffer(struct connection *connection) {
  while (connection->begin < connection->end) {
    const ssize_t sent = send(connection->fd, connection->buffer + connection->begin,
                              connection->end - connection->begin, MSG_NOSIGNAL);
    if (sent >= 0) {
      connection->begin += (size_t)sent;
    } else if (errno == EAGAIN) {
      event_del(connection->readable);
      event_add(connection->writable, NULL);
      return 1;
    } else if (errno != EINTR) {
      close_connection(connection);
      return 0;
    }
  }
  return 1;
}

static void on_readable(evutil_socket_t fd, short events, void *argument) {
  struct connection *connection = argument;
  const ssize_t got = recv(fd, connection->buffer, sizeof connection->buffer, 0);
  (void)events;
  if (got > 0) {
    connection->begin = 0;
    connection->end = (size_t)got;
    flush_buffer(connection);
  } else if (got == 0 || (errno != EAGAIN && errno != EINTR)) {
    close_connection(connection);
  }
}

static void on_writable(evutil_socket_t fd, short events, void *argument) {
  struct connection *connection = argument;
  (void)fd;
  (void)events;
  if (flush_buffer(connection) && connection->begin == connection->end) {
    event_add(connection->readable, NULL);
  }
}

static void on_connection(struct evconnlistener *listener, evutil_socket_t fd,
                          struct sockaddr *address, int size, void *argument) {
  struct event_base *base = evconnlistener_get_base(listener);
  struct connection *connection = calloc(1, sizeof *connection);
  const int on = 1;
  (void)address;
  (void)size;
  (void)argument;
  if (!connection) {
    close(fd);
    return;
  }
  connection->fd = fd;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  connection->readable = event_new(base, fd, EV_READ | EV_PERSIST, on_readable, connection);
  connection->writable = event_new(base, fd, EV_WRITE, on_writable, connection);
  if (!connection->readable || !connection->writable || event_add(connection->readable, NULL) < 0) {
    close_connection(connection);
  }
}

static void on_input(evutil_socket_t fd, short events, void *base) {
  (void)fd;
  (void)events;
  if (peer_input_ended()) event_base_loopbreak(base);
}

static void say_nothing(int severity, const char *text) {
  (void)severity;
  (void)text;
}

int main(int argc, char **argv) {
  struct event_config *config;
  struct event_base *base;
  struct evconnlistener *listener;
  struct event *input;
  struct sockaddr_in address;
  socklen_t size = sizeof address;
  peer_begin(argc, argv, "libevent", event_get_version());
  event_set_log_callback(say_nothing);
  config = event_config_new();
  event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK);
  base = event_base_new_with_config(config);
  if (!base) peer_fail("libevent", "event_base_new", strerror(errno));
  memset(&address, 0, sizeof address);
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  listener = evconnlistener_new_bind(base, on_connection, NULL, LEV_OPT_CLOSE_ON_FREE, peer_backlog,
                                     (const struct sockaddr *)&address, sizeof address);
  if (!listener) peer_fail("libevent", "listen", strerror(errno));
  getsockname(evconnlistener_get_fd(listener), (struct sockaddr *)&address, &size);
  peer_print_port(ntohs(address.sin_port));
  input = event_new(base, STDIN_FILENO, EV_READ | EV_PERSIST, on_input, base);
  /* A file cannot be polled: it is as good as at its end. */
  if (!input || event_add(input, NULL) < 0) return 0;
  event_base_dispatch(base);
  return 0;
}
