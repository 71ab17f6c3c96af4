/*
 * feed_steps.c: what can happen next to appenders, index, time and readers? The rules are here. See feed_model.c.
 */
#include "feed_model.h"

#include <string.h>

static Ids
with_status(const State *state, Status status)
{
	Ids			ids = 0;

	for (int id = 1; id <= state->taken; id++)
		if (state->status[id] == status)
			ids |= BIT(id);
	return ids;
}

/* What makes no difference any more must not make another state. */
static void
settle(State *state, int id, Status status)
{
	state->status[id] = status;
	if (status == GONE || (status == VISIBLE && !world->stamps))
		state->age[id] = oldest_age();
}

static void
appender_steps(const State *from)
{
	if (from->taken < world->ids &&
		__builtin_popcount(with_status(from, HELD) | with_status(from, REFUSED)) < APPENDERS)
	{
		State		state = *from;
		int			id = ++state.taken;

		state.status[id] = HELD;
		reach(&state, "take", id);
		state.slow |= BIT(id);
		if (world->slow)
			reach(&state, "take, with a slow clock,", id);
		state.slow = from->slow;
		state.odd |= BIT(id);
		if (__builtin_popcount(state.odd) <= world->odd)
			reach(&state, "take, with an odd clock,", id);
		state.odd = from->odd;
		state.future |= BIT(id);
		if (__builtin_popcount(state.future) <= world->future)
			reach(&state, "take, with a stamp of the future,", id);
	}
	for (int id = 1; id <= from->taken; id++)
	{
		State		state = *from;
		bool		in_time = state.age[id] < TIMEOUT;

		if (state.status[id] == HELD)
		{
			settle(&state, id, GONE);
			if (!world->calm)
				reach(&state, "the appender stops, with", id);
			state = *from;
			settle(&state, id, REFUSED);
			if (!world->calm)
				reach(&state, "refuse", id);
			state = *from;
			state.fresh_notes |= BIT(id);
			if (mutant == EARLY_NOTE)
				reach(&state, "note, too early,", id);
			state = *from;
			settle(&state, id, STORED);
			if (!in_time)
				state.late |= BIT(id);
			if (in_time || state.late_left-- > 0)
				reach(&state, "put", id);
		}
		else if (state.status[id] == REFUSED)
		{
			settle(&state, id, GONE);
			reach(&state, "the appender stops, with", id);
			state.fresh_notes |= BIT(id);
			reach(&state, "note", id);
		}
		else if (state.status[id] == STORED)
		{
			settle(&state, id, VISIBLE);
			reach(&state, "index", id);
		}
	}
}

/* false: time must not go on before the index has shown something. */
static bool
tick(State *state)
{
	for (int id = 1; id <= state->taken; id++)
	{
		if (state->age[id] < oldest_age())
			state->age[id]++;
		if (state->status[id] == STORED && state->age[id] >= TIMEOUT && !(state->late & BIT(id)))
		{
			if (state->late_left == 0)
				return false;
			state->late_left--;
			state->late |= BIT(id);
		}
	}
	state->notes |= state->fresh_notes;
	state->fresh_notes = 0;
	for (int i = 0; i < world->readers; i++)
	{
		Reader	   *reader = &state->reader[i];

		memmove(reader->known + 1, reader->known, TIMEOUT);
		if (reader->gap != 0 && reader->gap_age < TIMEOUT)
			reader->gap_age++;
	}
	return true;
}

static Ids
stamped_before(const State *state, int age)
{
	Ids			ids = state->odd;

	for (int id = 1; id <= state->taken; id++)
		if (state->age[id] + (state->slow & BIT(id) ? SKEW : 0) >= age)
			ids |= BIT(id);
	return ids & ~state->future;
}

/* The two numbers that a feed is given when it starts. */
static void
judge_by_now(const State *state, Reader *reader)
{
	reader->due = reader->known[TIMEOUT];
	reader->below = reader->due;
	if (mutant == FIRST_GAP)
		reader->below = reader->gap_age == TIMEOUT ? reader->gap_last + 1 : 0;
	if (!world->stamps)
		return;
	reader->aged = stamped_before(state, mutant == STAMPS_WITH_TIMEOUT ? TIMEOUT : STAMPED);
	reader->old = stamped_before(state, OLD);
}

