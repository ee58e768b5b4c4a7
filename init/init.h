/* SPDX-License-Identifier: ISC */
/* The composition root, for the machine's entry. */
#ifndef INIT_INIT_H
#define INIT_INIT_H

/* Boots the image in the order of init/main.c, runs the application until it is done and powers off. Called
 * once, on the boot stack: by start.S on bare machines, by main() on Unix. */
void init_main(void) __attribute__((noreturn));

struct kv;

/* Mounts the disk's volume, or panics with a line that tells what to do. */
struct kv *fat_init(void);
/* Unmounts it: all changes are on the disk and the volume is marked clean, unless an error is logged. */
void fat_end(struct kv *kv);

#endif
