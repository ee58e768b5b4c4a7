/* SPDX-License-Identifier: ISC */
/* Lists and rings against a plain array. */
#include <string.h>

#include "kernel/list.h"
#include "tests/lib/test.h"

enum { N = 20 };

static struct list items[N];

static bool in_list(const struct list *item)
{
	return item->next != item;
}

Test(list, random_use)
{
	struct list head = LIST_INIT(head);
	int order[N * 2], count = 0;
	uint64_t seed = 4;

	for (int i = 0; i < N; i++)
		list_init(&items[i]);
	for (int round = 0; round < 20000; round++) {
		int i = (int)(test_random(&seed) % N), at = 0;

		if (in_list(&items[i])) {
			while (order[at] != i)
				at++;
			memmove(order + at, order + at + 1, sizeof(int) * (size_t)(--count - at));
			list_remove(&items[i]);
			list_remove(&items[i]);
		} else if (round % 2) {
			list_push_back(&head, &items[i]);
			order[count++] = i;
		} else {
			list_push_front(&head, &items[i]);
			memmove(order + 1, order, sizeof(int) * (size_t)count++);
			order[0] = i;
		}
		cr_assert_eq(list_is_empty(&head), count == 0);
		at = 0;
		list_for_each(item, &head)
			cr_assert_eq(item, &items[order[at++]]);
		cr_assert_eq(at, count);
	}
	list_for_each_safe(item, &head) {
		list_remove(item);
		count--;
	}
	cr_assert_eq(count, 0);
	cr_assert_null(list_pop_front(&head));
}

struct ring {
	struct list *newest;
	int order[N], count;
};

static void assert_ring(const struct ring *r)
{
	struct list *item = r->newest;

	cr_assert_eq(item == NULL, r->count == 0);
	for (int i = 0; i < r->count; i++) {
		item = item->next;
		cr_assert_eq(item, &items[r->order[i]]);
		cr_assert_eq(item->next->prev, item);
	}
	cr_assert_eq(item, r->newest);
}

static void ring_forget(struct ring *r, int i)
{
	int at = 0;

	while (r->order[at] != i)
		at++;
	memmove(r->order + at, r->order + at + 1, sizeof(int) * (size_t)(--r->count - at));
}

/* Two rings: items move into one or the other, and now and then one swallows the other. */
Test(ring, random_use)
{
	struct ring rings[2] = { 0 }, *in[N] = { 0 };
	uint64_t seed = 8;

	memset(items, 0, sizeof(items));
	for (int round = 0; round < 50000; round++) {
		int i = (int)(test_random(&seed) % N);
		struct ring *r = &rings[round % 2], *other = &rings[!(round % 2)];

		if (round % 97 == 0 && other->count) {
			ring_join(&r->newest, other->newest);
			for (int k = 0; k < other->count; k++) {
				r->order[r->count++] = other->order[k];
				in[other->order[k]] = r;
			}
			*other = (struct ring){ 0 };
		} else if (round % 11 == 0) {
			struct list *oldest = ring_pop(&r->newest);

			cr_assert_eq(oldest, r->count ? &items[r->order[0]] : NULL);
			if (oldest) {
				in[r->order[0]] = NULL;
				ring_forget(r, r->order[0]);
			}
		} else if (in[i]) {
			ring_remove(&in[i]->newest, &items[i]);
			cr_assert_null(items[i].next);
			ring_forget(in[i], i);
			in[i] = NULL;
		} else {
			ring_push(&r->newest, &items[i]);
			r->order[r->count++] = i;
			in[i] = r;
		}
		assert_ring(r);
		assert_ring(other);
	}
}
