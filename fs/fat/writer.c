/* SPDX-License-Identifier: ISC */
/* Changes, one after the other: each kind is a row of steps. If a step fails before the change is committed,
 * the clusters taken for it are freed; if writing itself fails, nothing is written any more. */
#include <errno.h>
#include <string.h>

#include "fs/fat/writer.h"
#include "kernel/dev/clock.h"

#define LOG_TAG "fat"
#include "kernel/log.h"

#define PAUSE_NS (10 * NS_PER_MS)
#define JUMPED 1 /* result of a step that has set w->steps */

static int (*const make_folder_steps[])(struct fat_writer *w);
static int (*const no_steps[])(struct fat_writer *w) = { NULL };

/* -- steps of several kinds -- */

/* Checks that other systems can have each name of a key, too: Windows drops periods and spaces at its end. */
static int check_key(const char *key, size_t len)
{
	uint16_t units[FAT_NAME_UNITS];
	const char *end;
	int count;

	for (;; len -= (size_t)(end - key) + 1, key = end + 1) {
		end = memchr(key, '/', len) ?: key + len;
		count = fat_name_read(units, key, (size_t)(end - key));
		if (count < 0)
			return count;
		if (end[-1] == '.' || end[-1] == ' ')
			return -EINVAL;
		if (end == key + len)
			return 0;
	}
}

static int check_keys(struct fat_writer *w)
{
	int error = check_key(w->op->key, w->op->key_len);

	return error || w->op->kind != FAT_RENAME ? error : check_key(w->op->to, w->op->to_len);
}

static int barrier(struct fat_writer *w)
{
	cache_barrier(fat_of_writer(w)->cache);
	return 0;
}

static int sync(struct fat_writer *w)
{
	struct fat_task *t = &w->lookup.task;
	int error = t->error;

	if (!w->syncing) {
		w->syncing = true;
		cache_sync(t->fat->cache, &w->sync);
		fat_task_wait(t, &w->sync.promise);
		return -EAGAIN;
	}
	w->syncing = false;
	t->error = 0;
	if (error)
		w->broken = error;
	return error;
}

/* Finds the folder of the name to be changed. Setting a value makes the folders that are missing. */
static int find_folder(struct fat_writer *w)
{
	struct fat *fat = fat_of_writer(w);

	for (;;) {
		const char *slash = memchr(w->key + w->key_at, '/', w->key_len - w->key_at);
		int error;

		if (!slash)
			return 0;
		if (!w->looking)
			fat_lookup_begin(&w->lookup, fat, w->key, (size_t)(slash - w->key));
		w->looking = true;
		error = fat_lookup_run(&w->lookup);
		if (error == -EAGAIN)
			return error;
		w->looking = false;
		if (error == -ENOENT && w->op->kind == FAT_SET) {
			w->resume = w->steps;
			w->steps = make_folder_steps;
			w->key_len = (uint32_t)(slash - w->key);
			return JUMPED;
		}
		if (error)
			return error;
		if (!(w->lookup.found.attributes & FAT_FOLDER))
			return -ENOTDIR;
		w->folder = w->lookup.found;
		w->key_at = (uint32_t)(slash - w->key) + 1;
	}
}

static int survey(struct fat_writer *w)
{
	int error;

	if (!w->looking) {
		w->survey.round = 0;
		fat_survey_begin(w);
		w->looking = true;
	}
	error = fat_survey_run(w);
	if (error != -EAGAIN)
		w->looking = false;
	return error;
}

static void set_slot(struct fat_writer *w, uint8_t attributes, uint32_t first, uint32_t size)
{
	uint16_t date, time;

	fat_time_write(clock_wall_ns(), &date, &time);
	w->slot = (struct fat_slot){
		.attributes = attributes, .created_time = time, .created_date = date, .accessed_date = date,
		.modified_time = time, .modified_date = date, .size = size,
		.first_high = (uint16_t)(first >> 16), .first_low = (uint16_t)first,
	};
}

/* Has the step not failed, but is to be called again? */
static bool is_later(int error)
{
	return error == -EAGAIN || error == -ENOBUFS;
}

/* Errors are ignored: the change has been committed, and clusters that cannot be freed are lost. */
static int release(struct fat_writer *w)
{
	int error;

	if (!w->looking)
		fat_release_begin(w, w->old.first);
	w->looking = true;
	error = fat_release_run(w);
	if (is_later(error))
		return error;
	w->looking = false;
	return 0;
}

