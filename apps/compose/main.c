/* SPDX-License-Identifier: ISC */
/* A network stack composed by hand, layer upon layer, on the image's interface. It prints all that
 * arrives: UDP ports in blue, new connections to port 80 in green, their requests and IPv6 frames in
 * yellow, other protocols in red. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/app.h"
#include "kernel/dev/console.h"
#include "net/config.h"
#include "net/dhcp/client.h"
#include "net/ipv4/ipv4.h"
#include "net/tcp/tcp.h"
#include "net/udp.h"

#define LOG_TAG "compose"
#include "kernel/log.h"

enum colour { RED = 31, GREEN = 32, YELLOW = 33, CYAN = 36 };

enum { READ_BYTES = 1024, LINE_BYTES = 256 };

static struct stack_config config;

const struct option app_options[] = {
	STACK_START_OPTIONS(config),
	{ NULL, NULL, NULL, NULL },
};

/* The layers; an image has one interface, and so one of each. */
static struct ethernet *ethernet;
static struct arp *arp;
static struct ipv4 *ipv4;
static struct udp *udp;
static struct tcp *tcp;
static struct dhcp_client *dhcp;

static void __attribute__((format(printf, 2, 3))) say(enum colour colour, const char *text, ...)
{
	char line[LINE_BYTES + 16];
	bool coloured = console_is_terminal;
	size_t at = coloured ? format(line, sizeof(line), "\033[%dm", (int)colour) : 0;
	va_list args;

	va_start(args, text);
	at += MIN(format_v(line + at, LINE_BYTES, text, args), (size_t)LINE_BYTES - 1);
	va_end(args);
	at += format(line + at, sizeof(line) - at, coloured ? "\033[0m\n" : "\n");
	console_write(line, at);
}

/* -- IPv6 and other protocols -- */

static void other_frame(void *arg, const struct ethernet_header *header, struct buf *b)
{
	(void)arg;
	if (header->type == be16(ETHERTYPE_IPV6))
		say(YELLOW, "ipv6 frame, %u bytes", buf_length(b));
	buf_free(b);
}

static void other_protocol(void *arg, struct ip_meta *meta, struct buf *b)
{
	char from[IP_TEXT_MAX];

	(void)arg;
	say(RED, "protocol %u from %s", meta->protocol, ip_format(from, &meta->src.addr));
	buf_free(b);
}

/* -- UDP: prints packets to every port, and accepts none -- */

static int udp_packet(void *arg, struct buf *b, const struct endpoint *from, const struct endpoint *to)
{
	(void)arg;
	(void)b;
	(void)from;
	say(CYAN, "udp packet on port %u", to->port);
	return -ECONNREFUSED;
}

/* -- TCP: a listener for port 80 reads once and closes -- */

struct visit {
	struct flow_read read;
	struct waiter waiter;
};

static void have_read(struct waiter *w)
{
	struct visit *v = container_of(w, struct visit, waiter);
	intptr_t got = promise_result(&v->read.promise);
	char text[LINE_BYTES - 32];
	uint32_t shown;

	if (got > 0) {
		shown = MIN((uint32_t)got, (uint32_t)sizeof(text));
		buf_copy_out(v->read.bufs, 0, text, shown);
		say(YELLOW, "read: %d\n%.*s", (int)got, (int)shown, text);
	} else if (got == 0) {
		say(RED, "read: eof");
	} else {
		say(RED, "read: error %d", (int)got);
	}
	buf_free(v->read.bufs);
	flow_close(v->read.flow);
	free(v);
}

static int visitor(void *arg, struct flow *flow, const struct endpoint *peer)
{
	struct visit *v = calloc(1, sizeof(*v));
	char from[IP_TEXT_MAX];

	(void)arg;
	if (!v)
		return -ENOMEM;
	say(GREEN, "new tcp from %s %u", ip_format(from, &peer->addr), peer->port);
	flow_read(flow, &v->read, READ_BYTES);
	promise_wait(&v->read.promise, &v->waiter, have_read);
	return 0;
}

static int listener_of_port(void *arg, uint16_t port, accept_fn **accept, void **accept_arg)
{
	(void)arg;
	if (port != 80)
		return -ECONNREFUSED;
	*accept = visitor;
	*accept_arg = NULL;
	return 0;
}

/* -- composition -- */

static int compose(struct netdev *netdev)
{
	static const struct ip_handler other = { .input = other_protocol };
	int error;

	if ((error = ethernet_create(&ethernet, netdev)) < 0)
		return error;
	if ((error = arp_create(&arp, ethernet)) < 0)
		return error;
	if ((error = ipv4_create(&ipv4, ethernet, arp)) < 0)
		return error;
	if ((error = udp_create(&udp, ipv4_ip(ipv4))) < 0)
		return error;
	if ((error = tcp_create(&tcp, ipv4_ip(ipv4), NULL)) < 0)
		return error;
	ethernet_listen_other(ethernet, other_frame, NULL);
	ipv4_listen_other(ipv4, &other);
	udp_listen_other(udp, udp_packet, NULL);
	tcp_listen_other(tcp, listener_of_port, NULL);
	if (IS_ENABLED(CONFIG_NET_DHCP) && config.dhcp)
		return dhcp_client_create(&dhcp, &(struct dhcp_layers){ ethernet, arp, ipv4, udp }, &config);
	return ipv4_set_address(ipv4, &config.ip, &config.gateway);
}

int app_start(const struct app *app, struct promise *done)
{
	char text[IP_TEXT_MAX], wrong[128];
	int error;

	(void)done; /* a server never settles it */
	if (!app->netdev) {
		log_error("no network interface: nothing to compose a stack on");
		return -ENODEV;
	}
	if (stack_config_complete(&config, wrong, sizeof(wrong)) < 0) {
		log_error("%s", wrong);
		return -EINVAL;
	}
	error = compose(app->netdev);
	if (error < 0)
		log_error("cannot compose the stack error=%d address=%s", error, ip_format(text, &config.ip.addr));
	else
		log_info("composed address=%s", ip_format(text, &config.ip.addr));
	return error;
}
