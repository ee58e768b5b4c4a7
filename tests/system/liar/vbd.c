/* SPDX-License-Identifier: ISC */
/* A disk (public/io/blkif.h): a file or a block device of dom0's, for reading. Its data is always true: no
 * guest could detect a request that is reported as done and was not. */
#define _GNU_SOURCE /* pread */
#include "tests/system/liar/liar.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <xen/xen.h>

#include <xen/io/blkif.h>

enum { SECTOR = 512, SEGMENTS = 64 };

static struct {
	blkif_back_ring_t ring;
	int file;
	char sectors[32];
} blk;

/* Spoils the answer at the ring's end. */
static void lie_in_answer(struct liar *l, struct blkif_response *r)
{
	uint64_t what = below(l, 8);

	say("lie=%u", (unsigned)what);
	switch (what) {
	case 0: r->id = (uint64_t)odd_number(l); break;
	case 1: r->id ^= UINT64_C(1) << (8 + below(l, 56)); break;
	case 2: r->status = BLKIF_RSP_ERROR; break;
	case 3: r->operation = (uint8_t)odd_number(l); break;
	case 4: scribble(l, r, sizeof(*r)); break;
	case 5: blk.ring.rsp_prod_pvt += (RING_IDX)odd_number(l); break;
	case 6: blk.ring.rsp_prod_pvt--; break; /* never answered */
	default: lie_about_indices(l, blk.ring.sring);
	}
	/* A spoilt id may be that of another request, which has not been done: so this one reports an error. */
	if (what == 0 || what == 4)
		r->status = (int16_t)(-1 - (int16_t)below(l, 4));
}

static void answer(struct liar *l, uint64_t id, uint8_t operation, int16_t status, bool lie)
{
	struct blkif_response *r = RING_GET_RESPONSE(&blk.ring, blk.ring.rsp_prod_pvt);

	*r = (struct blkif_response){ .id = id, .operation = operation, .status = status };
	blk.ring.rsp_prod_pvt++;
	if (lie)
		lie_in_answer(l, r);
}

/* Reads from sector on into the segments. */
static bool read_segments(struct liar *l, const struct blkif_request_segment *segments, unsigned count,
                          uint64_t sector, bool lie)
{
	bool ok = true;

	for (unsigned i = 0; i < count && ok; i++) {
		const struct blkif_request_segment *s = &segments[i];
		size_t n = (size_t)(s->last_sect + 1 - s->first_sect) * SECTOR;
		uint8_t *page = s->last_sect < 8 && s->first_sect <= s->last_sect ? map(l, s->gref, false) : NULL;

		ok = page && pread(blk.file, page + s->first_sect * SECTOR, n, (off_t)(sector * SECTOR)) ==
		                     (ssize_t)n;
		if (page)
			unmap(l, page, lie && !below(l, 8));
		sector += n / SECTOR;
	}
	return ok;
}

static void perform(struct liar *l, const struct blkif_request *r)
{
	const struct blkif_request_indirect *indirect = (const void *)r;
	struct blkif_request_segment *page;
	bool ok = false, lie = lies_now(l);
	uint64_t id = r->id;

	if (r->operation == BLKIF_OP_READ && r->nr_segments <= BLKIF_MAX_SEGMENTS_PER_REQUEST) {
		ok = read_segments(l, r->seg, r->nr_segments, r->sector_number, lie);
	} else if (r->operation == BLKIF_OP_INDIRECT && indirect->nr_segments <= SEGMENTS) {
		id = indirect->id;
		page = map(l, indirect->indirect_grefs[0], true);
		ok = page && indirect->indirect_op == BLKIF_OP_READ &&
		     read_segments(l, page, indirect->nr_segments, indirect->sector_number, lie);
		if (page)
			unmap(l, page, lie && !below(l, 8));
	}
	answer(l, id, r->operation, ok ? BLKIF_RSP_OKAY : BLKIF_RSP_ERROR, lie);
}

static void work(struct liar *l)
{
	int notify, more = 1;

	while (more) {
		while (RING_HAS_UNCONSUMED_REQUESTS(&blk.ring)) {
			struct blkif_request request;

			RING_COPY_REQUEST(&blk.ring, blk.ring.req_cons++, &request);
			perform(l, &request);
		}
		RING_FINAL_CHECK_FOR_REQUESTS(&blk.ring, more);
	}
	RING_PUSH_RESPONSES_AND_CHECK_NOTIFY(&blk.ring, notify);
	if (notify)
		xenevtchn_notify(l->events, (evtchn_port_t)l->port);
}

/* -- the two halves -- */

static void disconnect(struct liar *l)
{
	if (blk.ring.sring)
		unmap(l, blk.ring.sring, false);
	blk.ring.sring = NULL;
}

static bool connect_ring(struct liar *l)
{
	blkif_sring_t *ring = map(l, (uint32_t)front_number(l, "ring-ref"), false);

	BACK_RING_INIT(&blk.ring, ring, PAGE_BYTES);
	return ring;
}

static int open_file(struct liar *l, const char *path)
{
	off_t bytes;

	(void)l;
	blk.file = open(path, O_RDONLY);
	bytes = lseek(blk.file, 0, SEEK_END);
	if (bytes <= 0) {
		perror(path);
		exit(1);
	}
	snprintf(blk.sectors, sizeof(blk.sectors), "%lld", (long long)bytes / SECTOR);
	return -1;
}

static const struct key front[] = {
	{ "virtual-device", "51712" }, { "device-type", "disk" }, { NULL, NULL },
};
static const struct key back[] = {
	{ "sectors", blk.sectors }, { "sector-size", "512" }, { "info", "4" }, { "mode", "r" },
	{ "feature-flush-cache", "0" }, { "feature-discard", "0" }, { "feature-max-indirect-segments", "64" },
	{ NULL, NULL },
};

const struct kind vbd = {
	.name = "vbd", .front_state = "3", .front = front, .back = back, .open = open_file,
	.connect = connect_ring, .disconnect = disconnect, .work = work,
};
