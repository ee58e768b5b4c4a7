/* SPDX-License-Identifier: ISC */
/* The composition root, as the machine's entry sees it. */
#ifndef INIT_INIT_H
#define INIT_INIT_H

/* Boots the image in the order that init/main.c shows, runs the application until it is done and
 * powers off. Called once, on the boot stack: by start.S on bare machines, by main() on Unix. */
void init_main(void) __attribute__((noreturn));

#endif
