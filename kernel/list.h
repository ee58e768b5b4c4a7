/* SPDX-License-Identifier: ISC */
/* Intrusive doubly linked list. A head is a struct list that points to itself when empty; an
 * element embeds a struct list. All operations are O(1) and allocate nothing. */
#ifndef KERNEL_LIST_H
#define KERNEL_LIST_H

#include "kernel/util.h"

struct list {
	struct list *next, *prev;
};

#define LIST_INIT(head) { &(head), &(head) }

static inline void list_init(struct list *head)
{
	head->next = head->prev = head;
}

static inline bool list_is_empty(const struct list *head)
{
	return head->next == head;
}

static inline void list_insert_before(struct list *at, struct list *item)
{
	item->next = at;
	item->prev = at->prev;
	at->prev->next = item;
	at->prev = item;
}

static inline void list_push_back(struct list *head, struct list *item)
{
	list_insert_before(head, item);
}

static inline void list_push_front(struct list *head, struct list *item)
{
	list_insert_before(head->next, item);
}

/* Leaves item self-linked, so that removing it twice is harmless. */
static inline void list_remove(struct list *item)
{
	item->prev->next = item->next;
	item->next->prev = item->prev;
	list_init(item);
}

/* NULL when empty. */
static inline struct list *list_pop_front(struct list *head)
{
	struct list *first = head->next;

	if (first == head)
		return NULL;
	list_remove(first);
	return first;
}

#define list_entry(item, type, member) container_of(item, type, member)
#define list_first(head, type, member) list_entry((head)->next, type, member)
#define list_for_each(item, head) \
	for (struct list *item = (head)->next; item != (head); item = item->next)
/* The body may remove item. */
#define list_for_each_safe(item, head) \
	for (struct list *item = (head)->next, *item##_next = item->next; item != (head); \
	     item = item##_next, item##_next = item->next)

/* A ring: a list without a head, known by its newest element (NULL when empty), so that one
 * pointer is enough for a queue and two queues join in O(1). An element's link is all zero while
 * it is in none. */

static inline void ring_push(struct list **newest, struct list *item)
{
	if (*newest)
		list_insert_before((*newest)->next, item);
	else
		list_init(item);
	*newest = item;
}

/* Appends ring from, which is not empty. */
static inline void ring_join(struct list **newest, struct list *from)
{
	if (*newest) {
		struct list *oldest = (*newest)->next, *from_oldest = from->next;

		(*newest)->next = from_oldest;
		from_oldest->prev = *newest;
		from->next = oldest;
		oldest->prev = from;
	}
	*newest = from;
}

static inline void ring_remove(struct list **newest, struct list *item)
{
	if (*newest == item)
		*newest = item->prev == item ? NULL : item->prev;
	list_remove(item);
	item->next = item->prev = NULL;
}

/* The oldest; NULL when empty. */
static inline struct list *ring_pop(struct list **newest)
{
	struct list *oldest = *newest ? (*newest)->next : NULL;

	if (oldest)
		ring_remove(newest, oldest);
	return oldest;
}

#endif