/* Of what is kept, only the first gap is asked for, gaps that may be given up, and what is above. */
static Ids
asked_beside_kept(const Reader *reader)
{
	Ids			wanted = 0;
	int			first = reader->start + 1;

	for (Ids kept = reader->kept; kept != 0; kept &= kept - 1)
	{
		int			id = lowest(kept);

		if (first == reader->start + 1 || (first < reader->below && mutant != KEPT_AS_READ))
			wanted |= UPTO(id - 1) & ~UPTO(first - 1);
		first = id + 1;
	}
	return wanted | (Ids) ~UPTO(first - 1);
}

static void
send_poll(const State *state, Reader *reader)
{
	reader->phase = SENT;
	reader->start = state->position;
	reader->next = state->position + 1;
	if (mutant == FORGETFUL)
		memset(reader->known, 0, sizeof(reader->known));
	if (!world->stamps && reader->known[0] == 0)
		reader->known[0] = state->taken;	/* a session begins with the counter */
	reader->noted = state->notes;
	judge_by_now(state, reader);
	reader->wanted = asked_beside_kept(reader);
}

static void
forget_poll(Reader *reader)
{
	bool		keeps = world->keeps && reader->waits;
	Reader		kept = {
		.kept = reader->phase == FOUND_LATE ? reader->kept : keeps ? reader->seen & ~UPTO(reader->next - 1) : 0,
		.gap = reader->gap, .gap_last = reader->gap_last, .gap_age = reader->gap_age, .asked = reader->asked
	};

	memcpy(kept.known, reader->known, sizeof(kept.known));
	*reader = kept;
}

static void
pass(State *state, Reader *reader, int last)
{
	Ids			ids = UPTO(last) & ~UPTO(reader->next - 1);

	if (world->excused && __builtin_popcount(reader->seen & ~UPTO(last)) < witnesses())
		state->excused |= ids;
	reader->passes |= ids;
	reader->next = last + 1;
}

/*
 * Are the next commits from that id on, three or as many as there are, all among these? One with a stamp of the future does
 * not count where enough others follow.
 */
static bool
witnessed(const State *state, const Reader *reader, int id, Ids stamped)
{
	int			wanted = mutant == ONE_WITNESS ? 1 : witnesses();
	int			count = 0;
	bool		is_told = true;

	for (; id <= world->ids && count < wanted; id++)
		if (reader->seen & BIT(id) & state->future && mutant != FUTURE_COUNTS)
			is_told = false;
		else if (reader->seen & BIT(id))
		{
			count++;
			if (!(stamped & BIT(id)))
				return false;
		}
	return is_told || count == wanted;
}

static bool
burned(Reader *reader, Ids notes)
{
	if (mutant == NOTE_ONCE)
	{
		notes &= ~reader->asked;
		reader->asked |= BIT(reader->next);
	}
	return notes & BIT(reader->next);
}

/* Is the gap before that commit over? false: the poll goes no further now. */
static bool
gap_step(State *state, Reader *reader, int item, Ids notes)
{
	int			last = item - 1;
	int			give_up_to = last;

	if (mutant == NOT_JOINED && reader->next <= RANGE_END + 1 && item > RANGE_END + 1)
	{
		reader->next = item;
		return true;
	}
	if (reader->next <= reader->looked_to)
	{
		pass(state, reader, last < reader->looked_to ? last : reader->looked_to);
		return true;
	}
	if (witnessed(state, reader, item, reader->old))
	{
		pass(state, reader, last);
		return true;
	}
	if (burned(reader, notes))
	{
		reader->next++;
		return true;
	}
	if (!witnessed(state, reader, item, reader->aged) && last >= reader->below)
		give_up_to = reader->below - 1;
	if (give_up_to < reader->next)
	{
		reader->phase = READY;
		reader->waits = reader->next;
		if (reader->gap != reader->next && mutant == FIRST_GAP)
		{
			reader->gap = reader->next;
			reader->gap_last = last;
			reader->gap_age = 0;
		}
		return false;
	}
	reader->looked_to = give_up_to;
	if (mutant != ONE_LOOK)
		reader->phase = LOOKS;
	return mutant == ONE_LOOK;
}

