/* SPDX-License-Identifier: ISC */
/* The beginning of an exception's report, and the names of ARM's aborts. */
#include <setjmp.h>
#include <string.h>

#include "tests/lib/test.h"

#define arch_poweroff ended
#include "arch/common/fault.c"

TestSuite(fault, .init = test_begin, .fini = test_end);

static jmp_buf after;

void ended(int status)
{
	longjmp(after, status ? status : -1);
}

/* Gives the cause that ended the report, 0: none. */
static int begin(void)
{
	int status = setjmp(after);

	if (!status)
		fault_begin();
	return status;
}

Test(fault, report_begins_on_a_line_of_its_own)
{
	test_console_clear();
	cr_assert_eq(begin(), 0);
	cr_assert_str_eq(test_console_text(), "\n");
}

Test(fault, while_another_is_reported_is_the_end_and_said_once)
{
	begin();
	test_console_clear();
	cr_assert_eq(begin(), 1);
	cr_assert_str_eq(test_console_text(), "virga: fault inside the fault report\n");
	test_console_clear();
	cr_assert_eq(begin(), 1, "also where the end itself faults");
	cr_assert_str_eq(test_console_text(), "");
}

Test(fault, aborts_of_arm_are_named)
{
	for (uint32_t level = 0; level < 4; level++) {
		cr_assert_str_eq(fault_abort_kind(0x04 | level, false, false), "read where no page is");
		cr_assert_str_eq(fault_abort_kind(0x04 | level, true, false), "write where no page is");
		cr_assert_str_eq(fault_abort_kind(0x04 | level, false, true), "execution where no page is");
		cr_assert_str_eq(fault_abort_kind(0x0c | level, false, false), "read");
		cr_assert_str_eq(fault_abort_kind(0x0c | level, true, false), "write to read-only page");
		cr_assert_str_eq(fault_abort_kind(0x0c | level, false, true), "execution of a no-execute page");
	}
	cr_assert_str_eq(fault_abort_kind(0x21, false, false), "alignment");
	cr_assert_str_eq(fault_abort_kind(0x96000861, true, false), "alignment", "by six bits");
	cr_assert_str_eq(fault_abort_kind(0x10, false, false), "refused by the bus or the tables");
	cr_assert_str_eq(fault_abort_kind(0x00, false, false), "refused by the bus or the tables");
}
