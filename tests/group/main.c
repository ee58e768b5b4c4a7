/* SPDX-License-Identifier: ISC */
/* An application that does with multicast groups what datagrams to its port tell it, and says what it got:
 * tests/system/test_xen.py sends them.
 *
 *   join ADDRESS
 *   leave ADDRESS
 *
 * Either may be said more than once, for datagrams are lost. Anything else is only shown. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "kernel/app.h"
#include "net/addr.h"
#include "net/stack.h"

enum { PORT = 5000, MEMBERSHIPS = 8 };

const struct option app_options[] = { { 0 } };

static struct stack *stack;
static struct {
	struct stack_group group;
	struct ip_addr address; /* IP_NONE: the place is free */
} memberships[MEMBERSHIPS];

/* The place of that membership, of no address: a free one. MEMBERSHIPS: there is none. */
static size_t find(const struct ip_addr *address)
{
	size_t i = 0;

	while (i < MEMBERSHIPS && !ip_equal(&memberships[i].address, address))
		i++;
	return i;
}

static int join(const struct ip_addr *address)
{
	static const struct ip_addr none;
	size_t i = find(&none);
	int error;

	if (find(address) < MEMBERSHIPS)
		return 0;
	error = i < MEMBERSHIPS ? stack_udp_join(stack, &memberships[i].group, address) : -ENOBUFS;
	if (!error)
		memberships[i].address = *address;
	return error;
}

static int leave(const struct ip_addr *address)
{
	size_t i = find(address);

	if (i < MEMBERSHIPS) {
		stack_udp_leave(stack, &memberships[i].group);
		memberships[i].address = (struct ip_addr){ 0 };
	}
	return 0;
}

static int obey(const char *text)
{
	struct ip_addr address;
	const char *word = strchr(text, ' ');

	if (!word || ip_parse(word + 1, &address) < 0)
		return 0;
	return *text == 'j' ? join(&address) : leave(&address);
}

static void receive(void *arg, struct buf *b, const struct endpoint *from, const struct endpoint *to)
{
	char text[64];
	size_t len = MIN((size_t)buf_length(b), sizeof(text) - 1);

	(void)arg, (void)from, (void)to;
	buf_copy_out(b, 0, text, (uint32_t)len);
	buf_free(b);
	text[len] = '\0';
	printf("got %s: %d\n", text, obey(text));
	fflush(stdout);
}

int app_start(const struct app *app, struct promise *done)
{
	(void)done;
	stack = app->stack;
	return stack_udp_listen(stack, PORT, receive, NULL);
}