static void
go_through_page(State *state, Reader *reader, Ids notes)
{
	Ids			higher;

	while ((higher = reader->seen & ~UPTO(reader->next - 1)) != 0)
	{
		int			item = lowest(higher);

		if (item == reader->next)
		{
			reader->delivers |= BIT(item);
			reader->next++;
		}
		else if (!gap_step(state, reader, item, notes))
			return;
	}
	reader->phase = READY;
}

static void
arrive(State *state, Reader *reader, Ids notes)
{
	int			seen;

	reader->seen |= reader->kept;
	seen = highest(reader->seen);
	if (mutant == TO_ARRIVAL)
		judge_by_now(state, reader);
	if (!world->stamps && seen > reader->known[0])
		reader->known[0] = seen;
	go_through_page(state, reader, notes);
}

static Ids
in_index(const State *state, Ids wanted)
{
	Ids			ids = with_status(state, VISIBLE) & wanted;

	return mutant == FILTERED ? ids & ~BIT(2) : ids;
}

/* One transaction: the row is locked, compared, and moved with what was delivered. */
static void
apply(State *state, Reader *reader)
{
	if (reader->phase == CHECKED || state->position == reader->start)
	{
		int			position = mutant == POSITION_TO_SEEN && reader->seen ? highest(reader->seen) : reader->next - 1;

		find(reader->delivers & state->delivered, TWICE);
		find(reader->delivers && (state->delivered & ~state->applied_late) >> lowest(reader->delivers), DISORDER);
		find(reader->waits != 0 && reader->waits < reader->due, SLOW);
		find(reader->waits != 0 && reader->noted & BIT(reader->waits), UNREAD);
		state->delivered |= reader->delivers;
		state->passed |= reader->passes;
		state->position = position;
		find(UPTO(position) & ~1 & ~(state->delivered | state->passed | state->notes | state->fresh_notes), SKIPPED);
	}
	forget_poll(reader);
}

static void
apply_late(State *state, Reader *reader)
{
	Ids			ids = reader->delivers;

	if (mutant != LATE_WITHOUT_ROW)
		ids &= ~state->applied_late;
	find(ids & state->delivered, TWICE);
	state->delivered |= ids;
	state->applied_late |= ids;
	forget_poll(reader);
}

static Ids
late_found(const State *state)
{
	return world->stamps ? 0 : in_index(state, state->passed & ~state->applied_late);
}

/* Goes one step on when nothing goes wrong. */
static void
fair_step(State *state, Reader *reader)
{
	switch ((Phase) reader->phase)
	{
		case IDLE:
			if (late_found(state))
			{
				reader->delivers = late_found(state);
				reader->phase = FOUND_LATE;
			}
			else
				send_poll(state, reader);
			break;
		case SENT:
			reader->seen |= in_index(state, reader->wanted);
			arrive(state, reader, state->notes);
			break;
		case LOOKS:
			reader->seen |= in_index(state, UPTO(reader->looked_to) & ~UPTO(reader->next - 1));
			go_through_page(state, reader, state->notes);
			break;
		case READY:
		case CHECKED:
			apply(state, reader);
			break;
		case FOUND_LATE:
			apply_late(state, reader);
			break;
	}
}

static bool
is_behind(const State *state)
{
	Ids			above = in_index(state, UPTO(MOST_IDS)) & ~UPTO(state->position);

	if (world->future > 0 && world->excused && __builtin_popcount(above & ~state->future) < witnesses())
		return false;
	return above != 0 || late_found(state);
}

