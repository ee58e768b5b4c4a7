/* SPDX-License-Identifier: ISC */
/* Every cell of the DHCP client's table against a second writing of it, and what must hold of all. */
#include <criterion/criterion.h>
#include <string.h>

#include "net/dhcp/state.h"

static const char *const names[DHCP_STATES] = {
	"INIT", "SELECT", "REQUEST", "REBOOT", "PROBE", "BOUND", "RENEW", "REBIND",
};

/* Lines: event; columns: state, in the order of names. "=": stays and does nothing; "!": cannot be. Letters
 * after the next state ("=" again for the same): s send, d decline, p probe, u use, l lose, n new exchange,
 * t take, f forget, r restart. */
static const char *const expected[DHCP_EVENTS][DHCP_STATES] = {
	[DHCP_BEGIN] = { "SELECT ns", "!", "!", "!", "!", "!", "!", "!" },
	[DHCP_BEGIN_KNOWN] = { "REBOOT ns", "!", "!", "!", "!", "!", "!", "!" },
	[DHCP_GOT_OFFER] = { "=", "REQUEST ts", "=", "=", "=", "=", "=", "=" },
	[DHCP_GOT_ACK] = { "=", "=", "PROBE tp", "PROBE tp", "=", "=", "BOUND tu", "BOUND tu" },
	[DHCP_GOT_NAK] = { "=", "=", "INIT r", "INIT fr", "=", "=", "INIT lr", "INIT lr" },
	[DHCP_SILENCE] = { "!", "= s", "= s", "= s", "!", "!", "= s", "= s" },
	[DHCP_GIVE_UP] = { "!", "!", "INIT r", "INIT fr", "!", "!", "!", "!" },
	[DHCP_IS_FREE] = { "!", "!", "!", "!", "BOUND uf", "!", "!", "!" },
	[DHCP_IS_TAKEN] = { "=", "=", "=", "=", "INIT dfr", "INIT ldfr", "INIT ldfr", "INIT ldfr" },
	[DHCP_RENEW_TIME] = { "!", "!", "!", "!", "!", "RENEW ns", "!", "!" },
	[DHCP_REBIND_TIME] = { "!", "!", "!", "!", "!", "REBIND ns", "REBIND ns", "!" },
	[DHCP_EXPIRED] = { "!", "!", "!", "!", "!", "INIT lr", "INIT lr", "INIT lr" },
};

static unsigned action_of(char letter)
{
	static const char letters[] = "sdpulntfr";
	const char *at = strchr(letters, letter);

	cr_assert_not_null(at);
	return 1u << (at - letters);
}

static unsigned state_of(const char *name, size_t len)
{
	for (unsigned i = 0; i < DHCP_STATES; i++)
		if (strlen(names[i]) == len && memcmp(names[i], name, len) == 0)
			return i;
	cr_assert_fail("%.*s", (int)len, name);
	return 0;
}

Test(dhcp_state, every_cell)
{
	cr_assert_eq(action_of('s'), DHCP_SEND);
	cr_assert_eq(action_of('l'), DHCP_LOSE);
	cr_assert_eq(action_of('r'), DHCP_RESTART);
	for (unsigned state = 0; state < DHCP_STATES; state++)
		for (unsigned event = 0; event < DHCP_EVENTS; event++) {
			const struct dhcp_transition *t = &dhcp_transitions[state][event];
			const char *text = expected[event][state], *space = strchr(text, ' ');
			size_t len = space ? (size_t)(space - text) : strlen(text);
			unsigned actions = 0, next = state;

			for (; space && *++space; )
				actions |= action_of(*space);
			if (text[0] == '!')
				actions = DHCP_IMPOSSIBLE;
			else if (text[0] != '=')
				next = state_of(text, len);
			cr_assert_eq(t->next, next, "%s, event %u", names[state], event);
			cr_assert_eq(t->actions, actions, "%s, event %u: %x", names[state], event, t->actions);
		}
}

/* The address is used exactly from BOUND to REBINDING, and whoever goes back to INIT has a time to begin. */
Test(dhcp_state, an_address_is_lost_whenever_its_states_are_left)
{
	for (unsigned state = 0; state < DHCP_STATES; state++)
		for (unsigned event = 0; event < DHCP_EVENTS; event++) {
			const struct dhcp_transition *t = &dhcp_transitions[state][event];
			bool leaves = state >= DHCP_BOUND && t->next < DHCP_BOUND;
			bool enters = state < DHCP_BOUND && t->next >= DHCP_BOUND;

			cr_assert_eq(leaves, !!(t->actions & DHCP_LOSE));
			cr_assert(!enters || t->actions & DHCP_USE);
			cr_assert_eq(state != DHCP_INIT && t->next == DHCP_INIT, !!(t->actions & DHCP_RESTART));
			if (t->actions & DHCP_IMPOSSIBLE)
				cr_assert_eq(t->next, state);
			cr_assert(t->next != DHCP_PROBING || state == DHCP_PROBING || t->actions & DHCP_PROBE);
		}
}

/* What anybody on the link can send at any time is never our own bug. */
Test(dhcp_state, no_message_is_impossible)
{
	for (unsigned state = 0; state < DHCP_STATES; state++)
		for (unsigned event = DHCP_GOT_OFFER; event <= DHCP_GOT_NAK; event++)
			cr_assert(!(dhcp_transitions[state][event].actions & DHCP_IMPOSSIBLE));
}
