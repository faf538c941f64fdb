/* SPDX-License-Identifier: BSL-1.0
 * Three workers in C, a thread each, which answer one another through pipes: 1 -> 2 -> 3 -> 1. */
#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

enum { workers = 3, laps = 1000 };
static int pipes[workers][2];

static void *work(void *argument) {
    const int self = *(const int *)argument;
    int lap, token;
    for (lap = 0; lap < laps; ++lap) {
        if (read(pipes[self][0], &token, sizeof token) != sizeof token) return NULL;
        ++token;
        if (write(pipes[(self + 1) % workers][1], &token, sizeof token) < 0) return NULL;
    }
    return NULL;
}

int main(void) {
    pthread_t threads[workers];
    int numbers[workers], i, token = 0;
    for (i = 0; i < workers; ++i) {
        numbers[i] = i;
        if (pipe(pipes[i]) != 0) return 1;
        pthread_create(&threads[i], NULL, work, &numbers[i]);
    }
    if (write(pipes[0][1], &token, sizeof token) < 0) return 1;
    for (i = 0; i < workers; ++i) pthread_join(threads[i], NULL);
    if (read(pipes[0][0], &token, sizeof token) < 0) return 1;
    printf("%d steps\n", token);
    return 0;
}
