/* SPDX-License-Identifier: ISC */
/* Grants: the table as Xen sees it, reuse, and grants that cannot be ended. */
#include <errno.h>

#include "drivers/xen/grant.h"
#include "drivers/xen/xen.h"
#include "tests/lib/test.h"
#include "tests/unit/drivers/xen/fake.h"

static _Alignas(PAGE_BYTES) uint8_t page[PAGE_BYTES];

static void begin(void)
{
	fake_begin();
	cr_assert_eq(grant_init(), 0);
}

TestSuite(xen_grant, .init = begin, .timeout = 60);

Test(xen_grant, a_grant_says_whose_which_and_how)
{
	int32_t ref = grant_page(5, page + 100, true), other = grant_page(6, page, false);

	cr_assert(ref >= GNTTAB_NR_RESERVED_ENTRIES && other >= GNTTAB_NR_RESERVED_ENTRIES && ref != other);
	cr_assert_eq(fake_granted((uint32_t)ref, true), page);
	cr_assert_eq(fake.grants[ref].domid, 5);
	cr_assert_eq(fake_granted((uint32_t)other, false), page);
	cr_assert(grant_end((uint32_t)ref) && grant_end((uint32_t)other));
	cr_assert_eq(fake_grants_out(), 0);
}

Test(xen_grant, all_can_be_had_and_had_again)
{
	enum { ALL = FAKE_GRANTS - GNTTAB_NR_RESERVED_ENTRIES };
	static int32_t refs[ALL];
	struct grant_stats stats;

	for (unsigned round = 0; round < 2; round++) {
		for (unsigned i = 0; i < ALL; i++)
			cr_assert_geq(refs[i] = grant_page(0, page, false), GNTTAB_NR_RESERVED_ENTRIES);
		cr_assert_eq(grant_page(0, page, false), -ENOSPC);
		cr_assert_eq(fake_grants_out(), ALL);
		for (unsigned i = 0; i < ALL; i++)
			cr_assert(grant_end((uint32_t)refs[i]));
	}
	grant_stats(&stats);
	cr_assert(stats.limit == ALL && stats.refused == 2);
	cr_assert(stats.granted == 2 * ALL && stats.ended == 2 * ALL && stats.lost == 0);
}

Test(xen_grant, what_is_in_use_does_not_end_and_does_not_come_back)
{
	uint32_t ref = (uint32_t)grant_page(0, page, false);
	struct grant_stats stats;

	fake_hold(ref, true);
	cr_assert(!grant_end(ref));
	cr_assert(fake.grants[ref].flags & GTF_permit_access, "it was changed under its user");
	for (unsigned i = 1; i < FAKE_GRANTS - GNTTAB_NR_RESERVED_ENTRIES; i++)
		cr_assert_neq(grant_page(0, page, false), (int32_t)ref);
	cr_assert_eq(grant_page(0, page, false), -ENOSPC);
	grant_stats(&stats);
	cr_assert_eq(stats.lost, 1);
}

Test(xen_grant, a_second_table_is_not_made)
{
	int32_t ref = grant_page(0, page, false);

	cr_assert_eq(grant_init(), 0);
	cr_assert_neq(grant_page(0, page, false), ref);
}

Test(xen_grant, another_domain_has_an_empty_table)
{
	int32_t ref = grant_page(0, page, false);
	struct grant_stats stats;

	fake_hold((uint32_t)ref, true);
	fake_restore();
	xen_attach();
	cr_assert_eq(grant_resume(), 0);
	cr_assert(grant_end((uint32_t)ref), "nobody can hold it any more");
	grant_stats(&stats);
	cr_assert(stats.granted == stats.ended && stats.lost == 0);
	fake.lends_nothing = true;
	cr_assert_eq(grant_resume(), -ENOMEM);
}

TestSuite(xen_grant_none, .init = fake_begin, .timeout = 60);

Test(xen_grant_none, no_table_no_grants)
{
	fake.lends_nothing = true;
	cr_assert_eq(grant_init(), -ENOMEM);
}
