/* SPDX-License-Identifier: ISC */
/* deck: serves slides, which are files of a folder (WWW_DIR), and the figures of the running image, which one
 * of the slides shows. */
#include "apps/deck/figures.h"
#include "kernel/app.h"
#include "net/http/route.h"
#include "net/stack.h"

#define LOG_TAG "deck"
#include "kernel/log.h"

static uint16_t port = CONFIG_WWW_PORT;

const struct option app_options[] = {
	{ "port", "a TCP port, 1 to 65535", option_port, &port },
	{ 0 },
};

int app_start(const struct app *app, struct promise *done)
{
	static const struct http_route routes[] = {
		{ "figures.json", HTTP_METHOD(GET), figures_answer },
		{ 0 },
	};
	static struct http_routes table = { .routes = routes };
	struct http_config config = HTTP_CONFIG_DEFAULTS;
	struct http_server *server;
	struct figures *figures;
	int result;

	(void)done; /* a server never ends */
	config.kv = app->kv;
	config.handler = http_route;
	config.arg = &table;
	result = http_server_create(&server, &config) ?: figures_create(&figures, app->stack, server);
	if (result < 0)
		return result;
	table.arg = figures;
	result = stack_tcp_listen(app->stack, port, http_server_accept, server);
	if (result == 0)
		log_info("listening port=%u", port);
	return result;
}
