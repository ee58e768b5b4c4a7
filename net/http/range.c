/* SPDX-License-Identifier: ISC */
/* The Range field (RFC 9110 §14.1.2, §14.2). The parts never overlap, whatever a client asks for, so an
 * answer is never longer than the value and the lines of its parts. */
#include <errno.h>
#include <string.h>

#include "net/http/range.h"

/* Takes the digits at *at off; saturates. false: there are none. */
static bool take_number(const char **at, const char *end, uint64_t *number)
{
	const char *start = *at;

	for (*number = 0; *at < end && **at >= '0' && **at <= '9'; (*at)++)
		*number = *number > UINT64_MAX / 16 ? UINT64_MAX : *number * 10 + (uint64_t)(**at - '0');
	return *at > start;
}

/* "first-last", "first-" or "-suffix". 1, 0: not in the value, -EBADMSG. */
static int parse_item(struct http_text item, uint64_t size, struct http_range *range)
{
	const char *at = item.at, *end = at + item.len;
	uint64_t first, last;
	bool has_first = take_number(&at, end, &first), has_last;

	if (at == end || *at++ != '-')
		return -EBADMSG;
	has_last = take_number(&at, end, &last);
	if (at != end || (has_first ? has_last && last < first : !has_last))
		return -EBADMSG;
	if (!has_first && !last)
		return 0; /* "-0": no bytes */
	if (!has_first)
		first = last < size ? size - last : 0;
	if (!has_first || !has_last || last >= size)
		last = size - 1;
	if (first >= size)
		return 0;
	*range = (struct http_range){ first, last - first + 1 };
	return 1;
}

static bool touch(const struct http_range *a, const struct http_range *b)
{
	return a->start <= b->start + b->len && b->start <= a->start + a->len;
}

/* Adds range, joined with those that it touches. Gives the new count. */
static int add(struct http_range *ranges, int count, struct http_range range)
{
	for (int i = 0; i < count; i++) {
		uint64_t end = MAX(ranges[i].start + ranges[i].len, range.start + range.len);

		if (!touch(&ranges[i], &range))
			continue;
		range.start = MIN(ranges[i].start, range.start);
		range.len = end - range.start;
		memmove(&ranges[i], &ranges[i + 1], (size_t)(--count - i) * sizeof(range));
		i = -1; /* from the start: range is larger now, and may touch others */
	}
	if (count == CONFIG_HTTP_RANGES)
		return -E2BIG;
	ranges[count] = range;
	return count + 1;
}

int http_ranges(const struct http_request *request, uint64_t size,
                struct http_range ranges[CONFIG_HTTP_RANGES])
{
	static const char unit[] = "bytes=";
	struct http_text rest = request->fields, value, item, second;
	bool has_any = false;
	int count = 0;

	if (!(request->flags & HTTP_RANGE) || !http_next_field(&rest, "range", &value) ||
	    http_next_field(&rest, "range", &second) || value.len < sizeof(unit) - 1)
		return 0;
	item = (struct http_text){ value.at, sizeof(unit) - 1 };
	value = (struct http_text){ value.at + item.len, value.len - item.len };
	if (!http_text_is(item, unit))
		return 0;
	ranges[0] = (struct http_range){ 0 }; /* only for compilers that warn of it being unset in add */
	while (http_next_item(&value, &item)) {
		struct http_range range;
		int result = parse_item(item, size, &range);

		if (result < 0)
			return 0;
		has_any = true;
		count = result ? add(ranges, count, range) : count;
		if (count < 0)
			return 0;
	}
	return count || !has_any ? count : -ERANGE;
}
