/* SPDX-License-Identifier: ISC */
/* As much of Criterion as our tests ask for, for CPUs that user emulation stands in for: Debian's starts each
 * test by exec, which leads out of the emulation. Here it is a fork: tests/elsewhere/criterion.c. */
#ifndef TESTS_ELSEWHERE_CRITERION_CRITERION_H
#define TESTS_ELSEWHERE_CRITERION_CRITERION_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct criterion_test_params {
	size_t size;
	void *params;
	size_t length;
};

struct criterion_options {
	void (*init)(void), (*fini)(void);
	double timeout; /* seconds; 0: none */
	int signal, exit_code;
};

struct criterion_test {
	const char *suite, *name; /* no name: options of a whole suite */
	void (*run)(void);
	void (*run_with)(void *param);
	struct criterion_test_params (*params)(void);
	struct criterion_options options;
	struct criterion_test *next;
};

void criterion_register(struct criterion_test *test);
/* Ends the test when fatal. */
void criterion_failed(bool fatal, const char *file, int line, const char *what, const char *format, ...);
void criterion_skip(const char *format, ...);

#define CRITERION_REGISTER(s, n, id, ...) \
	__attribute__((constructor)) static void id##_register(void) \
	{ \
		static struct criterion_test test = { .suite = s, .name = n, __VA_ARGS__ }; \
		criterion_register(&test); \
	}
#define TestSuite(s, ...) CRITERION_REGISTER(#s, NULL, s##_suite, .options = { __VA_ARGS__ }) \
	struct criterion_test /* takes the semicolon */
#define Test(s, n, ...) \
	static void s##_##n##_test(void); \
	CRITERION_REGISTER(#s, #n, s##_##n, .run = s##_##n##_test, .options = { __VA_ARGS__ }) \
	static void s##_##n##_test(void)
#define ParameterizedTestParameters(s, n) static struct criterion_test_params s##_##n##_params(void)
#define ParameterizedTest(parameter, s, n, ...) \
	static void s##_##n##_test(parameter); \
	static void s##_##n##_with(void *param) \
	{ \
		s##_##n##_test(param); \
	} \
	CRITERION_REGISTER(#s, #n, s##_##n, .run_with = s##_##n##_with, .params = s##_##n##_params, \
	                   .options = { __VA_ARGS__ }) \
	static void s##_##n##_test(parameter)
#define cr_make_param_array(type, array, ...) \
	(struct criterion_test_params){ sizeof(type), (void *)(array), __VA_ARGS__ }

#define CRITERION_CHECK(fatal, condition, what, ...) \
	do { \
		if (!(condition)) \
			criterion_failed(fatal, __FILE__, __LINE__, what, "" __VA_ARGS__); \
	} while (0)

#define cr_assert(c, ...) CRITERION_CHECK(true, c, #c, __VA_ARGS__)
#define cr_assert_not(c, ...) CRITERION_CHECK(true, !(c), "not " #c, __VA_ARGS__)
#define cr_assert_null(p, ...) CRITERION_CHECK(true, !(p), #p " is NULL", __VA_ARGS__)
#define cr_assert_not_null(p, ...) CRITERION_CHECK(true, p, #p " is not NULL", __VA_ARGS__)
#define cr_assert_eq(a, b, ...) CRITERION_CHECK(true, (a) == (b), #a " == " #b, __VA_ARGS__)
#define cr_assert_neq(a, b, ...) CRITERION_CHECK(true, (a) != (b), #a " != " #b, __VA_ARGS__)
#define cr_assert_lt(a, b, ...) CRITERION_CHECK(true, (a) < (b), #a " < " #b, __VA_ARGS__)
#define cr_assert_leq(a, b, ...) CRITERION_CHECK(true, (a) <= (b), #a " <= " #b, __VA_ARGS__)
#define cr_assert_gt(a, b, ...) CRITERION_CHECK(true, (a) > (b), #a " > " #b, __VA_ARGS__)
#define cr_assert_geq(a, b, ...) CRITERION_CHECK(true, (a) >= (b), #a " >= " #b, __VA_ARGS__)
#define cr_assert_str_eq(a, b, ...) CRITERION_CHECK(true, !strcmp(a, b), #a " equals " #b, __VA_ARGS__)
#define cr_assert_str_neq(a, b, ...) CRITERION_CHECK(true, strcmp(a, b), #a " differs from " #b, __VA_ARGS__)
#define cr_assert_str_empty(a, ...) CRITERION_CHECK(true, !*(a), #a " is empty", __VA_ARGS__)
#define cr_assert_fail(...) CRITERION_CHECK(true, false, "", __VA_ARGS__)
#define cr_expect(c, ...) CRITERION_CHECK(false, c, #c, __VA_ARGS__)
#define cr_expect_not(c, ...) CRITERION_CHECK(false, !(c), "not " #c, __VA_ARGS__)
#define cr_expect_null(p, ...) CRITERION_CHECK(false, !(p), #p " is NULL", __VA_ARGS__)
#define cr_expect_not_null(p, ...) CRITERION_CHECK(false, p, #p " is not NULL", __VA_ARGS__)
#define cr_expect_eq(a, b, ...) CRITERION_CHECK(false, (a) == (b), #a " == " #b, __VA_ARGS__)
#define cr_expect_neq(a, b, ...) CRITERION_CHECK(false, (a) != (b), #a " != " #b, __VA_ARGS__)
#define cr_expect_lt(a, b, ...) CRITERION_CHECK(false, (a) < (b), #a " < " #b, __VA_ARGS__)
#define cr_expect_leq(a, b, ...) CRITERION_CHECK(false, (a) <= (b), #a " <= " #b, __VA_ARGS__)
#define cr_expect_gt(a, b, ...) CRITERION_CHECK(false, (a) > (b), #a " > " #b, __VA_ARGS__)
#define cr_expect_geq(a, b, ...) CRITERION_CHECK(false, (a) >= (b), #a " >= " #b, __VA_ARGS__)
#define cr_expect_str_eq(a, b, ...) CRITERION_CHECK(false, !strcmp(a, b), #a " equals " #b, __VA_ARGS__)
#define cr_expect_str_neq(a, b, ...) CRITERION_CHECK(false, strcmp(a, b), #a " differs from " #b, __VA_ARGS__)
#define cr_expect_float_eq(a, b, slack, ...) \
	CRITERION_CHECK(false, (a) - (b) <= (slack) && (b) - (a) <= (slack), #a " is about " #b, __VA_ARGS__)
#define cr_skip_test(...) criterion_skip("" __VA_ARGS__)
#define cr_log_info(...) (void)printf(__VA_ARGS__)

#endif
