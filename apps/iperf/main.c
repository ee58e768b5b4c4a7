/* SPDX-License-Identifier: ISC */
/* iperf: measures TCP connections with iperf3 at the other end: as a server or, with the start option
 * client=, as a client for one test. Either direction or both. */
#include <errno.h>

#include "apps/iperf/iperf_priv.h"
#include "kernel/app.h"

static struct client_config config = { .parameters = { .streams = 1, .seconds = 10 } };
static uint16_t port = CONFIG_IPERF_PORT;

static int option_seconds(const char *value, void *target)
{
	uint16_t seconds;
	int result = option_u16(value, &seconds);

	if (result < 0 || seconds == 0)
		return -EINVAL;
	*(uint32_t *)target = seconds;
	return 0;
}

static int option_streams(const char *value, void *target)
{
	int result = option_seconds(value, target);

	return result < 0 || *(uint32_t *)target > CONFIG_IPERF_STREAMS ? -EINVAL : 0;
}

const struct option app_options[] = {
	{ "port", "a TCP port, 1 to 65535", option_port, &port },
	{ "client", "the address of an iperf3 server, as 10.0.0.1", option_ip, &config.server.addr },
	{ "time", "seconds, 1 to 65535", option_seconds, &config.parameters.seconds },
	{ "streams", "connections, from 1 to the option IPERF_STREAMS", option_streams,
	  &config.parameters.streams },
	{ "reverse", "true or false: whether the server sends", option_flag, &config.parameters.reverse },
	{ 0 },
};

int app_start(const struct app *app, struct promise *done)
{
	if (config.server.addr.family == IP_NONE)
		return server_start(app->stack, port);
	config.server.port = port;
	return client_start(app->stack, &config, done);
}
