/* SPDX-License-Identifier: BSL-1.0
 * coir from C: three workers take jobs from a channel, on one thread. Each job waits for a
 * descriptor or for time; nobody blocks the others. */
#include <coir/coir.h>

#include <stdio.h>
#include <unistd.h>

#define WORKERS 3
#define JOBS 6
#define MILLISECOND ((int64_t)1000000)

static coir_channel *jobs;
static int results[JOBS];

/* A job: what a worker writes into a pipe comes back doubled, after a while. */
static void worker(void *arg) {
    const int *ends = arg;
    void *job;
    while (coir_channel_receive(jobs, &job, -1) == 1) {
        const int number = *(const int *)job;
        int answer = 0;
        if (coir_sleep_ns(MILLISECOND) < 0) return; /* cancelled */
        if (coir_write(ends[1], &number, sizeof number) != (ssize_t)sizeof number) return;
        if (coir_read(ends[0], &answer, sizeof answer) != (ssize_t)sizeof answer) return;
        results[number] = answer * 2;
    }
}

static void too_slow(void *arg) {
    (void)arg;
    if (coir_sleep_ns(3600000 * MILLISECOND) < 0) printf("interrupted\n");
}

static void run(void *arg) {
    int ends[WORKERS][2];
    int numbers[JOBS];
    coir_group *group = coir_group_new();
    int i;
    (void)arg;
    jobs = coir_channel_new(2);
    for (i = 0; i < WORKERS; ++i) {
        if (pipe(ends[i]) < 0) return;
        coir_group_spawn(group, worker, ends[i], NULL);
    }
    for (i = 0; i < JOBS; ++i) {
        numbers[i] = i;
        coir_channel_send(jobs, &numbers[i], -1);
    }
    coir_channel_close(jobs);
    if (coir_group_wait(group, -1) == 0) {
        for (i = 0; i < JOBS; ++i) printf("%d -> %d\n", i, results[i]);
    }
    coir_group_free(group);
    coir_channel_free(jobs);
    for (i = 0; i < WORKERS; ++i) {
        coir_close(ends[i][0]);
        coir_close(ends[i][1]);
    }
    if (coir_with_timeout(5 * MILLISECOND, too_slow, NULL) < 0) perror("too_slow");
}

int main(void) {
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (coir_run(run, NULL, NULL) < 0) {
        perror("coir_run");
        return 1;
    }
    return 0;
}
