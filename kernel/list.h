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

#endif
