/* SPDX-License-Identifier: ISC */
/* The client's end of a vchan: reads the server's keys, connects to its event channel, which only one client
 * can, and maps its pages. The rings' orders and grants are read once and checked before use: the server may
 * change them at any time. */
#include "drivers/xen/event.h"
#include "drivers/xen/grant.h"
#include "drivers/xen/store.h"
#include "drivers/xen/vchan.h"
#include "kernel/format.h"
#include "kernel/instance.h"

#include <errno.h>

struct client {
	struct vchan vchan;
	struct vchan_connect *connect; /* until it has settled */
	volatile struct vchan_interface *page;
	void *left_pages, *right_pages; /* NULL: in page */
	uint16_t left_order, right_order, domain;
	bool is_connected; /* the event channel is */
	uint32_t ref, offered; /* from the keys */
	struct store_op op;
	struct waiter waiter;
	char path[STORE_PATH_MAX], text[STORE_NUMBER_MAX];
};

/* Unmaps the server's pages and closes the event channel. */
static void disconnect(struct client *c)
{
	if (c->left_pages)
		grant_unmap(c->left_pages, vchan_ring_pages(c->left_order));
	if (c->right_pages)
		grant_unmap(c->right_pages, vchan_ring_pages(c->right_order));
	if (c->page)
		grant_unmap((void *)c->page, 1);
	if (c->is_connected)
		event_close(c->vchan.port);
	c->left_pages = c->right_pages = NULL;
	c->page = NULL;
	c->is_connected = false;
}

static void destroy(struct client *c)
{
	disconnect(c);
	if (c->vchan.input_page)
		vchan_release(&c->vchan);
	instance_free(c, sizeof(*c));
}

static void ended(struct vchan *v)
{
	destroy(container_of(v, struct client, vchan));
}

static void settle(struct client *c, int error)
{
	struct vchan_connect *op = c->connect;

	c->connect = NULL;
	if (error) {
		destroy(c);
		promise_fail(&op->promise, error);
		return;
	}
	op->flow = &c->vchan.flow;
	promise_fulfil(&op->promise, 0);
}

/* -- the pages -- */

static bool is_order(uint32_t order)
{
	return order >= VCHAN_ORDER_MIN && order <= VCHAN_ORDER_MAX;
}

/* Maps a ring by the grants from at on in the page's list. The list must end before the page does, or before
 * a ring in it. */
static int map_ring(struct client *c, uint32_t at, uint32_t order, void **pages)
{
	static uint32_t refs[CONFIG_XEN_MAP_PAGES];
	uint32_t count = vchan_ring_pages(order);

	if (count > ARRAY_SIZE(refs))
		return -EBADMSG;
	for (uint32_t i = 0; i < count; i++)
		refs[i] = c->page->grants[at + i];
	return count ? grant_map(c->domain, refs, count, pages) : 0;
}

static int map_rings(struct client *c)
{
	uint32_t left = c->left_order = c->page->left_order, right = c->right_order = c->page->right_order;
	uint32_t lowest = MIN(left, right);
	uint32_t room = lowest <= VCHAN_ORDER_IN_PAGE ? UINT32_C(1) << lowest : PAGE_BYTES;

	/* Rings in the page lie at offsets of their own lengths: two of the same order would overlap. */
	if (!is_order(left) || !is_order(right) || (left == right && left <= VCHAN_ORDER_IN_PAGE) ||
	    sizeof(*c->page) + (vchan_ring_pages(left) + vchan_ring_pages(right)) * sizeof(uint32_t) > room)
		return -EBADMSG;
	return map_ring(c, 0, left, &c->left_pages) ?:
		map_ring(c, vchan_ring_pages(left), right, &c->right_pages);
}

