/* SPDX-License-Identifier: BSL-1.0
 * Three workers in C, a task each on one thread, which answer one another through pipes. */
#include <coir/coir.h>
#include <stdio.h>
#include <unistd.h>

enum { workers = 3, laps = 1000 };
static int pipes[workers][2];

static void work(void *argument) {
    const int self = *(const int *)argument;
    int lap, token;
    for (lap = 0; lap < laps; ++lap) {
        if (read(pipes[self][0], &token, sizeof token) != sizeof token) return;
        ++token;
        if (write(pipes[(self + 1) % workers][1], &token, sizeof token) < 0) return;
    }
}

static void run(void *unused) {
    coir_task *tasks[workers];
    int numbers[workers], i, token = 0;
    (void)unused;
    for (i = 0; i < workers; ++i) {
        numbers[i] = i;
        if (pipe(pipes[i]) != 0) return;
        tasks[i] = coir_spawn(work, &numbers[i], NULL);
    }
    if (write(pipes[0][1], &token, sizeof token) < 0) return;
    for (i = 0; i < workers; ++i) coir_join(tasks[i], -1);
    if (read(pipes[0][0], &token, sizeof token) < 0) return;
    printf("%d steps\n", token);
}

int main(void) { return coir_run(run, NULL, NULL) == 0 ? 0 : 1; }
