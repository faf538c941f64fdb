/* SPDX-License-Identifier: BSL-1.0 */
/* Linked statically, for coir audit and coir run --legacy. */
int main(void) { return 0; }
