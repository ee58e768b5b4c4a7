/* SPDX-License-Identifier: ISC */
/* Runs the tests of a program, each in a process of its own, and says what Criterion would. */
#include <criterion/criterion.h>
#include <stdarg.h>
#include <sys/wait.h>
#include <unistd.h>

#define SLOWER 20 /* emulation, and sanitisers in it */

static struct criterion_test *tests, **last = &tests;
static bool failed;

void criterion_register(struct criterion_test *test)
{
	*last = test;
	last = &test->next;
}

void criterion_failed(bool fatal, const char *file, int line, const char *what, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	printf("%s:%d: Assertion Failed: %s: ", file, line, what);
	vprintf(format, args);
	printf("\n");
	va_end(args);
	fflush(stdout);
	failed = true;
	if (fatal)
		_exit(1);
}

void criterion_skip(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	printf("[SKIP] ");
	vprintf(format, args);
	printf("\n");
	va_end(args);
	fflush(stdout);
	_exit(0);
}

static void call(void (*function)(void))
{
	if (function)
		function();
}

/* In the child. */
static void run(const struct criterion_test *test, const struct criterion_options *suite, void *param)
{
	double seconds = test->options.timeout > 0 ? test->options.timeout : suite->timeout;

	if (seconds > 0)
		alarm((unsigned)(seconds * SLOWER));
	call(suite->init);
	call(test->options.init);
	if (test->run)
		test->run();
	else
		test->run_with(param);
	call(test->options.fini);
	call(suite->fini);
	fflush(stdout);
}

/* Has it ended as it should? */
static bool passes(const struct criterion_test *test, const struct criterion_options *suite, void *param)
{
	int status, wanted = test->options.signal ? test->options.signal : suite->signal;
	pid_t child;

	fflush(stdout);
	child = fork();
	if (!child) {
		run(test, suite, param);
		_exit(failed);
	}
	waitpid(child, &status, 0);
	if (wanted ? WIFSIGNALED(status) && WTERMSIG(status) == wanted :
	             WIFEXITED(status) && WEXITSTATUS(status) == test->options.exit_code)
		return true;
	printf("[FAIL] %s::%s: status 0x%x\n", test->suite, test->name, status);
	return false;
}

int main(void)
{
	unsigned tested = 0, passing = 0;

	for (struct criterion_test *test = tests; test; test = test->next) {
		static const struct criterion_options none;
		const struct criterion_options *suite = &none;
		struct criterion_test_params params = { 1, NULL, 1 };

		if (!test->name)
			continue;
		for (struct criterion_test *other = tests; other; other = other->next)
			if (!other->name && !strcmp(other->suite, test->suite))
				suite = &other->options;
		if (test->params)
			params = test->params();
		for (size_t i = 0; i < params.length; i++) {
			tested++;
			passing += passes(test, suite, (char *)params.params + i * params.size);
		}
	}
	printf("[====] Synthesis: Tested: %u | Passing: %u | Failing: %u | Crashing: 0\n", tested, passing,
	       tested - passing);
	return passing != tested;
}