/* -- setting, writing, appending, truncating -- */

static uint64_t bytes_of(const struct kv_change *op)
{
	uint64_t bytes = 0;

	for (uint32_t i = 0; i < op->count; i++)
		bytes += op->slices[i].len;
	return bytes;
}

/* Decides which bytes the new content is made of. */
static int plan(struct fat_writer *w)
{
	const struct fat_survey *s = &w->survey;
	bool is_new = w->op->kind == FAT_SET;
	uint64_t offset;

	if (s->found && s->entry.attributes & FAT_FOLDER)
		return -EISDIR;
	if (!s->found && !is_new)
		return -ENOENT;
	if (s->found)
		w->old = s->entry;
	w->len = w->op->kind == FAT_TRUNCATE ? 0 : bytes_of(w->op);
	memcpy(&offset, w->op->own, sizeof(offset));
	w->at = is_new ? 0 : w->op->kind == FAT_APPEND ? w->old.size : offset;
	w->size = w->op->kind == FAT_WRITE_AT ? MAX((uint64_t)w->old.size, w->at + w->len) : w->at + w->len;
	if (w->at > UINT32_MAX || w->len > UINT32_MAX || w->size > UINT32_MAX)
		return -EFBIG;
	fat_chain_begin(&w->from, w->old.first);
	w->in_place = !is_new && w->old.first && w->at >= MIN(w->size, (uint64_t)w->old.size) &&
		fat_clusters_of(fat_of_writer(w), w->size) == fat_clusters_of(fat_of_writer(w), w->old.size);
	if (w->in_place)
		w->done = w->old.size;
	if (!is_new && w->old.size && !fat_is_cluster(&fat_of_writer(w)->geometry, w->old.first))
		return fat_damaged(fat_of_writer(w), "a file lies outside the volume", w->old.first);
	return fat_slots_check(w);
}

static int write_content(struct fat_writer *w)
{
	int error = fat_content_write(w);

	if (error)
		return error;
	set_slot(w, FAT_ARCHIVE, w->in_place ? w->old.first : w->first, (uint32_t)w->size);
	if (w->in_place)
		w->old.first = 0;
	return 0;
}

/* -- folders -- */

static int plan_folder(struct fat_writer *w)
{
	return w->survey.found ? -EEXIST : fat_slots_check(w);
}

static int write_folder(struct fat_writer *w)
{
	uint32_t parent = w->folder.place ? w->folder.first : 0;
	struct fat_slot dots[2];
	int error = 0;

	if (!w->first)
		error = fat_cluster_take(w, &w->first);
	if (!error && !w->folder_is_clear) {
		error = fat_cluster_clear(w, w->first);
		w->folder_is_clear = !error;
	}
	if (error)
		return error;
	set_slot(w, FAT_FOLDER, parent, 0);
	dots[1] = w->slot;
	memcpy(dots[1].name, "..         ", sizeof(dots[1].name));
	set_slot(w, FAT_FOLDER, w->first, 0);
	dots[0] = w->slot;
	memcpy(dots[0].name, ".          ", sizeof(dots[0].name));
	return fat_copy_in(w, fat_cluster_place(&fat_of_writer(w)->geometry, w->first), dots, sizeof(dots));
}

/* -- removing and renaming -- */

static int plan_removal(struct fat_writer *w)
{
	const struct fat_survey *s = &w->survey;

	if (!s->found)
		return -ENOENT;
	w->old = w->moved = s->entry;
	w->moved_start = s->start;
	w->moved_slots = s->entry_slots;
	return 0;
}

static int erase_moved(struct fat_writer *w)
{
	return fat_slots_erase(w, &w->moved_start, w->moved_slots, &w->moved);
}

static int release_all(struct fat_writer *w)
{
	int error;

	if (!(w->old.attributes & FAT_FOLDER))
		return release(w);
	if (!w->looking && !fat_is_cluster(&fat_of_writer(w)->geometry, w->old.first))
		return 0;
	if (!w->looking)
		fat_tree_begin(w, w->old.first);
	w->looking = true;
	error = fat_tree_run(w);
	w->looking = is_later(error);
	return w->looking ? error : 0;
}

