/* SPDX-License-Identifier: ISC */
/* The server's end of a vchan. The pages, their grants and the event channel are made once and serve one
 * client after the other; for each client the indices start over:
 *
 *   tell the keys → wait for a client → take ring-ref away → accept → the flow ends → it leaves
 *         ▲                                                                              │
 *         └──────────────────────────────────────────────────────────────────────────────┘
 *
 * So a key is in the store only while a client can connect, and a waiting client sees it come. A client that
 * never leaves is the last one. */
#define LOG_TAG "vchan"
#include "drivers/xen/event.h"
#include "drivers/xen/grant.h"
#include "drivers/xen/store.h"
#include "drivers/xen/vchan.h"
#include "kernel/format.h"
#include "kernel/instance.h"
#include "kernel/log.h"
#include "kernel/page.h"

#include <errno.h>
#include <string.h>

#define CLIENT_IS_AWAITED 2 /* in place of a client's flag of life */
#define OUT_PAGES_MAX CONFIG_XEN_VCHAN_PAGES
#define GRANTS_MAX ((PAGE_BYTES / 2 - sizeof(struct vchan_interface)) / sizeof(uint32_t))
static_assert(OUT_PAGES_MAX <= GRANTS_MAX, "the list of grants must end before the ring in the page");

struct server {
	struct vchan vchan;
	volatile struct vchan_interface *page;
	uint8_t *out_pages;
	uint32_t out_order, ref;     /* of out_pages' bytes; the page's grant */
	uint32_t refs[OUT_PAGES_MAX], granted; /* of out_pages */
	uint16_t domain;
	bool is_offered;
	uint8_t step; /* number of writes to the store done */
	const char *path;
	int (*accept)(void *arg, struct flow *flow);
	void *arg;
	struct store_op op;
	struct waiter waiter;
	void (*next)(struct server *s); /* NULL: no request is outstanding */
	bool moved; /* the domain was restored during a request */
	char text[STORE_NUMBER_MAX], permissions[2 * STORE_NUMBER_MAX];
	size_t permissions_bytes; /* 0: our domain's number is unknown */
};

/* -- the keys -- */

/* In this order: a client reads ring-ref first. */
static const char *const keys[] = { "event-channel", "ring-ref" };

static void offer(struct server *s);

static void answered(struct waiter *w)
{
	struct server *s = container_of(w, struct server, waiter);
	void (*next)(struct server *s) = s->moved ? offer : s->next;

	s->next = NULL;
	s->moved = false;
	next(s);
}

static void then(struct server *s, void (*next)(struct server *s))
{
	s->next = next;
	promise_wait(&s->op.promise, &s->waiter, answered);
}

static bool has_failed(const struct server *s)
{
	intptr_t result = promise_result(&s->op.promise);

	if (result < 0)
		log_error("path=%s given_up=\"xenstore\" error=%d", s->path, (int)-result);
	return result < 0;
}

static void tell(struct server *s);

static void told(struct server *s)
{
	if (has_failed(s))
		return;
	if (++s->step < 2 * ARRAY_SIZE(keys)) {
		tell(s);
		return;
	}
	s->is_offered = true;
	if (s->domain)
		timer_start_in(&s->vchan.timer, VCHAN_LOOK_NS);
	poller_mark(&s->vchan.poller);
}

static void tell(struct server *s)
{
	const char *key = keys[s->step / 2];

	if (s->step % 2) {
		store_permit(&s->op, s->path, key, s->permissions, s->permissions_bytes);
	} else {
		format(s->text, sizeof(s->text), "%u", s->step ? s->ref : s->vchan.port);
		store_write(&s->op, 0, s->path, key, s->text);
	}
	then(s, told);
}

static void begin(struct server *s)
{
	struct vchan *v = &s->vchan;

	v->in.at = v->out.at = 0;
	s->page->left.cons = s->page->left.prod = 0;
	s->page->right.cons = s->page->right.prod = 0;
	s->page->cli_notify = VCHAN_NOTIFY_WRITE;
	s->page->srv_notify = 0;
	s->page->cli_live = CLIENT_IS_AWAITED;
	s->page->srv_live = 1;
	v->is_lost = false;
	s->step = 0;
	tell(s);
}

/* A key's permissions begin with its owner, this domain. */
static void have_domain(struct server *s)
{
	int64_t ours;

	if (has_failed(s))
		return;
	ours = store_number(s->text, UINT16_MAX);
	if (ours < 0) {
		log_error("path=%s given_up=\"no domid\"", s->path);
		return;
	}
	s->permissions_bytes = format(s->permissions, sizeof(s->permissions), "n%u", (unsigned)ours) + 1;
	s->permissions_bytes += format(s->permissions + s->permissions_bytes,
	                               sizeof(s->permissions) - s->permissions_bytes, "r%u", s->domain) + 1;
	log_info("path=%s client=%u", s->path, s->domain);
	begin(s);
}

static void offer(struct server *s)
{
	if (s->permissions_bytes) {
		begin(s);
		return;
	}
	store_read(&s->op, 0, "domid", NULL, s->text, sizeof(s->text));
	then(s, have_domain);
}

