/* SPDX-License-Identifier: ISC */
/* An application is two symbols: app_options and app_start. */
#ifndef KERNEL_APP_H
#define KERNEL_APP_H

#include "kernel/option.h"
#include "kernel/promise.h"

struct stack;  /* net/stack.h */
struct netdev; /* kernel/dev/netdev.h */
struct kv;     /* fs/kv.h */

/* The objects that init/main.c has made; NULL for those that the configuration leaves out. */
struct app {
	struct stack *stack;   /* NET_DIRECT, NET_SOCKET */
	struct netdev *netdev; /* NET_CUSTOM: the application composes its own stack */
	struct kv *kv;         /* FS_* */
};

/* The application's own start options; the table ends with a NULL key. */
extern const struct option app_options[];

/* Sets the application going and returns: 0, or a negative errno that ends the image with an error.
 * It runs on the boot stack before the loop and so must not block; start a fiber to do that.
 * The image ends when *done settles: status 0 when fulfilled with 0. A server never settles it.
 * done is pending when app_start is called. Borrows app and done for ever. */
int app_start(const struct app *app, struct promise *done);

#endif
