/* SPDX-License-Identifier: BSL-1.0
   Load for thread_server.c: connections with one request under way on each, for a time.
     load PORT CONNECTIONS SECONDS
   prints how many answers came in a second, and fails when one was not as it should be. */
#define _GNU_SOURCE
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static const char request[] = "GET /x HTTP/1.1\r\nHost: localhost\r\n\r\n";

static int ask(int fd) {
    return send(fd, request, sizeof request - 1, MSG_NOSIGNAL) == (ssize_t)sizeof request - 1;
}

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

int main(int count, char** words) {
    if (count != 4) return 2;
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((unsigned short)atoi(words[1])),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    const int epoll = epoll_create1(0);
    const int on = 1;
    for (int i = atoi(words[2]); i > 0; --i) {
        const int fd = socket(AF_INET, SOCK_STREAM, 0);
        if (connect(fd, (struct sockaddr*)&address, sizeof address) != 0) {
            perror("connect");
            return 1;
        }
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
        epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
        if (!ask(fd)) return 1;
    }
    long answers = 0, wrong = 0;
    const double began = now();
    double lasted = 0;
    while ((lasted = now() - began) < atof(words[3])) {
        struct epoll_event events[256];
        const int ready = epoll_wait(epoll, events, 256, 5000);
        if (ready == 0) {
            fprintf(stderr, "nothing came for 5 s\n");
            return 1;
        }
        for (int i = 0; i < ready; ++i) {
            char answer[1024];
            const ssize_t got = recv(events[i].data.fd, answer, sizeof answer - 1, 0);
            answer[got > 0 ? got : 0] = 0;
            wrong += !strstr(answer, " ok\n") || !ask(events[i].data.fd);
            ++answers;
        }
    }
    printf("%.0f\n", (double)answers / lasted);
    return wrong != 0;
}
