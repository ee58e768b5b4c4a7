/* SPDX-License-Identifier: ISC */
/* Grants (Xen's public/grant_table.h): pages that another domain may read, or also write, until the grant is
 * ended. One that will not end, because the other domain still has the page, is not used again before it
 * does, and neither may the page be: whoever granted it sets it apart, and may try again. */
#ifndef DRIVERS_XEN_GRANT_H
#define DRIVERS_XEN_GRANT_H

#include "kernel/util.h"

/* Lends the table from Xen, once. 0, -ENOMEM. */
int grant_init(void);
/* Lends it again, in a domain that has just been restored: no grant is out there, but those that are to be
 * ended here still are. 0, -ENOMEM. */
int grant_resume(void);
/* Lets domain have the page that p lies in. A reference, or -ENOSPC when there are no more. */
int32_t grant_page(uint16_t domain, const void *p, bool read_only);
/* true: the domain can no longer reach the page, and has left it. false: it may, and the grant is out. */
bool grant_end(uint32_t ref);
/* Has the domain the page at this moment? */
bool grant_is_used(uint32_t ref);

/* -- those of others: grant_map.c -- */

/* Maps count pages, one behind the other, that domain lets us read and write by refs. 0, pages; -EACCES:
 * it does not; -ENOSPC: more than XEN_MAP_PAGES, or than are left of them. */
int grant_map(uint16_t domain, const uint32_t *refs, uint32_t count, void **pages);
/* Ends it. None may be mapped while the domain is saved: in the next it is not there. */
void grant_unmap(void *pages, uint32_t count);

struct grant_stats {
	uint32_t limit, used, peak, refused; /* references */
	uint32_t lost;                       /* times that one would not end */
	uint64_t granted, ended;
};
void grant_stats(struct grant_stats *out);

#endif
