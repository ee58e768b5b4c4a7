/* SPDX-License-Identifier: ISC */
/* The composition root, as the machine's entry sees it. */
#ifndef INIT_INIT_H
#define INIT_INIT_H

/* Boots the image in the order that init/main.c shows, runs the application until it is done and
 * powers off. Called once, on the boot stack: by start.S on bare machines, by main() on Unix. */
void init_main(void) __attribute__((noreturn));

struct kv;

/* Mounts the disk's volume, or ends the image with a line that says what to do. */
struct kv *fat_init(void);
/* When it returns, what was changed is on the disk, and the disk says that it was let go of. */
void fat_end(struct kv *kv);

#endif