/* -- clients -- */

static void withdrawn(struct server *s)
{
	if (promise_result(&s->op.promise) != -ENOENT && has_failed(s))
		return;
	vchan_open(&s->vchan);
	if (s->accept(s->arg, &s->vchan.flow) < 0)
		flow_abort(&s->vchan.flow);
}

/* Called while the flow has no user: a client may have come, or the last one have left. */
static void look(struct vchan *v)
{
	struct server *s = container_of(v, struct server, vchan);

	if (s->is_offered && __atomic_load_n(v->peer_live, __ATOMIC_ACQUIRE) != CLIENT_IS_AWAITED) {
		s->is_offered = false;
		store_remove(&s->op, 0, s->path, keys[1]);
		then(s, withdrawn);
	} else if (s->is_offered && v->is_lost) {
		/* The store drops permissions of a domain that does not exist: they are set again, for it may exist
		 * by now. */
		v->is_lost = s->is_offered = false;
		s->step = 0;
		tell(s);
	} else if (v->has_ended && vchan_peer_is_gone(v)) {
		v->has_ended = false;
		timer_stop(&v->timer);
		offer(s);
	}
}

static void ended(struct vchan *v)
{
	poller_mark(&v->poller);
}

/* -- the pages -- */

static int grant(struct server *s, const void *page, uint32_t *ref)
{
	int32_t made = grant_page(s->domain, page, false);

	if (made >= 0)
		*ref = (uint32_t)made;
	return made < 0 ? made : 0;
}

static int grant_all(struct server *s)
{
	int error = grant(s, (const void *)s->page, &s->ref);

	while (!error && s->granted < vchan_ring_pages(s->out_order)) {
		error = grant(s, s->out_pages + (size_t)s->granted * PAGE_BYTES, &s->refs[s->granted]);
		if (!error) {
			s->page->grants[s->granted] = s->refs[s->granted];
			s->granted++;
		}
	}
	return error;
}

/* Destroys a server that nobody was told of; a page that was mapped all the same is never used again. */
static void destroy(struct server *s)
{
	bool is_ours = true;

	while (s->granted)
		is_ours &= grant_end(s->refs[--s->granted]);
	if (s->out_pages && is_ours)
		page_free(s->out_pages, vchan_ring_pages(s->out_order));
	if (s->page && (!s->ref || grant_end(s->ref)))
		page_free((void *)s->page, 1);
	if (s->vchan.input_page)
		vchan_release(&s->vchan);
	instance_free(s, sizeof(*s));
}

static int create_pages(struct server *s)
{
	s->out_order = VCHAN_ORDER_IN_PAGE + 1;
	while (2 * vchan_ring_pages(s->out_order) <= OUT_PAGES_MAX)
		s->out_order++;
	s->page = page_alloc(1, true);
	s->out_pages = s->page ? page_alloc(vchan_ring_pages(s->out_order), true) : NULL;
	if (!s->out_pages || vchan_init(&s->vchan) < 0)
		return -ENOMEM;
	return grant_init() ?: grant_all(s) ?: event_offer(s->domain, &s->vchan.poller, &s->vchan.port);
}

static void join(struct server *s)
{
	struct vchan *v = &s->vchan;

	s->page->left_order = VCHAN_ORDER_IN_PAGE;
	s->page->right_order = (uint16_t)s->out_order;
	vchan_ring_init(&v->in, &s->page->left, s->page, NULL, VCHAN_ORDER_IN_PAGE);
	vchan_ring_init(&v->out, &s->page->right, s->page, s->out_pages, s->out_order);
	v->live = &s->page->srv_live;
	v->peer_live = &s->page->cli_live;
	v->wanted = &s->page->cli_notify;
	v->peer_wants = &s->page->srv_notify;
}

/* A restored domain has no client, no grant, no event channel and no keys. A flow in use fails, and the next
 * client can connect once it has been closed. */
static void resume(struct vchan *v)
{
	struct server *s = container_of(v, struct server, vchan);
	int error;

	grant_end(s->ref);
	while (s->granted)
		grant_end(s->refs[--s->granted]);
	error = grant_all(s) ?: event_offer(s->domain, &v->poller, &v->port);
	if (error) {
		log_error("path=%s given_up=\"in another domain\" error=%d", s->path, -error);
		v->look = NULL;
	}
	s->permissions_bytes = 0;
	s->moved = s->next;
	vchan_lose(v);
	if (error || !s->is_offered)
		return;
	s->is_offered = false;
	offer(s);
}

int vchan_listen(uint16_t domain, const char *path, int (*accept)(void *arg, struct flow *flow), void *arg)
{
	struct server *s;
	int error = store_init();

	if (error)
		return error;
	s = instance_alloc(sizeof(*s));
	if (!s)
		return -ENOMEM;
	s->vchan.look = look;
	s->vchan.ended = ended;
	s->vchan.resume = resume;
	s->domain = domain;
	s->path = path;
	s->accept = accept;
	s->arg = arg;
	error = create_pages(s);
	if (error) {
		destroy(s);
		return error;
	}
	join(s);
	offer(s);
	return 0;
}
