/* SPDX-License-Identifier: ISC */
/* Every cell of the DHCP client's table against a second writing of it, and properties of all cells. */
#include <criterion/criterion.h>
#include <string.h>

#include "net/dhcp/state.h"
#include "tests/lib/cell.h"

static const char *const names[DHCP_STATES] = {
	"INIT", "SELECT", "REQUEST", "REBOOT", "PROBE", "BOUND", "RENEW", "REBIND",
};

/* Lines: event; columns: state, in the order of names; as cell.h says. Letters: s send, d decline, p probe,
 * u use, l lose, n new exchange, t take, f forget, r restart. */
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

static const struct cell_words words = { names, DHCP_STATES, "sdpulntfr", DHCP_IMPOSSIBLE };

Test(dhcp_state, every_cell)
{
	cr_assert_eq(cell_read(&words, "= s", 0).actions, DHCP_SEND);
	cr_assert_eq(cell_read(&words, "= l", 0).actions, DHCP_LOSE);
	cr_assert_eq(cell_read(&words, "= r", 0).actions, DHCP_RESTART);
	for (unsigned state = 0; state < DHCP_STATES; state++)
		for (unsigned event = 0; event < DHCP_EVENTS; event++) {
			const struct dhcp_transition *t = &dhcp_transitions[state][event];
			struct cell cell = cell_read(&words, expected[event][state], state);

			cr_assert_eq(t->next, cell.next, "%s, event %u", names[state], event);
			cr_assert_eq(t->actions, cell.actions, "%s, event %u: %x", names[state], event, t->actions);
		}
}

/* The address is used exactly from BOUND to REBINDING, and every return to INIT sets a time to begin. */
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

/* Messages that any host on the link can send at any time must not be impossible events. */
Test(dhcp_state, no_message_is_impossible)
{
	for (unsigned state = 0; state < DHCP_STATES; state++)
		for (unsigned event = DHCP_GOT_OFFER; event <= DHCP_GOT_NAK; event++)
			cr_assert(!(dhcp_transitions[state][event].actions & DHCP_IMPOSSIBLE));
}
