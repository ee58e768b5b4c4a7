/* SPDX-License-Identifier: ISC */
/* A client in another domain of the same hypervisor, without a network. */
#include "apps/www/vchan.h"
#include "kernel/dev/vchan.h"

uint16_t vchan_client;

static const struct flow *latest;

static int accept(void *server, struct flow *flow)
{
	latest = flow;
	return http_server_serve(server, flow);
}

int vchan_serve(struct http_server *server)
{
	return vchan_listen(vchan_client, CONFIG_WWW_VCHAN_PATH, accept, server);
}

bool vchan_has(const struct flow *flow)
{
	return flow == latest;
}
