/* SPDX-License-Identifier: ISC */
/* www: serves the folder that was crunched into the image (WWW_DIR) over HTTP. */
#include <errno.h>

#include "kernel/app.h"
#include "net/http/server.h"
#include "net/stack.h"

#define LOG_TAG "www"
#include "kernel/log.h"

static uint16_t port = CONFIG_WWW_PORT;

const struct option app_options[] = {
	{ "port", "a TCP port, 1 to 65535", option_u16, &port },
	{ 0 },
};

int app_start(const struct app *app, struct promise *done)
{
	struct http_config config = HTTP_CONFIG_DEFAULTS;
	struct http_server *server;
	int result;

	(void)done; /* a server never ends */
	if (!port)
		return -EINVAL;
	config.kv = app->kv;
	result = http_server_create(&server, &config);
	if (result)
		return result;
	result = stack_tcp_listen(app->stack, port, http_server_accept, server);
	if (result == 0)
		log_info("listening port=%u", port);
	else
		log_warn("cannot listen port=%u%s", port,
		         result == -EADDRINUSE ? ": it is in use" :
		         result == -EACCES ? ": ports below 1024 need a privilege" : "");
	return result;
}
