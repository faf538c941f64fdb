/* SPDX-License-Identifier: BSL-1.0
 * A library that knows nothing of coir: it waits in the ways that real ones do, and counts how many
 * of its callers are inside at once. */
#include <errno.h>
#include <poll.h>
#include <unistd.h>

static int inside;
static int most;

static void enter(void) {
    if (++inside > most) most = inside;
}

int plugin_most_inside(void) {
    const int result = most;
    most = 0;
    return result;
}

/* By its procedure linkage table, or by the address that -fno-plt loads. */
int plugin_nap(int milliseconds) {
    int result;
    enter();
    result = usleep((useconds_t)milliseconds * 1000);
    --inside;
    return result;
}

/* By a pointer in its data. */
static int (*volatile const nap)(useconds_t) = usleep;
int plugin_nap_by_pointer(int milliseconds) {
    int result;
    enter();
    result = nap((useconds_t)milliseconds * 1000);
    --inside;
    return result;
}

/* What a client does: it waits for an answer, and reads it. */
int plugin_answer(int fd, char *byte) {
    struct pollfd wait = {fd, POLLIN, 0};
    int result;
    enter();
    result = poll(&wait, 1, 5000);
    if (result == 1) result = (int)read(fd, byte, 1);
    --inside;
    return result;
}
