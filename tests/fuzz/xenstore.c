/* SPDX-License-Identifier: ISC */
/* Fuzzes the input from xenstore's ring and its division into pieces: the input is pieces, each a number of
 * bytes and those bytes; a number of 255 sets the store's index to the four bytes behind it instead, and 254
 * restores the guest in another domain. An operation of each kind waits for its answer, with the ids from 1
 * on. Checks, besides the sanitizers, that values read are strings that fit, and that all operations
 * settle. */
#include <errno.h>

#include "drivers/xen/store.c"
#include "tests/lib/check.h"
#include "tests/lib/clock.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { INDEX = 255, RESTORED = 254, LARGE = 2000, ROOM = 32 };

static _Alignas(PAGE_BYTES) struct xenstore_domain_interface page;
static struct store_op reading, listing, writing, removing, beginning, ending, large, late;
static struct store_watch watching, unwatching;
static char value[ROOM], names[ROOM];
static unsigned changes;
static bool again;

/* -- Xen, as far as the store calls it -- */

volatile void *xen_parameter_ring(uint32_t frame_index, uint32_t port_index, uint32_t *found)
{
	(void)frame_index, (void)port_index;
	*found = 1;
	return &page;
}

int event_attach(uint32_t at, struct poller *p)
{
	(void)at, (void)p;
	return 0;
}

void event_again(uint32_t at)
{
	(void)at;
}

void event_send(uint32_t at)
{
	(void)at;
}

/* -- an environment that begins anew with each input -- */

static void settle_all(void)
{
	while (loop_turn())
		;
}

static void changed(struct store_watch *w)
{
	CHECK(w == &watching || w == &unwatching);
	changes++;
	if (again)
		store_read(&late, 0, "late", NULL, value, 1);
	again = false;
}

static void begin_all(void)
{
	memset(&page, 0, sizeof(page));
	memset(&incoming, 0, sizeof(incoming));
	list_init(&sending);
	list_init(&sent);
	list_init(&watches);
	last_id = last_token = 0;
	broken = false;
	if (!ring)
		CHECK(store_init() == 0);
	again = true;
	promise_throw(&late.promise, -ENOENT);
	store_read(&reading, 0, "a", "b", value, sizeof(value));
	store_list(&listing, "a", names, sizeof(names));
	store_write(&writing, 7, "a", "b", "value");
	store_remove(&removing, 7, "a", "b");
	store_begin(&beginning);
	store_end(&ending, 7, true);
	store_watch(&watching, "w", NULL, changed);
	store_watch(&unwatching, "v", "w", changed);
	settle_all();
	page.req_cons = page.req_prod;
}

/* Sends more than the ring holds, so in part; the store reads it or does not. */
static void send_large(bool is_read)
{
	static char text[LARGE];

	memset(text, 'v', sizeof(text) - 1);
	store_write(&large, 0, "large", NULL, text);
	for (unsigned i = 0; i < 3; i++) {
		settle_all();
		if (is_read)
			page.req_cons = page.req_prod;
		poller_mark(&poller);
	}
}

static void end_one(struct store_op *op)
{
	promise_cancel(&op->promise);
	CHECK(promise_is_settled(&op->promise));
}

static void check_string(const struct store_op *op, const char *text, size_t room)
{
	intptr_t len = promise_result(&op->promise);

	if (op->promise.state == PROMISE_FULFILLED)
		CHECK(len >= 0 && (size_t)len < room && text[len] == '\0');
}

static void end_all(void)
{
	check_string(&reading, value, sizeof(value));
	check_string(&listing, names, sizeof(names));
	if (beginning.promise.state == PROMISE_FULFILLED)
		CHECK(promise_result(&beginning.promise) > 0);
	/* Silence until the time limit: unanswered operations must fail. */
	for (int i = 0; i < CONFIG_XEN_STORE_TIMEOUT_SECONDS; i++) {
		clock_advance_ns(NS_PER_S);
		settle_all();
	}
	end_one(&reading);
	end_one(&listing);
	end_one(&writing);
	end_one(&removing);
	end_one(&beginning);
	end_one(&ending);
	end_one(&large);
	end_one(&late);
	end_one(&watching.op);
	end_one(&unwatching.op);
	while (setting_waiter.link.next) {
		end_one(&setting);
		settle_all();
	}
	store_unwatch(&unwatching);
	end_one(&unwatching.op);
	CHECK(list_is_empty(&sending) && list_is_empty(&sent));
}

static const uint8_t *feed(const uint8_t *data, const uint8_t *end)
{
	uint8_t count = *data++;

	if (count == INDEX && end - data >= 4) {
		memcpy(&page.rsp_prod, data, 4);
		data += 4;
	} else if (count == RESTORED) {
		memset(&page, 0, sizeof(page));
		store_resume();
	} else {
		for (; count && data < end; count--)
			page.rsp[MASK_XENSTORE_IDX(page.rsp_prod++)] = (char)*data++;
	}
	poller_mark(&poller);
	settle_all();
	CHECK(broken || page.rsp_cons == page.rsp_prod);
	return data;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *end = data + size;
	begin_all();
	while (data < end)
		data = feed(data, end);
	send_large(size % 2);
	CHECK(store_number(value, 5) >= -1 && store_number(value, 5) <= 5);
	end_all();
	return 0;
}
