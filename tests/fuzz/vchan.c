/* SPDX-License-Identifier: ISC */
/* Fuzzes the shared memory of a vchan, which the peer may change at will. The input: a byte that chooses our
 * end and the failures; a number, and as many initial bytes of the shared page; then steps of the peer, of
 * the application and of time. Checks, besides the sanitizers, that reads give no more than was asked for,
 * that all operations settle, that a client leaves nothing behind, and that a server offers its vchan
 * again. */
#include <errno.h>
#include <string.h>

#include "drivers/xen/event.h"
#include "drivers/xen/grant.h"
#include "drivers/xen/store.h"
#include "drivers/xen/vchan.h"
#include "drivers/xen/xen.h"
#include "kernel/format.h"
#include "kernel/page.h"
#include "tests/lib/check.h"
#include "tests/lib/clock.h"
#include "tests/lib/memory.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { AS_SERVER = 1, NO_CONNECTION = 2, FAILING_STORE = 4, FAILING_MEMORY = 8, FAILING_MAP = 16 };
enum { REFUSING = 32 }; /* further bits of the same byte */
enum { INDEX, FLAG, EVENT, SCRIBBLE, READ, WRITE, LET_GO, SHUTDOWN, CANCEL, TIME, DEATH, CLOSE, STEPS };
enum { SAVED = 77 }; /* a TIME step with this number saves the domain, and restores it if the next is odd */
enum { FOREIGN_PAGES = CONFIG_XEN_MAP_PAGES, CLIENT = 5, SERVER = 9 };

static _Alignas(PAGE_BYTES) uint8_t foreign[FOREIGN_PAGES][PAGE_BYTES];
static uint8_t *page; /* the shared one */
static uint32_t mapped, maps_left, granted;
static uint8_t what;
static struct poller *marked;
static bool is_connected, is_alive;
static struct flow *flow;
static struct flow_read reading;
static struct flow_write writing;
static struct slice slice;
static struct buf *held;
static uint8_t text[10000];

/* -- Xen, as far as a vchan calls it -- */

int store_init(void)
{
	return 0;
}

static void store_settle(struct store_op *op, intptr_t value)
{
	if (what & FAILING_STORE)
		promise_throw(&op->promise, -EIO);
	else
		promise_return(&op->promise, value);
}

void store_read(struct store_op *op, uint32_t transaction, const char *dir, const char *key, char *to,
                size_t max)
{
	(void)transaction, (void)dir, (void)key;
	store_settle(op, (intptr_t)format(to, max, "5"));
}

void store_write(struct store_op *op, uint32_t transaction, const char *dir, const char *key,
                 const char *value)
{
	(void)transaction, (void)dir, (void)key, (void)value;
	store_settle(op, 0);
}

void store_permit(struct store_op *op, const char *dir, const char *key, const char *permissions,
                  size_t count)
{
	(void)dir, (void)key, (void)permissions, (void)count;
	store_settle(op, 0);
}

void store_remove(struct store_op *op, uint32_t transaction, const char *dir, const char *key)
{
	(void)transaction, (void)dir, (void)key;
	store_settle(op, 0);
}

int64_t store_number(const char *from, int64_t max)
{
	int64_t number = *from - '0';

	return number <= max ? number : -1;
}

int event_offer(uint16_t domain, struct poller *p, uint32_t *port)
{
	(void)domain;
	marked = p;
	*port = 1;
	return 0;
}

int event_connect(uint16_t domain, uint32_t offered, struct poller *p, uint32_t *port)
{
	(void)domain, (void)offered;
	if (what & NO_CONNECTION)
		return -ENOENT;
	marked = p;
	is_connected = true;
	*port = 1;
	return 0;
}

bool event_marks(uint32_t port, const struct poller *p)
{
	(void)port;
	return p != NULL;
}

bool event_is_connected(uint32_t port)
{
	(void)port;
	return is_alive;
}

void event_close(uint32_t port)
{
	(void)port;
	CHECK(is_connected);
	is_connected = false;
	marked = NULL;
}

void event_send(uint32_t port)
{
	(void)port;
}

void event_again(uint32_t port)
{
	(void)port;
}

int grant_init(void)
{
	return 0;
}

int32_t grant_page(uint16_t domain, const void *p, bool read_only)
{
	(void)domain, (void)read_only;
	if (!granted)
		page = (uint8_t *)p;
	return (int32_t)++granted;
}

bool grant_end(uint32_t ref)
{
	CHECK(ref && ref <= granted);
	return true;
}

int grant_map(uint16_t domain, const uint32_t *refs, uint32_t count, void **pages)
{
	(void)domain, (void)refs;
	if (count > FOREIGN_PAGES - mapped)
		return -ENOSPC;
	if (maps_left-- == 0)
		return -EACCES;
	*pages = foreign[mapped];
	mapped += count;
	return 0;
}

void grant_unmap(void *pages, uint32_t count)
{
	CHECK((uint8_t *)pages >= foreign[0] && count <= mapped);
	mapped -= count;
}

/* -- the application -- */

static void settle_all(void)
{
	for (unsigned i = 0; i < 1000 && loop_turn(); i++)
		;
}

static void let_go(void)
{
	buf_free(held);
	held = NULL;
}

/* Checks a finished read, and holds its bufs in place of earlier ones. */
static void take_read(void)
{
	if (reading.promise.state == PROMISE_FULFILLED && reading.bufs) {
		CHECK(buf_length(reading.bufs) == (uint32_t)reading.promise.value);
		CHECK((uint32_t)reading.promise.value <= reading.max);
		let_go();
		held = reading.bufs;
		reading.bufs = NULL;
	}
}

