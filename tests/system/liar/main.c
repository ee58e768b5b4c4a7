/* SPDX-License-Identifier: ISC */
/* The device's life: what is in xenstore, the states of both halves (Xen's public/io/xenbus.h), and the
 * commands, lines of standard input:
 *
 *   come       leaves, and comes again as an honest backend
 *   come lying the same, with keys and states that lie and change while the guest reads them
 *   lie N      tells N lies in its rings, and comes again when it is refused
 *   quit       removes the backend's half of the device
 *
 * Events are reported on standard output. The guest's half is polled, because libxenstore's watches need a
 * thread that does not start in a statically linked program. */
#include "tests/system/liar/liar.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define INITIALISING "1"
#define WAITING "2"
#define CONNECTED "4"
#define CLOSED "6"
enum {
	STORE_LIES = 60, STORE_LIE_US = 20000, LOOK_MS = 50, AGAIN_MS = 200,
	AGAIN_MAX_MS = 16000, IDLE_MS = 1000, LEAVE_TRIES = 100, LEAVE_US = 50000,
};

void say(const char *format, ...)
{
	va_list list;

	va_start(list, format);
	fputs("liar: ", stdout);
	vprintf(format, list);
	putchar('\n');
	va_end(list);
}

static void fail(const char *what)
{
	say("failed: %s: %s", what, strerror(errno));
	exit(1);
}

/* -- pages of the guest's -- */

void *map(struct liar *l, uint32_t ref, bool read_only)
{
	return xengnttab_map_grant_ref(l->grants, l->domain, ref, PROT_READ | (read_only ? 0 : PROT_WRITE));
}

void unmap(struct liar *l, void *page, bool keep)
{
	if (keep && l->held_count < HELD_MAX)
		l->held[l->held_count++] = page;
	else
		xengnttab_unmap(l->grants, page, 1);
}

/* -- xenstore -- */

static void write_key(struct liar *l, const char *dir, const char *name, const char *value)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	if (value)
		xs_write(l->store, XBT_NULL, path, value, (unsigned)strlen(value));
	else
		xs_rm(l->store, XBT_NULL, path);
}

void tell(struct liar *l, const char *name, const char *value)
{
	write_key(l, l->back, name, value);
}

/* Reads the value at name of the guest's half into text; false: there is none. */
static bool front_text(struct liar *l, const char *name, char *text, size_t size)
{
	char path[256], *value;
	unsigned length;

	snprintf(path, sizeof(path), "%s/%s", l->front, name);
	value = xs_read(l->store, XBT_NULL, path, &length);
	snprintf(text, size, "%s", value ? value : "");
	free(value);
	return value;
}

int64_t front_number(struct liar *l, const char *name)
{
	char text[32];

	return front_text(l, name, text, sizeof(text)) ? strtoll(text, NULL, 10) : -1;
}

/* Makes a folder that belongs to owner and that other may read. */
static void make_folder(struct liar *l, const char *path, unsigned owner, unsigned other)
{
	struct xs_permissions permissions[] = { { owner, XS_PERM_NONE }, { other, XS_PERM_READ } };

	if (!xs_mkdir(l->store, XBT_NULL, path) || !xs_set_permissions(l->store, XBT_NULL, path, permissions, 2))
		fail(path);
}

/* Writes our half anew. */
static void tell_all(struct liar *l)
{
	char text[16];

	xs_rm(l->store, XBT_NULL, l->back);
	make_folder(l, l->back, 0, l->domain);
	tell(l, "frontend", l->front);
	snprintf(text, sizeof(text), "%u", l->domain);
	tell(l, "frontend-id", text);
	for (const struct key *key = l->kind->back; key->name; key++)
		tell(l, key->name, key->value);
}

/* Writes the guest's half, as the toolstack does. */
static void describe(struct liar *l)
{
	make_folder(l, l->front, l->domain, 0);
	write_key(l, l->front, "backend", l->back);
	write_key(l, l->front, "backend-id", "0");
	for (const struct key *key = l->kind->front; key->name; key++)
		write_key(l, l->front, key->name, key->value);
	write_key(l, l->front, "state", INITIALISING);
}

/* -- the two halves -- */

static void disconnect(struct liar *l)
{
	if (l->connected)
		l->kind->disconnect(l);
	l->connected = false;
	while (l->held_count)
		xengnttab_unmap(l->grants, l->held[--l->held_count], 1);
	if (l->port >= 0)
		xenevtchn_unbind(l->events, (evtchn_port_t)l->port);
	l->port = -1;
}

static void connect(struct liar *l)
{
	int64_t offered = front_number(l, "event-channel");
	int port = offered < 0 ? -1 : xenevtchn_bind_interdomain(l->events, l->domain, (evtchn_port_t)offered);

	if (port < 0) {
		say("no event channel: %s", strerror(errno));
		return;
	}
	l->port = port;
	l->connected = l->kind->connect(l);
	if (!l->connected) {
		say("no rings: %s", strerror(errno));
		disconnect(l);
		return;
	}
	tell(l, "state", CONNECTED);
	say("connected");
}

/* Acts on the present state of the guest's half. */
static void follow(struct liar *l)
{
	char state[32];
	bool is_there = front_text(l, "state", state, sizeof(state));

	if (!l->connected && l->is_open && is_there && !strcmp(state, l->kind->front_state)) {
		connect(l);
	} else if (l->connected && (!is_there || !strcmp(state, "5") || !strcmp(state, CLOSED))) {
		say("refused");
		disconnect(l);
		l->is_open = l->lies; /* comes again as a new backend */
		tell(l, "state", CLOSED);
	}
}

