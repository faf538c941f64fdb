/* SPDX-License-Identifier: BSL-1.0
   A library with a variable per thread, which has a value from the beginning. */
static __thread int counted = 1000;
static __thread int zeroed;

__attribute__((visibility("default"))) int count_in_thread(int step) {
    zeroed += step;
    counted += step;
    return counted - zeroed == 1000 ? counted : -1;
}
