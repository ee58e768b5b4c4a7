/* SPDX-License-Identifier: ISC */
/* Fuzzes the agent through its console, over a whole stack on which it can connect to itself. The input is a
 * suite's console input; the bytes 0xf0 to 0xff let the loop run and time pass. Checks, besides the
 * sanitizers, that every line is answered once and well formed, and that "resetall" frees all memory. */
#include <stdlib.h>
#include <string.h>

#include "kernel/app.h"
#include "kernel/log.h"
#include "kernel/loop.h"
#include "net/direct.h"
#include "tests/lib/check.h"
#include "tests/lib/clock.h"
#include "tests/lib/lan.h"
#include "tests/lib/memory.h"
#include "tests/lib/test.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { INPUT_BYTES = 4000, PIECE_BYTES = 400 };

static struct lan lan;
static struct app app;
static struct promise done;
static unsigned asked, answered;

/* An answer is "<id> <number>" or "<id> -<NAME>", with more words or none. */
static void check_answer(const char *line, const char *end)
{
	const char *result = memchr(line, ' ', (size_t)(end - line));

	CHECK(result && result > line && result <= line + 32 && result + 1 < end);
	result++;
	CHECK((*result >= '0' && *result <= '9') || (*result == '-' && result + 2 < end && result[1] == 'E'));
	for (; line < end; line++)
		CHECK(*line >= ' ' && *line < 0x7f);
}

static void run(uint32_t ms)
{
	const char *at, *end;

	lan_wait_ms(ms);
	lan_forget(&lan);
	for (at = test_console_text(); (end = strchr(at, '\n')); at = end + 1, answered++)
		check_answer(at, end);
	CHECK(!*at);
	test_console_clear();
}

/* Types text, and counts its lines independently of the agent. */
static void type(const char *text)
{
	static bool is_inside;

	for (const char *c = text; *c; c++) {
		if (*c != '\n' && *c != '\r')
			is_inside = true;
		else if (is_inside)
			is_inside = false, asked++;
	}
	test_console_type(text);
}

static void start(void)
{
	struct stack_config config = { .ip = { ip_v4(10, 0, 0, 2), 24 } };

	log_level = LOG_ERROR;
	lan_init(&lan, 0);
	CHECK(direct_create((struct direct **)&app.stack, &lan.dev, &config) == 0);
	promise_init(&done, NULL);
	CHECK(app_start(&app, &done) == 0);
	run(0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char piece[PIECE_BYTES + 1];
	size_t len = 0;
	int64_t live;

	if (size > INPUT_BYTES)
		return 0;
	if (!app.stack)
		start();
	asked = answered = 0;
	live = test_alloc_live();
	for (size_t i = 0; i <= size; i++) {
		bool waits = i == size || data[i] >= 0xf0;

		if (!waits && data[i])
			piece[len++] = (char)data[i];
		if (!waits && len < PIECE_BYTES)
			continue;
		piece[len] = '\0';
		type(piece);
		len = 0;
		run(i < size && waits ? (uint32_t)(data[i] & 15) * 8 : 0);
	}
	type("\nend resetall\n");
	run(0);
	CHECK(asked == answered);
	for (int i = 0; i < 10; i++) { /* past TIME-WAIT and all other time limits */
		clock_advance_ns(60 * NS_PER_S);
		run(0);
	}
	CHECK(test_alloc_live() == live);
	return 0;
}
