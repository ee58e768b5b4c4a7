/* SPDX-License-Identifier: ISC */
/* One line of a suite into one command. README.md lists the commands. */
#ifndef APPS_AGENT_PARSE_H
#define APPS_AGENT_PARSE_H

#include "net/addr.h"

#define COMMAND_ID_MAX 32 /* characters of an id */

enum verb {
	VERB_SOCKET, VERB_BIND, VERB_LISTEN, VERB_ACCEPT, VERB_CONNECT, VERB_SEND, VERB_RECV, VERB_SHUTDOWN,
	VERB_CLOSE, VERB_ABORT, VERB_SET, VERB_GET, VERB_POLL, VERB_RESETALL,
};

/* Bits, so that rdwr is both, and poll's in and out are the same two. */
enum direction { DIRECTION_IN = 1, DIRECTION_OUT = 2 };

/* A part of the line; borrowed from it. */
struct word {
	const char *at;
	size_t len;
};

struct command {
	struct word id;           /* set even if the rest of the line is wrong */
	enum verb verb;
	uint32_t handle;
	bool is_udp;              /* socket */
	uint8_t directions;       /* shutdown, poll: enum direction */
	bool has_endpoint;        /* send: one was given */
	struct endpoint endpoint; /* bind, connect, send */
	int64_t number;           /* backlog, max, value, ms: -1 to UINT32_MAX */
	struct word data;         /* send: hexadecimal digits, an even number of them */
	struct word option;       /* set, get */
};

/* 0, or -EINVAL with the cause in *reason, constant text. Borrows line. */
int command_parse(const char *line, size_t len, struct command *out, const char **reason);
/* Decodes data's digits; to has room for data.len / 2 bytes. */
void command_decode(const struct command *c, uint8_t *to);
bool word_is(const struct word *w, const char *text);

#endif
