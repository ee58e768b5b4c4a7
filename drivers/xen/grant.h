/* SPDX-License-Identifier: ISC */
/* Grants (Xen's public/grant_table.h): pages that another domain may read, or also write, until the grant is
 * ended. A grant cannot be ended while the other domain uses the page; until then neither the reference nor
 * the page may be reused: the granting driver quarantines the page, and may try again. */
#ifndef DRIVERS_XEN_GRANT_H
#define DRIVERS_XEN_GRANT_H

#include "kernel/util.h"

/* Gets the grant table from Xen; later calls do nothing. 0, -ENOMEM. */
int grant_init(void);
/* Gets it again, in a domain that has just been restored: no grant is in force, but references of before are
 * still to be ended. 0, -ENOMEM. */
int grant_resume(void);
/* Grants domain the page that p lies in. The reference, or -ENOSPC: none is free. */
int32_t grant_page(uint16_t domain, const void *p, bool read_only);
/* true: the grant is ended, and the domain uses the page no more. false: it does, and the grant stays in
 * force. */
bool grant_end(uint32_t ref);
/* Does the domain use the page at this moment? */
bool grant_is_used(uint32_t ref);

/* -- other domains' grants: grant_map.c -- */

/* Maps count pages, contiguously, that domain grants us for reading and writing by refs, at *pages. 0;
 * -EACCES: domain does not grant one; -ENOSPC: not so many of XEN_MAP_PAGES are free in a row. */
int grant_map(uint16_t domain, const uint32_t *refs, uint32_t count, void **pages);
/* Unmaps them. None may be mapped while the domain is saved: in the restored one it is not there. */
void grant_unmap(void *pages, uint32_t count);

struct grant_stats {
	uint32_t limit;          /* references */
	uint32_t granted, ended; /* so many are in use as the one is more */
	uint32_t refused;        /* calls of grant_page, for want of a reference */
	uint32_t lost;           /* failed calls of grant_end */
};
void grant_stats(struct grant_stats *out);

#endif
