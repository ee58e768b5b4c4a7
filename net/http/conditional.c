/* SPDX-License-Identifier: ISC */
/* Conditional requests in RFC 9110 §13.2.2's order: If-Match or else If-Unmodified-Since, then
 * If-None-Match or else If-Modified-Since, last If-Range. A date that cannot be read counts as absent
 * (§13.1.3). */
#include <string.h>

#include "net/http/conditional.h"
#include "net/http/date.h"

/* Does one field's list (RFC 9110 §8.8.3; commas may be inside a tag) contain etag? A weak tag matches
 * only with weak_too. */
static bool list_holds(struct http_text list, const char *etag, bool weak_too)
{
	const char *at = list.at, *end = list.at + list.len;
	size_t etag_len = etag ? strlen(etag) : 0;

	if (list.len == 1 && *at == '*')
		return true;
	while (at < end) {
		const char *close;
		bool weak = end - at > 2 && at[0] == 'W' && at[1] == '/';

		if (*at == ' ' || *at == '\t' || *at == ',') {
			at++;
			continue;
		}
		at += weak ? 2 : 0;
		close = *at == '"' ? memchr(at + 1, '"', (size_t)(end - at - 1)) : NULL;
		if (!close)
			return false;
		if (etag_len == (size_t)(close + 1 - at) && !memcmp(at, etag, etag_len) && (weak_too || !weak))
			return true;
		at = close + 1;
	}
	return false;
}

/* A list may come in several lines (RFC 9110 §5.3). */
static bool field_holds(const struct http_request *request, const char *name, const char *etag,
                        bool weak_too, bool *present)
{
	struct http_text rest = request->fields, value;
	bool holds = false;

	*present = false;
	while (http_next_field(&rest, name, &value)) {
		*present = true;
		holds = holds || list_holds(value, etag, weak_too);
	}
	return holds;
}

/* Was the value modified after the date in field name? false also without a date to compare. */
static bool modified_since(const struct http_request *request, const char *name, uint64_t modified_ns,
                           bool *comparable)
{
	struct http_text rest = request->fields, value;
	uint32_t date = 0;

	*comparable = IS_ENABLED(CONFIG_FS_MODIFIED) && modified_ns && http_next_field(&rest, name, &value) &&
		!http_date_parse(value, &date);
	return *comparable && modified_ns / NS_PER_S > date;
}

uint16_t http_check_conditions(const struct http_request *request, const char *etag, uint64_t modified_ns)
{
	bool present, holds;

	if (!(request->flags & HTTP_CONDITIONAL))
		return 200;
	holds = field_holds(request, "if-match", etag, false, &present);
	if (present ? !holds : modified_since(request, "if-unmodified-since", modified_ns, &present))
		return 412;
	holds = field_holds(request, "if-none-match", etag, true, &present);
	if (present)
		return holds ? 304 : 200;
	return !modified_since(request, "if-modified-since", modified_ns, &present) && present ? 304 : 200;
}

bool http_range_applies(const struct http_request *request, const char *etag, uint64_t modified_ns)
{
	struct http_text rest = request->fields, value;
	uint32_t date;

	if (!(request->flags & HTTP_CONDITIONAL) || !http_next_field(&rest, "if-range", &value))
		return true;
	if (value.len && *value.at == '"')
		return etag && strlen(etag) == value.len && !memcmp(etag, value.at, value.len);
	return IS_ENABLED(CONFIG_FS_MODIFIED) && modified_ns && !http_date_parse(value, &date) &&
		modified_ns / NS_PER_S == date;
}