/* A rename: from the old name, which has been found, to the new one. */
static int turn_to_new_name(struct fat_writer *w)
{
	int error = plan_removal(w);

	if (!error && w->op->key_len == w->op->to_len && !memcmp(w->op->key, w->op->to, w->op->to_len)) {
		w->steps = no_steps;
		return JUMPED;
	}
	w->from_folder = w->folder;
	w->folder = (struct fat_entry){ .first = fat_of_writer(w)->geometry.root_cluster };
	w->key = w->op->to;
	w->key_len = (uint32_t)w->op->to_len;
	w->key_at = 0;
	fat_chain_begin(&w->from, 0);
	return error;
}

/* A folder must not be moved into itself: climbs from its new parent to the root. */
static int check_ancestors(struct fat_writer *w)
{
	struct fat *fat = fat_of_writer(w);
	struct fat_slot dots[2];
	int error;

	if (!(w->moved.attributes & FAT_FOLDER))
		return 0;
	if (!w->climbed)
		w->parent = w->folder.place ? w->folder.first : 0;
	for (; w->parent && w->parent != fat->geometry.root_cluster; w->climbed++) {
		if (w->parent == w->moved.first)
			return -EINVAL;
		if (!fat_is_cluster(&fat->geometry, w->parent) || w->climbed > fat->geometry.clusters)
			return fat_damaged(fat, "what a folder lies in is none", w->parent);
		error = fat_copy_out(&w->lookup.task, fat_cluster_place(&fat->geometry, w->parent), dots,
		                     sizeof(dots));
		if (error)
			return error;
		w->parent = fat_slot_first(&dots[1]);
	}
	return 0;
}

static int plan_renaming(struct fat_writer *w)
{
	const struct fat_survey *s = &w->survey;

	w->old = (struct fat_entry){ .first = 0 };
	if (s->found && (s->entry.attributes | w->moved.attributes) & FAT_FOLDER)
		return -EEXIST;
	if (s->found)
		w->old = s->entry;
	set_slot(w, w->moved.attributes, w->moved.first, w->moved.size);
	w->slot.modified_date = w->moved.date;
	w->slot.modified_time = w->moved.time;
	return fat_slots_check(w);
}

/* A moved folder's ".." must name its new parent. */
static int turn_dots(struct fat_writer *w)
{
	const struct fat_geometry *g = &fat_of_writer(w)->geometry;
	uint32_t parent = w->folder.place ? w->folder.first : 0;
	uint64_t place = fat_cluster_place(g, w->moved.first) + sizeof(struct fat_slot);
	uint16_t high = (uint16_t)(parent >> 16), low = (uint16_t)parent;
	int error;

	if (!(w->moved.attributes & FAT_FOLDER) || w->folder.first == w->from_folder.first)
		return 0;
	if (!fat_is_cluster(g, w->moved.first))
		return 0;
	error = fat_copy_in(w, place + offsetof(struct fat_slot, first_high), &high, sizeof(high));
	return error ? error : fat_copy_in(w, place + offsetof(struct fat_slot, first_low), &low, sizeof(low));
}

/* -- rows of steps -- */

static int (*const content_steps[])(struct fat_writer *w) = {
	check_keys, find_folder, survey, plan, fat_state_dirty, write_content, fat_slots_prepare, barrier,
	fat_slots_commit, barrier, release, sync, NULL,
};

static int (*const make_folder_steps[])(struct fat_writer *w) = {
	check_keys, find_folder, survey, plan_folder, fat_state_dirty, write_folder, fat_slots_prepare, barrier,
	fat_slots_commit, barrier, sync, NULL,
};

static int (*const remove_steps[])(struct fat_writer *w) = {
	check_keys, find_folder, survey, plan_removal, fat_state_dirty, erase_moved, barrier, release_all, sync,
	NULL,
};

static int (*const rename_steps[])(struct fat_writer *w) = {
	check_keys, find_folder, survey, turn_to_new_name, find_folder, check_ancestors, survey, plan_renaming,
	fat_state_dirty, fat_slots_prepare, barrier, fat_slots_commit, barrier, turn_dots, barrier, erase_moved,
	barrier, release, sync, NULL,
};

static int (*const sync_steps[])(struct fat_writer *w) = { fat_state_info, sync, NULL };

static int (*const let_go_steps[])(struct fat_writer *w) = {
	fat_state_info, barrier, fat_state_clean, sync, NULL,
};

