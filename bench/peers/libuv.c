/* SPDX-License-Identifier: BSL-1.0
 * libuv: a stream for each connection. uv_try_write() sends from the buffer that was just read,
 * without a request and its callback; uv_write() takes over when the socket is full, and reading
 * pauses.
 */
#include <uv.h>

#include "peer.h"

struct connection {
  uv_tcp_t stream; /* first: a handle is a connection */
  uv_write_t request;
  char buffer[peer_buffer_size];
};

static void check(int result, const char *what) {
  if (result < 0) peer_fail("libuv", what, uv_strerror(result));
}

static void give_buffer(uv_handle_t *handle, size_t suggested, uv_buf_t *buffer) {
  (void)suggested;
  *buffer = uv_buf_init(((struct connection *)handle)->buffer, peer_buffer_size);
}

static void free_connection(uv_handle_t *handle) { free(handle); }

static void close_connection(uv_stream_t *stream) {
  if (!uv_is_closing((uv_handle_t *)stream)) uv_close((uv_handle_t *)stream, free_connection);
}

static void on_read(uv_stream_t *stream, ssize_t got, const uv_buf_t *buffer);

static void on_written(uv_write_t *request, int status) {
  if (status < 0 || uv_read_start(request->handle, give_buffer, on_read) < 0) {
    close_connection(request->handle);
  }
}

static void on_read(uv_stream_t *stream, ssize_t got, const uv_buf_t *buffer) {
  struct connection *connection = (struct connection *)stream;
  uv_buf_t left;
  int sent;
  if (got == 0) return; /* EAGAIN */
  if (got < 0) {
    close_connection(stream);
    return;
  }
  left = uv_buf_init(buffer->base, (unsigned)got);
  sent = uv_try_write(stream, &left, 1);
  if (sent == got) return;
  if (sent < 0 && sent != UV_EAGAIN) {
    close_connection(stream);
    return;
  }
  if (sent > 0) left = uv_buf_init(left.base + sent, (unsigned)(got - sent));
  uv_read_stop(stream);
  if (uv_write(&connection->request, stream, &left, 1, on_written) < 0) close_connection(stream);
}

static void on_connection(uv_stream_t *server, int status) {
  struct connection *connection;
  if (status < 0) return;
  connection = malloc(sizeof *connection);
  if (!connection) return;
  uv_tcp_init(server->loop, &connection->stream);
  if (uv_accept(server, (uv_stream_t *)&connection->stream) < 0 ||
      uv_tcp_nodelay(&connection->stream, 1) < 0 ||
      uv_read_start((uv_stream_t *)&connection->stream, give_buffer, on_read) < 0) {
    close_connection((uv_stream_t *)&connection->stream);
  }
}

static void on_input(uv_poll_t *handle, int status, int events) {
  (void)events;
  if (status < 0 || peer_input_ended()) uv_stop(handle->loop);
}

int main(int argc, char **argv) {
  uv_loop_t *loop;
  uv_tcp_t server;
  uv_poll_t input;
  struct sockaddr_in address;
  int size = sizeof address;
  peer_begin(argc, argv, "libuv", uv_version_string());
  loop = uv_default_loop();
  check(uv_tcp_init(loop, &server), "uv_tcp_init");
  check(uv_ip4_addr("127.0.0.1", 0, &address), "uv_ip4_addr");
  check(uv_tcp_bind(&server, (const struct sockaddr *)&address, 0), "bind");
  check(uv_listen((uv_stream_t *)&server, peer_backlog, on_connection), "listen");
  check(uv_tcp_getsockname(&server, (struct sockaddr *)&address, &size), "getsockname");
  peer_print_port(ntohs(address.sin_port));
  /* A file cannot be polled: it is as good as at its end. */
  if (uv_poll_init(loop, &input, STDIN_FILENO) < 0) return 0;
  check(uv_poll_start(&input, UV_READABLE, on_input), "uv_poll_start");
  uv_run(loop, UV_RUN_DEFAULT);
  return 0;
}
