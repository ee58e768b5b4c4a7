/* SPDX-License-Identifier: ISC */
/* www: serves the files of a folder, crunched into the image or on a FAT disk (WWW_DIR), over HTTP. */
#include "apps/www/access.h"
#include "apps/www/observe.h"
#include "apps/www/vchan.h"
#include "kernel/app.h"
#include "net/http/server.h"
#include "net/stack.h"

#define LOG_TAG "www"
#include "kernel/log.h"

static uint16_t port = CONFIG_WWW_PORT;

const struct option app_options[] = {
	{ "port", "a TCP port, 1 to 65535", option_port, &port },
	VCHAN_OPTIONS
	{ 0 },
};

int app_start(const struct app *app, struct promise *done)
{
	struct http_config config = HTTP_CONFIG_DEFAULTS;
	struct http_server *server;
	int result;

	(void)done; /* a server never ends */
	config.kv = app->kv;
	if (IS_ENABLED(CONFIG_WWW_OBSERVE)) {
		config.handler = http_route;
		config.arg = observe_routes(app->stack);
	}
	if (IS_ENABLED(CONFIG_WWW_ACCESS_LOG))
		config.log = access_log;
	result = http_server_create(&server, &config) ?:
		stack_tcp_listen(app->stack, port, http_server_accept, server);
	if (IS_ENABLED(CONFIG_WWW_VCHAN) && result == 0)
		result = vchan_serve(server);
	if (result == 0)
		log_info("listening port=%u", port);
	return result;
}