static void
run_fairly(State *state)
{
	Reader	   *reader = &state->reader[0];

	for (int turn = 0; turn < 2 * OLD && is_behind(state); turn++)
	{
		for (int polls = 0; polls < 2; polls++)
			do
				fair_step(state, reader);
			while (reader->phase != IDLE);
		(void) tick(state);
	}
}

/* If all appenders stop now, does the first reader come to the end? */
static void
check_progress(const State *from)
{
	State		state = *from;

	for (int id = 1; id <= state.taken; id++)
		settle(&state, id, state.status[id] == STORED || state.status[id] == VISIBLE ? VISIBLE : GONE);
	without_finding(run_fairly, &state);
	find(is_behind(&state), STUCK);
}

void
check_state(const void *at)
{
	const State *state = at;
	Ids			stored = with_status(state, STORED) | with_status(state, VISIBLE);

	find(stored & (state->notes | state->fresh_notes), BURNED);
	find(stored & state->passed & ~state->late & ~state->excused, LOST);
	check_progress(state);
}

/* An answer of the index to one part of a poll, or to a second look: right, or stale. */
static void
serve(const State *from, int i, Ids wanted, int part)
{
	Ids			ids = in_index(from, wanted);
	Ids			young = 0;

	for (int id = 1; id <= from->taken; id++)
		if (!world->stamps || from->age[id] < OLD - SKEW)
			young |= BIT(id) & ids;
	for (Ids missed = from->stale > 0 ? young : 0;; missed = (missed - 1) & young)
	{
		State		state = *from;
		Reader	   *reader = &state.reader[i];

		state.stale -= missed != 0;
		reader->seen |= ids & ~missed;
		reader->parts |= part;
		if (reader->phase == LOOKS)
			go_through_page(&state, reader, state.notes | state.fresh_notes);
		reach(&state, missed ? "a stale answer to reader" : "an answer to reader", i + 1);
		if (missed == 0)
			break;
	}
}

static void
reader_steps(const State *from, int i)
{
	State		state = *from;
	Reader	   *reader = &state.reader[i];

	memset(reader, 0, sizeof(Reader));
	reach(&state, "a stop and new start of reader", i + 1);
	state = *from;
	switch ((Phase) reader->phase)
	{
		case IDLE:
			send_poll(&state, reader);
			reach(&state, "a poll of reader", i + 1);
			state = *from;
			reader->delivers = late_found(&state);
			reader->phase = FOUND_LATE;
			if (reader->delivers)
				reach(&state, "a late look of reader", i + 1);
			break;
		case SENT:
			if (!(reader->parts & 1))
				serve(from, i, (world->ranges ? UPTO(RANGE_END) : UPTO(MOST_IDS)) & reader->wanted, 1);
			if (world->ranges && !(reader->parts & 2))
				serve(from, i, ~UPTO(RANGE_END) & ~UPTO(reader->start), 2);
			if (reader->parts != (world->ranges ? 3 : 1))
				break;
			arrive(&state, reader, state.notes);
			reach(&state, "the arrival at reader", i + 1);
			state = *from;
			arrive(&state, reader, state.notes | state.fresh_notes);
			reach(&state, "the arrival, with new notes, at reader", i + 1);
			break;
		case LOOKS:
			serve(from, i, UPTO(reader->looked_to) & ~UPTO(reader->next - 1), reader->parts);
			break;
		case READY:
			if (mutant == NO_ROW_LOCK && state.position == reader->start)
				reader->phase = CHECKED;
			else
				apply(&state, reader);
			reach(&state, "the transaction of reader", i + 1);
			break;
		case CHECKED:
			apply(&state, reader);
			reach(&state, "the commit of reader", i + 1);
			break;
		case FOUND_LATE:
			apply_late(&state, reader);
			reach(&state, "a late commit applied by reader", i + 1);
			break;
	}
}

void
all_steps(const void *at)
{
	const State *from = at;
	State		state = *from;

	appender_steps(from);
	for (int i = 0; i < world->readers; i++)
		reader_steps(from, i);
	if (tick(&state))
		reach(&state, "a tick", 0);
}
