/* SPDX-License-Identifier: ISC */
/* Small things every folder needs: configuration tests, sizes, containers, attributes. */
#ifndef KERNEL_UTIL_H
#define KERNEL_UTIL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* IS_ENABLED(CONFIG_X): 1 when the bool option is on, else 0, in plain C conditions. The build
 * defines CONFIG_X as 1 and leaves an option that is off undefined, hence the argument trick:
 * only "1" turns into an extra argument that shifts the answer into place. */
#define IS_ENABLED(option) IS_ENABLED_1(option)
#define IS_ENABLED_1(value) IS_ENABLED_2(IS_ENABLED_COMMA_##value)
#define IS_ENABLED_2(comma_or_junk) IS_ENABLED_3(comma_or_junk 1, 0, 0)
#define IS_ENABLED_3(ignored, answer, ...) answer
#define IS_ENABLED_COMMA_1 0,

#ifndef static_assert
#define static_assert _Static_assert
#endif

/* Stays in every build, for our own bugs only. The message is the place: the expression's text would
 * cost bytes. */
#undef assert
#define assert(condition) (likely(condition) ? (void)0 : assert_failed(__FILE__, __LINE__))
void assert_failed(const char *file, int line) __attribute__((noreturn, cold)); /* kernel/panic.c */
/* A check that only debug builds pay for. */
#define assert_debug(condition) assert(!IS_ENABLED(CONFIG_DEBUG) || (condition))

/* Asserts the size of the object that a numeric Kconfig option counts, on 64-bit CPUs: scripts/check-limits
 * compares it with the option's help and docs/limits.md. */
#define LIMIT_BYTES(option, size, bytes) \
	static_assert(sizeof(void *) != 8 || (size) == (bytes), #option ": docs/limits.md says " #bytes)

/* For a function whose inlining would cost bytes: in registers, in a frame too wide for short instructions,
 * or in several copies. */
#define OUT_OF_LINE __attribute__((noinline))

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define container_of(ptr, type, member) ((type *)((char *)(ptr) - offsetof(type, member)))

/* Each use has temporaries of its own names, so uses may nest. */
#define MIN(a, b) COMPARE(a, <, b, PASTE(left_, __COUNTER__), PASTE(right_, __COUNTER__))
#define MAX(a, b) COMPARE(a, >, b, PASTE(left_, __COUNTER__), PASTE(right_, __COUNTER__))
#define COMPARE(a, is, b, left, right) COMPARE_1(a, is, b, left, right)
#define COMPARE_1(a, is, b, left, right) \
	({ __typeof__(a) left = (a); __typeof__(b) right = (b); left is right ? left : right; })
#define PASTE(a, b) PASTE_1(a, b)
#define PASTE_1(a, b) a##b

/* align must be a power of two */
#define ALIGN_UP(x, align) (((x) + ((align) - 1)) & ~((__typeof__(x))(align) - 1))
#define ALIGN_DOWN(x, align) ((x) & ~((__typeof__(x))(align) - 1))

#define likely(x) __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)

#define NS_PER_US UINT64_C(1000)
#define NS_PER_MS UINT64_C(1000000)
#define NS_PER_S UINT64_C(1000000000)

/* The deadline that never comes. Deadlines are absolute, in nanoseconds of clock_now_ns(). */
#define DEADLINE_NEVER UINT64_MAX

#endif