static void read_some(uint8_t n)
{
	if (!flow || !promise_is_settled(&reading.promise))
		return;
	flow_read(flow, &reading, n * 37u + 1);
	settle_all();
}

static void write_some(uint8_t n)
{
	if (!flow || !promise_is_settled(&writing.promise))
		return;
	slice = (struct slice){ text, n * 39u, NULL };
	flow_write(flow, &writing, &slice, 1);
}

static void close_it(bool at_once)
{
	if (!flow)
		return;
	if (at_once)
		flow_abort(flow);
	else
		flow_close(flow);
	flow = NULL;
	CHECK(promise_is_settled(&reading.promise) && promise_is_settled(&writing.promise));
}

static int accept(void *arg, struct flow *f)
{
	(void)arg;
	if (what & REFUSING)
		return -ENOBUFS;
	flow = f;
	return 0;
}

/* No memory of another domain may be mapped while the domain is saved. */
static void save(bool is_restored)
{
	xen_vchan_suspend();
	CHECK(mapped == 0);
	if (is_restored)
		xen_vchan_resume();
}

/* -- steps -- */

static void step(uint8_t kind, uint8_t a, uint8_t b)
{
	static const uint32_t far[] = { 0, 1, 2048, 4096, 8192, UINT32_MAX, 1u << 31, 100 };
	uint32_t *word = (uint32_t *)(void *)page + a % 4;

	switch (kind % STEPS) {
	case INDEX:
		*word += a & 128 ? far[b % 8] : b;
		break;
	case FLAG:
		page[20 + a % 4] = b;
		break;
	case EVENT:
		if (marked)
			poller_mark(marked);
		break;
	case SCRIBBLE:
		memset(page + 16 * (a % 255 + 1), b, 16);
		break;
	case READ:
		read_some(a);
		break;
	case WRITE:
		write_some(a);
		break;
	case LET_GO:
		let_go();
		break;
	case SHUTDOWN:
		if (flow)
			flow_shutdown(flow);
		break;
	case CANCEL:
		promise_cancel(&reading.promise);
		promise_cancel(&writing.promise);
		break;
	case TIME:
		if (a == SAVED)
			save(b % 2);
		else
			clock_advance_ns(6 * NS_PER_S);
		break;
	case DEATH:
		is_alive = false;
		break;
	case CLOSE:
		close_it(a & 1);
		break;
	}
	settle_all();
	take_read();
}

static void run_steps(const uint8_t *data, size_t size)
{
	for (; size >= 3; data += 3, size -= 3)
		step(data[0], data[1], data[2]);
}

/* The peer leaves; all memory shared with it must be freed. */
static void end(void)
{
	close_it(true);
	let_go();
	is_alive = false;
	clock_advance_ns(20 * NS_PER_S);
	for (unsigned i = 0; i < 4; i++)
		step(TIME, 0, 0);
}

static void run_client(const uint8_t *head, size_t head_bytes, const uint8_t *steps, size_t size)
{
	struct vchan_connect op;
	int64_t live = test_alloc_live();

	page = foreign[0];
	memset(foreign, 0, sizeof(foreign));
	memcpy(page, head, head_bytes);
	maps_left = what & FAILING_MAP ? what >> 6 : UINT32_MAX;
	if (what & FAILING_MEMORY)
		test_alloc_fail_at(1 + (what >> 6));
	vchan_connect(&op, SERVER, what & NO_CONNECTION ? "/data/vchan" : "data/vchan");
	settle_all();
	test_alloc_fail_at(0);
	CHECK(promise_is_settled(&op.promise));
	what &= (uint8_t)~FAILING_STORE; /* the server of other inputs needs the store as time passes */
	flow = op.flow;
	run_steps(steps, size);
	end();
	CHECK(mapped == 0 && !is_connected && test_alloc_live() == live);
}

/* Runs steps on the server. Once made, it is the same for all inputs. */
static void run_server(const uint8_t *head, size_t head_bytes, const uint8_t *steps, size_t size)
{
	static bool is_there;
	static struct poller *poller;
	static uint8_t *shared;
	struct vchan_interface *shown;
	int64_t live = test_alloc_live();

	if (!is_there) {
		granted = 0;
		if (what & FAILING_MEMORY)
			test_alloc_fail_at(1 + (what >> 6));
		is_there = vchan_listen(CLIENT, "data/vchan", accept, NULL) == 0;
		test_alloc_fail_at(0);
		CHECK(is_there || test_alloc_live() == live);
		poller = marked;
		shared = page;
	}
	marked = poller;
	page = shared;
	what &= (uint8_t)~FAILING_STORE;
	settle_all();
	if (!is_there)
		return;
	memcpy(page, head, head_bytes);
	step(EVENT, 0, 0);
	run_steps(steps, size);
	what &= (uint8_t)~REFUSING;
	shown = (void *)page;
	shown->cli_live = 0; /* as if a client had come and gone, if none has */
	step(EVENT, 0, 0);
	end();
	CHECK(shown->srv_live == 1 && shown->cli_live == 2 && !shown->left.prod && !shown->right.prod);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static bool is_ready;
	size_t head;

	if (!is_ready)
		CHECK(buf_init(16, 16) == 0);
	is_ready = true;
	if (size < 2)
		return 0;
	what = data[0];
	head = MIN((size_t)data[1], size - 2);
	is_alive = true;
	flow = NULL;
	promise_return(&reading.promise, 0);
	promise_return(&writing.promise, 0);
	reading.bufs = NULL;
	if (what & AS_SERVER)
		run_server(data + 2, head, data + 2 + head, size - 2 - head);
	else
		run_client(data + 2, head, data + 2 + head, size - 2 - head);
	return 0;
}
