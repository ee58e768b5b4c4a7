/* SPDX-License-Identifier: ISC */
/* Every cell of the state table against a second writing of it, and properties of all cells. */
#include <criterion/criterion.h>
#include <string.h>

#include "net/tcp/state.h"
#include "tests/lib/cell.h"

static const char *const names[TCP_STATES] = {
	"CLOSED", "TIMEW", "LISTEN", "SYNSENT", "SYNRCVD", "ESTAB", "FINW1", "FINW2", "CLWAIT", "CLOSING",
	"LASTACK",
};

/* Lines: event; columns: state, in the order of names; as cell.h says. Letters: s SYN, a SYN-ACK, A ACK,
 * F FIN, R RST, c challenge, w TIME-WAIT timer, e the end. */
static const char *const expected[TCP_EVENTS][TCP_STATES] = {
	[TCP_ACTIVE_OPEN] = { "SYNSENT s", "!", "SYNSENT s", "!", "!", "!", "!", "!", "!", "!", "!" },
	[TCP_GOT_SYN] = { "= R", "= c", "SYNRCVD a", "SYNRCVD a", "= c", "= c", "= c", "= c", "= c",
	                  "= c", "= c" },
	[TCP_GOT_SYN_ACK] = { "= R", "= c", "= R", "ESTAB A", "= c", "= c", "= c", "= c", "= c", "= c",
	                      "= c" },
	[TCP_GOT_ACK_OF_SYN] = { "= R", "!", "= R", "=", "ESTAB", "!", "!", "!", "!", "!", "!" },
	[TCP_GOT_ACK_OF_FIN] = { "= R", "!", "= R", "!", "!", "!", "FINW2", "!", "!", "TIMEW w",
	                         "CLOSED e" },
	[TCP_GOT_FIN] = { "= R", "= Aw", "= R", "=", "CLWAIT A", "CLWAIT A", "CLOSING A", "TIMEW Aw",
	                  "=", "=", "=" },
	[TCP_GOT_RST] = { "=", "CLOSED e", "=", "CLOSED e", "CLOSED e", "CLOSED e", "CLOSED e",
	                  "CLOSED e", "CLOSED e", "CLOSED e", "CLOSED e" },
	[TCP_CLOSE] = { "=", "=", "CLOSED e", "CLOSED e", "FINW1 F", "FINW1 F", "=", "=", "LASTACK F",
	                "=", "=" },
	[TCP_ABORT] = { "=", "CLOSED e", "CLOSED e", "CLOSED e", "CLOSED Re", "CLOSED Re", "CLOSED Re",
	                "CLOSED Re", "CLOSED Re", "CLOSED e", "CLOSED e" },
	[TCP_GIVE_UP] = { "!", "CLOSED e", "!", "CLOSED e", "CLOSED e", "CLOSED Re", "CLOSED Re",
	                  "CLOSED e", "CLOSED Re", "CLOSED e", "CLOSED e" },
};

static const struct cell_words words = { names, TCP_STATES, "saAFRcwe", TCP_IMPOSSIBLE };

Test(tcp_state, every_cell)
{
	cr_assert_eq(cell_read(&words, "= s", 0).actions, TCP_SEND_SYN);
	cr_assert_eq(cell_read(&words, "= R", 0).actions, TCP_SEND_RST);
	cr_assert_eq(cell_read(&words, "= e", 0).actions, TCP_END);
	for (unsigned state = 0; state < TCP_STATES; state++)
		for (unsigned event = 0; event < TCP_EVENTS; event++) {
			const struct tcp_transition *t = &tcp_transitions[state][event];
			struct cell cell = cell_read(&words, expected[event][state], state);

			cr_assert_eq(t->next, cell.next, "%s, event %u", names[state], event);
			cr_assert_eq(t->actions, cell.actions, "%s, event %u: %x", names[state], event, t->actions);
		}
}

Test(tcp_state, what_ends_is_closed_and_what_cannot_be_stays)
{
	for (unsigned state = 0; state < TCP_STATES; state++)
		for (unsigned event = 0; event < TCP_EVENTS; event++) {
			const struct tcp_transition *t = &tcp_transitions[state][event];

			if (t->actions & TCP_END)
				cr_assert_eq(t->next, TCP_CLOSED);
			if (t->actions & TCP_IMPOSSIBLE)
				cr_assert_eq(t->next, state);
			if (t->next == TCP_TIME_WAIT && state != TCP_TIME_WAIT)
				cr_assert(t->actions & TCP_START_WAIT);
			cr_assert(!(t->actions & TCP_SEND_RST) || state == TCP_CLOSED || state == TCP_LISTEN ||
			          t->actions & TCP_END);
		}
}
