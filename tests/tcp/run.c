/* SPDX-License-Identifier: ISC */
/* Runs scripts of tests/tcp: run SCRIPT...; each in a process of its own, so that each finds a fresh world
 * and none can spoil another. Prints a line per folder, all there is to say of those that fail, and a sum.
 * With V=1 a line per script. */
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kernel/dev/clock.h"
#include "tests/lib/memory.h"
#include "tests/tcp/words.h"
#include "tests/tcp/world.h"

#define SECONDS 20 /* that one script may take, however slow the machine */

const char *__asan_default_options(void);
const char *__ubsan_default_options(void);

/* No check for leaks at exit: words_end and world_destroy have looked. */
const char *__asan_default_options(void)
{
	return "detect_leaks=0:abort_on_error=1";
}

const char *__ubsan_default_options(void)
{
	return "print_stacktrace=1";
}

_Noreturn static void run_script(const char *path)
{
	struct script s;
	const char *wrong;
	int64_t live;

	alarm(SECONDS);
	report_begin(path, clock_now_ns());
	script_read(&s, path);
	live = test_alloc_live();
	for (unsigned i = 0; i < s.count; i++)
		words_run(&s.lines[i]);
	words_end();
	wrong = world_destroy();
	if (wrong || test_alloc_live() != live)
		fail(NULL, "%s", wrong ? wrong : "memory was not given back");
	exit(0); /* as coverage wants it */
}

/* Runs it in a process of its own and keeps the first bytes of what that says. Gives its status. */
static int run_apart(const char *path, char *said, size_t size)
{
	FILE *output = tmpfile();
	int status = -1;
	pid_t child;

	fflush(stdout);
	child = output ? fork() : -1;
	if (child == 0) {
		dup2(fileno(output), STDOUT_FILENO);
		dup2(fileno(output), STDERR_FILENO);
		run_script(path);
	}
	if (child > 0 && waitpid(child, &status, 0) < 0)
		status = -1;
	said[0] = '\0';
	if (output) {
		rewind(output);
		said[fread(said, 1, size - 1, output)] = '\0';
		fclose(output);
	}
	return status;
}

/* The runner has scripts too, which must fail, and say what their first line does: "# refused: why". Gives
 * why, or NULL. */
static const char *refusal_of(const char *path)
{
	static char line[128];
	FILE *f = fopen(path, "r");
	bool is = f && fgets(line, sizeof(line), f) && strncmp(line, SCRIPT_REFUSED, strlen(SCRIPT_REFUSED)) == 0;

	if (f)
		fclose(f);
	line[strcspn(line, "\n")] = '\0';
	return is ? line + strlen(SCRIPT_REFUSED) : NULL;
}

/* Whether it went as it should. */
static bool run(const char *path)
{
	static char said[1 << 16];
	const char *refusal = refusal_of(path);
	int status = run_apart(path, said, sizeof(said));

	if (refusal && WIFEXITED(status) && status != 0 && strstr(said, refusal))
		return true;
	fputs(said, stdout);
	if (WIFSIGNALED(status))
		printf("%s: %s\n", path, strsignal(WTERMSIG(status))); /* the alarm's: it takes too long */
	return status == 0 && !refusal;
}

/* The folder of path, below tests/. */
static const char *folder_of(const char *path)
{
	static char copy[256];
	const char *folder;

	snprintf(copy, sizeof(copy), "%s", path);
	folder = dirname(copy);
	return strncmp(folder, "tests/", 6) == 0 ? folder + 6 : folder;
}

int main(int argc, char **argv)
{
	const char *verbose = getenv("V");
	unsigned failed = 0;

	lan_prepare();
	pattern_at(FROM_PEER, 0); /* what takes time, once for all */
	for (int i = 1; i < argc; ) {
		char folder[256];
		unsigned count = 0, bad = 0;

		for (snprintf(folder, sizeof(folder), "%s", folder_of(argv[i]));
		     i < argc && strcmp(folder, folder_of(argv[i])) == 0; i++, count++) {
			bool good = run(argv[i]);

			bad += !good;
			if (!good || (verbose && strcmp(verbose, "0") != 0))
				printf("%-8s%s\n", good ? "ok" : "FAIL", argv[i]);
		}
		printf("%-8s%s: %u scripts\n", bad ? "FAIL" : "ok", folder, count);
		failed += bad;
	}
	printf("tcp: %d scripts, %u failed\n", argc - 1, failed);
	return failed || argc == 1;
}