/* Frees the clusters taken for a change that has failed. */
static int undo(struct fat_writer *w)
{
	w->old.first = w->first;
	return release(w);
}

static int (*const undo_steps[])(struct fat_writer *w) = { undo, NULL };

/* After an error of the device: only a sync tells whether writing has failed, or only reading. */
static int (*const check_steps[])(struct fat_writer *w) = { undo, sync, NULL };

static int (*const *const steps_of[])(struct fat_writer *w) = {
	[FAT_SET] = content_steps, [FAT_WRITE_AT] = content_steps, [FAT_APPEND] = content_steps,
	[FAT_TRUNCATE] = content_steps, [FAT_MAKE_FOLDER] = make_folder_steps, [FAT_REMOVE] = remove_steps,
	[FAT_RENAME] = rename_steps, [FAT_SYNC] = sync_steps, [FAT_LET_GO] = let_go_steps,
};

/* -- one after the other -- */

/* Clears the state of the change before. */
static void begin(struct fat_writer *w, struct kv_change *op, int (*const *steps)(struct fat_writer *w))
{
	const size_t first = offsetof(struct fat_writer, error);

	memset((char *)w + first, 0, sizeof(*w) - first);
	w->lookup.task.error = 0;
	w->op = op;
	w->steps = steps;
	w->key = op->key;
	w->key_len = (uint32_t)op->key_len;
	w->folder.first = fat_of_writer(w)->geometry.root_cluster;
	if (w->broken && op->kind != FAT_LET_GO)
		w->error = w->broken;
}

static void end(struct fat_writer *w)
{
	struct kv_change *op = w->op;
	struct cache_block **left = &w->lookup.task.get.block;
	int error = w->error;

	w->op = NULL;
	if (*left)
		cache_put(*left);
	*left = NULL;
	if (error)
		promise_fail(&op->promise, error);
	else
		promise_fulfil(&op->promise, 0);
}

static void give_up(struct fat_writer *w, int error)
{
	if (!w->error)
		w->error = error;
	if (w->committed)
		w->broken = error;
	if (w->broken)
		log_error("writing has failed: nothing is written any more error=%d", -w->broken);
	w->looking = false;
	if (w->broken || w->undoing)
		w->steps = no_steps;
	else
		w->steps = error == -EIO || error == -ENXIO ? check_steps : undo_steps;
	w->undoing = true;
	fat_content_end(w);
}

/* Readers hold all blocks. They will put them, and a late change is better than half of one. */
static void pause_a_while(struct fat_writer *w)
{
	sleep_until(&w->pause, clock_now_ns() + PAUSE_NS);
	fat_task_wait(&w->lookup.task, &w->pause.promise);
}

static intptr_t run(struct fat_task *t)
{
	struct fat_writer *w = (struct fat_writer *)t;

	for (;;) {
		int result;

		if (!w->op && list_is_empty(&w->queue))
			return -EAGAIN;
		if (!w->op) {
			struct kv_change *op = list_entry(list_pop_front(&w->queue), struct kv_change, link);

			begin(w, op, steps_of[op->kind]);
		}
		while ((!w->error || w->undoing) && *w->steps) {
			result = (*w->steps)(w);
			if (result == -ENOBUFS)
				pause_a_while(w);
			if (is_later(result))
				return -EAGAIN;
			if (result < 0)
				give_up(w, result);
			else if (result != JUMPED)
				w->steps++;
		}
		if (!w->error && w->resume)
			begin(w, w->op, steps_of[w->op->kind]);
		else
			end(w);
	}
}

static void cancel(struct promise *p)
{
	struct kv_change *op = container_of(p, struct kv_change, promise);
	struct fat_writer *w = fat_of(op->kv)->writer;

	if (op == w->op)
		return;
	list_remove(&op->link);
	promise_fail(&op->promise, -ECANCELED);
}

void fat_writer_submit(struct fat *fat, struct kv_change *op, enum fat_change_kind kind)
{
	struct fat_writer *w = fat->writer;
	bool is_idle;

	op->kind = kind;
	op->kv = &fat->kv;
	if (!w) {
		promise_throw(&op->promise, -EROFS);
		return;
	}
	is_idle = !w->op && list_is_empty(&w->queue);
	promise_init(&op->promise, cancel);
	list_push_back(&w->queue, &op->link);
	w->lookup.task.step = run;
	if (is_idle)
		run(&w->lookup.task);
}
