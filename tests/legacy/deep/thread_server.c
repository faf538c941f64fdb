/* SPDX-License-Identifier: BSL-1.0
   A server with a thread for each connection, as it is written without coir: a loop of accept(), a
   detached thread for each connection with its own buffer in a thread-local, a lock and a condition
   variable around a table that all of them share.
     thread_server WORK_MICROSECONDS
   prints its port, answers "GET /name" requests (HTTP/1.1, keep-alive) with how often the name was
   asked for on this connection and that errno is its own, and ends after "GET /quit". */
#define _GNU_SOURCE
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static long connections, requests;
static int leaving;
static useconds_t work;

static __thread char input[4096];
static __thread long answered;

static int send_all(int fd, const char* data, size_t size) {
    while (size > 0) {
        ssize_t sent = send(fd, data, size, MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR) continue;
        if (sent <= 0) return -1;
        data += sent;
        size -= (size_t)sent;
    }
    return 0;
}

/* Reads up to the empty line; the length, 0 at the end. */
static size_t read_request(int fd) {
    size_t have = 0;
    while (have + 1 < sizeof input) {
        ssize_t got = recv(fd, input + have, sizeof input - 1 - have, 0);
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) return 0;
        have += (size_t)got;
        input[have] = 0;
        if (strstr(input, "\r\n\r\n")) return have;
    }
    return 0;
}

static void count_request(void) {
    pthread_mutex_lock(&lock);
    ++requests;
    if (work) {
        struct timespec ahead;
        clock_gettime(CLOCK_REALTIME, &ahead);
        /* As a look into a shared resource would: nobody signals, the time runs out. */
        ahead.tv_nsec += (long)work * 1000;
        ahead.tv_sec += ahead.tv_nsec / 1000000000;
        ahead.tv_nsec %= 1000000000;
        while (pthread_cond_timedwait(&changed, &lock, &ahead) == 0 && !leaving) {
        }
    }
    pthread_mutex_unlock(&lock);
}

static int answer(int fd) {
    char name[64] = "", body[128], text[256];
    const int mark = 1000 + fd;
    if (sscanf(input, "GET /%63s", name) != 1) return -1;
    errno = mark;
    ++answered;
    count_request();
    int body_size = snprintf(body, sizeof body, "%s %ld %s\n", name, answered,
                             errno == mark ? "ok" : "errno is not its own");
    int size = snprintf(text, sizeof text,
                        "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n\r\n%s",
                        body_size, body);
    if (send_all(fd, text, (size_t)size) != 0) return -1;
    return strcmp(name, "quit") == 0;
}

static void* serve(void* argument) {
    const int fd = (int)(long)argument;
    int quit = 0;
    while (!quit && read_request(fd) > 0) {
        quit = answer(fd);
        if (quit < 0) break;
    }
    close(fd);
    pthread_mutex_lock(&lock);
    --connections;
    if (quit == 1) leaving = 1;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&lock);
    return NULL;
}

static void* accept_all(void* argument) {
    const int listener = (int)(long)argument;
    for (;;) {
        const int fd = accept(listener, NULL, NULL);
        if (fd < 0) {
            if (errno == EINTR || errno == ECONNABORTED) continue;
            return NULL;
        }
        const int on = 1;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        pthread_mutex_lock(&lock);
        ++connections;
        pthread_mutex_unlock(&lock);
        pthread_t thread;
        if (pthread_create(&thread, NULL, serve, (void*)(long)fd) != 0) {
            perror("pthread_create");
            exit(1);
        }
        pthread_detach(thread);
    }
}

int main(int count, char** words) {
    work = count > 1 ? (useconds_t)atoi(words[1]) : 0;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    const int listener = socket(AF_INET, SOCK_STREAM, 0);
    if (listener < 0 || bind(listener, (struct sockaddr*)&address, size) != 0 ||
        listen(listener, 1024) != 0 || getsockname(listener, (struct sockaddr*)&address, &size) != 0) {
        perror("listening");
        return 1;
    }
    printf("%d\n", ntohs(address.sin_port));
    fflush(stdout);
    pthread_t acceptor;
    if (pthread_create(&acceptor, NULL, accept_all, (void*)(long)listener) != 0) return 1;
    pthread_mutex_lock(&lock);
    while (!leaving || connections > 0) pthread_cond_wait(&changed, &lock);
    printf("%ld requests\n", requests);
    pthread_mutex_unlock(&lock);
    return 0;
}
