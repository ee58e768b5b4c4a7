/* SPDX-License-Identifier: ISC */
/* The start of an application of your own: "make new-app NAME=x" copies this folder. */
#include "kernel/app.h"

#define LOG_TAG "skeleton"
#include "kernel/log.h"

static const char *greeting = "it works";

/* Start options: "greeting=…" on the image's command line. The last entry is empty. */
const struct option app_options[] = {
	{ "greeting", "a text", option_string, &greeting },
	{ 0 },
};

/* Called once, before the run loop: must not wait. To wait in plain sequential C, start a fiber
 * (kernel/fiber.h); to serve, listen on app->stack (net/stack.h) and leave done alone. The image
 * ends when done settles, with status 0 when it is fulfilled with 0. */
int app_start(const struct app *app, struct promise *done)
{
	(void)app;
	log_info("%s", greeting);
	promise_fulfil(done, 0);
	return 0;
}