/* Leaves, and waits until the guest's half has disconnected too: its rings are only for the old
 * connection. */
static void go_away(struct liar *l)
{
	char state[32];

	disconnect(l);
	l->is_open = false;
	tell(l, "state", CLOSED);
	for (unsigned i = 0; i < LEAVE_TRIES; i++) {
		if (!front_text(l, "state", state, sizeof(state)) || strcmp(state, l->kind->front_state))
			return;
		usleep(LEAVE_US);
	}
}

static void come(struct liar *l)
{
	l->waited_ms = 0;
	tell_all(l);
	l->is_open = true;
	tell(l, "state", WAITING);
}

/* Changes each key and the state to and fro. */
static void lie_in_store(struct liar *l)
{
	static const char *const states[] = { "0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "2", "4" };
	size_t count = sizeof(states) / sizeof(states[0]), keys = 0;
	char text[2000];

	for (const struct key *key = l->kind->back; key->name; key++)
		keys++;
	tell_all(l);
	tell(l, "state", WAITING);
	for (unsigned i = 0; i < STORE_LIES; i++) {
		uint64_t what = below(l, 8);

		odd_text(l, text, sizeof(text));
		if (what < 3)
			tell(l, "state", below(l, 8) ? states[below(l, count)] : below(l, 2) ? text : NULL);
		else if (what == 3 && !below(l, 4))
			xs_rm(l->store, XBT_NULL, l->back);
		else
			tell(l, l->kind->back[below(l, keys)].name, below(l, 6) ? text : NULL);
		usleep((useconds_t)below(l, STORE_LIE_US));
	}
	say("lied in the store");
}

/* -- commands -- */

static void obey(struct liar *l, const char *line)
{
	if (!strcmp(line, "come\n")) {
		go_away(l);
		l->lies = 0;
		come(l);
	} else if (!strcmp(line, "come lying\n")) {
		go_away(l);
		lie_in_store(l);
	} else if (sscanf(line, "lie %u", &l->lies) == 1) {
		say("lies=%u", l->lies);
	} else if (!strcmp(line, "quit\n")) {
		go_away(l);
		xs_rm(l->store, XBT_NULL, l->back);
		exit(0);
	}
}

static void take_event(struct liar *l)
{
	xenevtchn_port_or_error_t port = xenevtchn_pending(l->events);

	if (port < 0)
		return;
	xenevtchn_unmask(l->events, (evtchn_port_t)port);
	if (l->connected)
		l->kind->work(l);
}

/* A guest may have missed that the backend was away: then it leaves once more, for longer each time. And
 * after a lie the guest may wait for an answer for ever. */
static void come_again(struct liar *l)
{
	bool waits_for_guest = l->is_open && !l->connected, waits_for_us = l->connected && l->lies;

	l->waited_ms = waits_for_guest || waits_for_us ? l->waited_ms + LOOK_MS : 0;
	if (l->connected)
		l->pause_ms = AGAIN_MS;
	if (l->waited_ms < (l->connected ? IDLE_MS : l->pause_ms))
		return;
	go_away(l);
	usleep(l->pause_ms * 1000);
	come(l);
	l->pause_ms *= l->pause_ms < AGAIN_MAX_MS ? 2 : 1;
}

static void run(struct liar *l)
{
	char line[64];

	for (;;) {
		struct pollfd fds[] = {
			{ STDIN_FILENO, POLLIN, 0 }, { xenevtchn_fd(l->events), POLLIN, 0 },
			{ l->connected ? l->behind : -1, POLLIN, 0 },
		};

		if (poll(fds, sizeof(fds) / sizeof(fds[0]), LOOK_MS) == 0)
			come_again(l);
		else
			l->waited_ms = 0;
		follow(l);
		if (fds[0].revents)
			obey(l, fgets(line, sizeof(line), stdin) ? line : "quit\n");
		if (fds[1].revents)
			take_event(l);
		if (fds[2].revents && l->connected)
			l->kind->work(l);
	}
}

int main(int argc, char **argv)
{
	static struct liar liar = { .port = -1, .pause_ms = AGAIN_MS };
	struct liar *l = &liar;

	setvbuf(stdout, NULL, _IOLBF, 0);
	setvbuf(stdin, NULL, _IONBF, 0);
	if (argc != 5 || (strcmp(argv[1], "vif") && strcmp(argv[1], "vbd"))) {
		fputs("usage: liar vif DOMAIN SEED INTERFACE\n       liar vbd DOMAIN SEED FILE\n", stderr);
		return 1;
	}
	l->kind = strcmp(argv[1], "vif") ? &vbd : &vif;
	l->domain = (unsigned)strtoul(argv[2], NULL, 10);
	l->random = strtoull(argv[3], NULL, 10);
	l->store = xs_open(0);
	l->grants = xengnttab_open(NULL, 0);
	l->events = xenevtchn_open(NULL, 0);
	if (!l->store || !l->grants || !l->events)
		fail("this is not dom0");
	l->behind = l->kind->open(l, argv[4]);
	snprintf(l->front, sizeof(l->front), "/local/domain/%u/device/%s/0", l->domain, l->kind->name);
	snprintf(l->back, sizeof(l->back), "/local/domain/0/liar/%s/%u/0", l->kind->name, l->domain);
	tell_all(l);
	describe(l);
	come(l);
	say("ready");
	run(l);
}
