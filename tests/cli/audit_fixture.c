/* SPDX-License-Identifier: BSL-1.0 */
/* A library with something of everything that coir audit reports; nobody calls it. */
#define _GNU_SOURCE
#include <poll.h>
#include <stdio.h>
#include <sys/types.h>
#include <unistd.h>

ssize_t __read(int fd, void* buffer, size_t size);

static __thread int calls;

int audit_fixture_wait(int fd) {
    struct pollfd one = {fd, POLLIN, 0};
    char byte;
    ++calls;
    if (poll(&one, 1, -1) < 0) return -1;
    return (int)__read(fd, &byte, 1); /* libc's inner name */
}

int audit_fixture_line(int fd, char* line, int size) {
    FILE* stream = fdopen(fd, "r");
    alarm(1);
    return stream && fgets(line, size, stream) ? calls : -1;
}

/* Not through libc. */
long audit_fixture_raw(void) {
    long result;
#if defined(__x86_64__)
    __asm__ volatile("syscall" : "=a"(result) : "a"(39L) : "rcx", "r11", "memory");
#elif defined(__aarch64__)
    register long number __asm__("x8") = 172;
    register long first __asm__("x0");
    __asm__ volatile("svc #0" : "=r"(first) : "r"(number) : "memory");
    result = first;
#else
    result = -1;
#endif
    return result;
}