/* The indices go on from those of the client before us, if there was one. */
static void join(struct client *c, volatile struct vchan_interface *page)
{
	struct vchan *v = &c->vchan;

	vchan_ring_init(&v->out, &page->left, page, c->left_pages, c->left_order);
	vchan_ring_init(&v->in, &page->right, page, c->right_pages, c->right_order);
	v->out.at = page->left.prod;
	v->in.at = page->right.cons;
	v->live = &page->cli_live;
	v->peer_live = &page->srv_live;
	v->wanted = &page->srv_notify;
	v->peer_wants = &page->cli_notify;
}

/* Pages of another domain are not saved, and cannot be mapped again after a restore: the server is told that
 * we leave, and the flow goes on over a page without a peer, in which nothing comes and nothing is taken. */
static void suspend(struct vchan *v)
{
	static struct vchan_interface nobodys;
	struct client *c = container_of(v, struct client, vchan);

	if (!c->page)
		return;
	__atomic_store_n(v->live, 0, __ATOMIC_RELEASE);
	event_send(v->port);
	disconnect(c);
	v->port = 0;
	join(c, &nobodys);
	vchan_lose(v);
}

static int connect(struct client *c)
{
	struct vchan *v = &c->vchan;
	int error = event_connect(c->domain, c->offered, &v->poller, &v->port);
	void *page;

	if (error)
		return error == -ENOENT ? -EBUSY : error;
	c->is_connected = true;
	error = grant_map(c->domain, &c->ref, 1, &page);
	if (!error) {
		c->page = page;
		error = map_rings(c);
	}
	if (error)
		return error == -EACCES ? -EBADMSG : error;
	join(c, page);
	if (vchan_peer_is_gone(v))
		return -ENOENT;
	*v->wanted = VCHAN_NOTIFY_WRITE;
	__atomic_store_n(v->live, 1, __ATOMIC_RELEASE);
	vchan_open(v);
	event_send(v->port);
	return 0;
}

/* -- the keys -- */

static struct client *client_of(struct waiter *w)
{
	return container_of(w, struct client, waiter);
}

/* Parses a key's number. A key that may not be read counts as absent: it was not offered to this domain. */
static int number(struct client *c, uint32_t *to)
{
	intptr_t result = promise_result(&c->op.promise);
	int64_t value;

	if (result < 0)
		return result == -EACCES ? -ENOENT : (int)result;
	value = store_number(c->text, UINT32_MAX);
	if (value < 0)
		return -EBADMSG;
	*to = (uint32_t)value;
	return 0;
}

static void have_port(struct waiter *w)
{
	struct client *c = client_of(w);

	settle(c, number(c, &c->offered) ?: connect(c));
}

static void have_ref(struct waiter *w)
{
	struct client *c = client_of(w);
	int error = number(c, &c->ref);

	if (error) {
		settle(c, error);
		return;
	}
	store_read(&c->op, 0, c->path, "event-channel", c->text, sizeof(c->text));
	promise_wait(&c->op.promise, &c->waiter, have_port);
}

static void cancel(struct promise *p)
{
	struct client *c = container_of(p, struct vchan_connect, promise)->state;

	promise_cancel(&c->op.promise);
}

void vchan_connect(struct vchan_connect *op, uint16_t domain, const char *path)
{
	int error = store_init();
	struct client *c = error ? NULL : instance_alloc(sizeof(*c));
	size_t len = 0;

	op->flow = NULL;
	op->state = c;
	promise_init(&op->promise, cancel);
	if (!c) {
		promise_fail(&op->promise, error ?: -ENOMEM);
		return;
	}
	c->connect = op;
	c->domain = domain;
	c->vchan.ended = ended;
	c->vchan.suspend = suspend;
	if (*path != '/')
		len = format(c->path, sizeof(c->path), "/local/domain/%u/", domain);
	len += format(c->path + len, sizeof(c->path) - len, "%s", path);
	if (vchan_init(&c->vchan) < 0 || len >= sizeof(c->path)) {
		settle(c, len >= sizeof(c->path) ? -ENAMETOOLONG : -ENOMEM);
		return;
	}
	store_read(&c->op, 0, c->path, "ring-ref", c->text, sizeof(c->text));
	promise_wait(&c->op.promise, &c->waiter, have_ref);
}
