/* SPDX-License-Identifier: ISC */
/* A line for each answer:
 *
 *     10.0.0.1 - - [06/Nov/1994:08:49:37 +0000] "GET /index.html HTTP/1.1" 200 2326
 *
 * as web servers have written it since NCSA's, and log analysers expect it. Text from the wire is escaped, so
 * that a client cannot forge a line or move the cursor. On a terminal a line has the colour of its status. */
#include "apps/www/access.h"

#include <string.h>

#include "apps/www/vchan.h"
#include "kernel/dev/clock.h"
#include "kernel/dev/console.h"
#include "kernel/format.h"
#include "net/http/date.h"
#include "net/stack.h"

#define TARGET_BYTES 220

struct line {
	char *to;
	size_t len;
};

static void put(struct line *line, const char *text)
{
	line->len += format(line->to + line->len, ACCESS_LINE_BYTES - line->len, "%s", text);
}

/* Puts text with escapes such as "\x22", cut at TARGET_BYTES of the line. */
static void put_escaped(struct line *line, struct http_text text)
{
	for (size_t i = 0; i < text.len; i++) {
		uint8_t c = (uint8_t)text.at[i];

		if (line->len >= TARGET_BYTES) {
			put(line, "...");
			return;
		}
		line->len += format(line->to + line->len, ACCESS_LINE_BYTES - line->len,
		                    c < ' ' || c >= 0x7f || c == '"' || c == '\\' ? "\\x%02x" : "%c", c);
	}
}

static void put_time(struct line *line, uint64_t wall_ns)
{
	char date[HTTP_DATE_BYTES];

	if (!wall_ns) {
		put(line, "-");
		return;
	}
	/* Sun, 06 Nov 1994 08:49:37 GMT
	 * 0    5  8   12   17          */
	http_date_format(date, (uint32_t)(wall_ns / NS_PER_S));
	line->len += format(line->to + line->len, ACCESS_LINE_BYTES - line->len, "%.2s/%.3s/%.4s:%.8s +0000",
	                    date + 5, date + 8, date + 12, date + 17);
}

static void put_request(struct line *line, const struct http_request *request)
{
	if (!request || !request->path.at) {
		put(line, "-"); /* no request, or one that cannot be parsed */
		return;
	}
	put(line, request->verb < HTTP_METHOD_UNKNOWN ? http_method_name(request->verb) : "?");
	put(line, " ");
	put_escaped(line, request->path);
	if (request->query.at) {
		put(line, "?");
		put_escaped(line, request->query);
	}
	put(line, request->minor ? " HTTP/1.1" : " HTTP/1.0");
}

size_t access_format(char to[ACCESS_LINE_BYTES], const struct ip_addr *client, uint64_t wall_ns,
                     const struct http_request *request, uint16_t status, uint64_t body_bytes)
{
	struct line line = { to, 0 };
	char address[IP_TEXT_MAX];

	put(&line, client ? ip_format(address, client) : "-");
	put(&line, " - - [");
	put_time(&line, wall_ns);
	put(&line, "] \"");
	put_request(&line, request);
	line.len += format(to + line.len, ACCESS_LINE_BYTES - line.len, "\" %u %llu\n", status,
	                   (unsigned long long)body_bytes);
	return line.len;
}

void access_log(void *arg, struct flow *flow, const struct http_request *request, uint16_t status,
                uint64_t body_bytes)
{
	static const char colours[][6] = { "\033[32m", "\033[36m", "\033[33m", "\033[31m" }; /* 2xx to 5xx */
	bool is_vchan = IS_ENABLED(CONFIG_WWW_VCHAN) && vchan_has(flow);
	struct endpoint local, peer;
	char line[ACCESS_LINE_BYTES];
	size_t len;

	(void)arg;
	if (!is_vchan)
		stack_tcp_ends(flow, &local, &peer);
	len = access_format(line, is_vchan ? NULL : &peer.addr, clock_wall_ns(), request, status, body_bytes);
	if (console_is_terminal) {
		console_write(colours[MIN(MAX(status / 100, 2), 5) - 2], 5);
		console_write(line, len - 1);
		console_write("\033[0m\n", 5);
	} else {
		console_write(line, len);
	}
}
