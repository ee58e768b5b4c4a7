/* SPDX-License-Identifier: ISC */
/* Accept-Encoding by its weights (RFC 9110 §12.4.2, §12.5.3), in thousandths here. A coding that is not named
 * has the weight of "*"; a value without a coding is acceptable unless the client excludes it. A malformed
 * item is ignored. */
#include <errno.h>

#include "fs/kv.h"
#include "net/http/negotiate.h"

#define NOT_NAMED (-1)

struct weights {
	int gzip, identity, any;
};

static struct http_text skip_spaces(struct http_text text)
{
	while (text.len && (*text.at == ' ' || *text.at == '\t'))
		text = (struct http_text){ text.at + 1, text.len - 1 };
	return text;
}

/* Parses the text after a coding's name: nothing, or ";q=" and a qvalue. Gives the weight, or -EBADMSG. */
static int parse_weight(struct http_text text)
{
	int weight = 0, unit = 1000;

	text = skip_spaces(text);
	if (!text.len)
		return 1000;
	text = skip_spaces((struct http_text){ text.at + 1, text.len - 1 }); /* past the ';' */
	if (text.len < 3 || text.len > 7 || (text.at[0] | 0x20) != 'q' || text.at[1] != '=')
		return -EBADMSG;
	for (size_t i = 2; i < text.len; i++) {
		int digit = text.at[i] - '0';

		if (i == 3 ? text.at[i] != '.' : digit < 0 || digit > 9)
			return -EBADMSG;
		if (i == 3)
			continue;
		weight += digit * unit;
		unit /= 10;
	}
	return weight > 1000 ? -EBADMSG : weight;
}

static void take_item(struct weights *w, struct http_text item)
{
	struct http_text name = item, rest;
	int weight;

	for (name.len = 0; name.len < item.len; name.len++) {
		char c = item.at[name.len];

		if (c == ';' || c == ' ' || c == '\t')
			break;
	}
	rest = skip_spaces((struct http_text){ item.at + name.len, item.len - name.len });
	weight = rest.len && *rest.at != ';' ? -EBADMSG : parse_weight(rest);
	if (weight < 0)
		return;
	if (http_text_is(name, "gzip") || http_text_is(name, "x-gzip"))
		w->gzip = weight;
	else if (http_text_is(name, "identity"))
		w->identity = weight;
	else if (name.len == 1 && *name.at == '*')
		w->any = weight;
}

uint8_t http_negotiate(const struct http_request *request, bool *identity)
{
	struct weights w = { NOT_NAMED, NOT_NAMED, NOT_NAMED };
	struct http_text rest = request->fields, value, item;

	*identity = true;
	if (!(request->flags & HTTP_CODINGS))
		return 0;
	while (http_next_field(&rest, "accept-encoding", &value))
		while (http_next_item(&value, &item))
			take_item(&w, item);
	if (w.gzip == NOT_NAMED)
		w.gzip = MAX(w.any, 0);
	if (w.identity == NOT_NAMED)
		w.identity = w.any == NOT_NAMED ? 1 : w.any; /* acceptable, but any coding named is better */
	*identity = w.identity > 0;
	return w.gzip && w.gzip >= w.identity ? KV_GZIP : 0;
}
