/* SPDX-License-Identifier: BSL-1.0
 * A plugin that was compiled long ago: it polls a device, a tenth of a second each time. */
#include <poll.h>

int device_value(int number);
int device_value(int number) {
    poll(0, 0, 100);
    return number * number;
}
