/*
 * decide_model.c: can any order of events let through two appends of which one had to be refused, or make one of them be told what is
 * not so? A search through all states of a small dense store with a few conditional appends.
 *
 * The rules are those of dynamodb_es_append, of store/dense.h and of store/transaction.h. Each appender has one commit to append, on condition that fewer than
 * `limit` commits that count came after id 0: with 1 that is a name that only one may have, with 2 a quota of two. Commits of `neutral` appenders
 * do not count, and have no condition. What is put moves the counter by one, if that is what was expected; requests and answers may be lost, late
 * and doubled. The index shows commits in any order, some time later.
 *
 * What is looked for is in the texts below. Each rule is then left out once, and the search must find what that breaks.
 *
 * Simpler than the code: one commit an append; two attempts of a request; no versions, so that no request fails for another reason.
 *
 * usage: decide_model --list | [--trace] NAME
 */
#include "search.h"

#define MOST_APPENDERS 3
#define MOST_IDS 6				/* of mutants, which may append twice */
#define ATTEMPTS 2

#define TOO_MANY "more are stored than the condition allows"
#define DOUBLE "an append is stored twice"
#define UNTRUE "an append that was told to be stored is not"
#define STORED_ALL_THE_SAME "an append that was told to be refused is stored"
#define UNFOUNDED "an append was refused, and nothing stands in its way"
#define STUCK "an append is never told anything"

typedef enum Mutant
{
	NONE,
	INDEX_AS_IT_IS,				/* ids that are not visible are taken for none */
	LATER_HEAD,					/* tried under what the counter has by then, not under what was read up to */
	ONLY_NEW,					/* only what came since the last try is asked about */
	UNCONDITIONAL,				/* a lost race is tried anew without a look */
	TOKEN_OF_ATTEMPT,			/* each attempt has a token of its own */
	TOKEN_FORGOTTEN,			/* sent again when DynamoDB has forgotten the token */
	UNKNOWN_IS_REFUSED			/* an append whose answers are lost is told to be refused */
} Mutant;

typedef struct World
{
	int			appenders;
	int			neutral;		/* the last ones of them */
	int			limit;
} World;

typedef enum Phase
{
	IDLE,
	SENT,
	READS,						/* what came, up to `target` */
	TOLD_STORED,
	TOLD_REFUSED,
	TOLD_UNKNOWN
} Phase;

typedef struct Appender
{
	uint8_t		phase;
	uint8_t		expected;
	uint8_t		target;
	uint8_t		known;			/* each id up to it was read */
	uint8_t		count;			/* of them, those that count */
	uint8_t		attempts;
	uint8_t		carried;		/* the request's token was carried out */
	uint8_t		flying;			/* copies of the request that have not arrived */
	uint8_t		strays;			/* copies of requests before it */
	uint8_t		stray_expected;	/* of the last of them */
	uint8_t		stray_carried;
} Appender;

/* Only bytes: it is compared as a whole. */
typedef struct State
{
	uint8_t		head;
	uint8_t		owner[MOST_IDS + 1];	/* by id: an appender, from 1 on */
	uint8_t		visible;		/* in the index: bits */
	Appender	appender[MOST_APPENDERS];
} State;

static const World *world;
static Mutant mutant;
static bool has_steps;

static void
step(const State *state, const char *what, int id)
{
	has_steps = true;
	reach(state, what, id);
}

static bool
counts(int appender)
{
	return appender < world->appenders - world->neutral;
}

static bool
is_told(const Appender *appender)
{
	return appender->phase >= TOLD_STORED;
}

/* A copy arrives at the engine. true: it is, or was, carried out. */
static bool
arrive(State *state, int i, uint8_t expected, uint8_t *carried)
{
	if (*carried && mutant != TOKEN_FORGOTTEN)
		return true;
	if (state->head != expected || state->head == MOST_IDS)
		return false;
	state->owner[++state->head] = (uint8_t) (i + 1);
	*carried = true;
	return true;
}

/* The next transaction, under what is known by now. What is on its way of the last one may still arrive. */
static void
send(State *state, int i, uint8_t expected)
{
	Appender   *appender = &state->appender[i];

	if (appender->flying > 0)
	{
		appender->strays = appender->flying;
		appender->stray_expected = appender->expected;
		appender->stray_carried = appender->carried;
	}
	appender->phase = SENT;
	appender->expected = expected;
	appender->attempts = 1;
	appender->flying = 1;
	appender->carried = false;
}

/* The counter has another value: to be read up to it. */
static void
lose_race(State *state, int i)
{
	Appender   *appender = &state->appender[i];

	if (!counts(i) || mutant == UNCONDITIONAL)
	{
		send(state, i, state->head);
		return;
	}
	appender->phase = READS;
	appender->target = state->head;
	if (mutant == ONLY_NEW)
		appender->count = 0;
}

static void
decide(State *state, int i)
{
	Appender   *appender = &state->appender[i];

	if (appender->count >= world->limit)
		appender->phase = TOLD_REFUSED;
	else
		send(state, i, mutant == LATER_HEAD ? state->head : appender->target);
}

/* One read of the index. */
static void
read_index(const State *from, int i)
{
	State		state = *from;
	Appender   *appender = &state.appender[i];

	while (appender->known < appender->target)
	{
		int			id = appender->known + 1;
		bool		is_visible = (state.visible >> id & 1) != 0;

		if (!is_visible && mutant != INDEX_AS_IT_IS)
			break;
		appender->known++;
		appender->count += is_visible && counts(state.owner[id] - 1);
	}
	if (appender->known == appender->target)
		decide(&state, i);
	else if (appender->known == from->appender[i].known)
		return;					/* it has to be read again */
	step(&state, "reads what came, appender", i + 1);
}

/* A copy of the request arrives; its answer does so too, or is lost. */
static void
request_arrives(const State *from, int i)
{
	State		state = *from;
	Appender   *appender = &state.appender[i];
	bool		is_stored = arrive(&state, i, appender->expected, &appender->carried);

	appender->flying--;
	step(&state, "carried out or refused, and the answer is lost, appender", i + 1);
	if (appender->phase != SENT)
		return;
	if (is_stored)
		appender->phase = TOLD_STORED;
	else
		lose_race(&state, i);
	step(&state, is_stored ? "stored, appender" : "loses a race, appender", i + 1);
}

static void
stray_arrives(const State *from, int i)
{
	State		state = *from;
	Appender   *appender = &state.appender[i];

	appender->strays--;
	(void) arrive(&state, i, appender->stray_expected, &appender->stray_carried);
	step(&state, "a copy from before arrives, appender", i + 1);
}

/* No answer comes. */
static void
time_out(const State *from, int i)
{
	State		state = *from;
	Appender   *appender = &state.appender[i];

	if (appender->attempts == ATTEMPTS)
		appender->phase = mutant == UNKNOWN_IS_REFUSED ? TOLD_REFUSED : TOLD_UNKNOWN;
	else if (mutant == TOKEN_OF_ATTEMPT)
	{
		send(&state, i, appender->expected);
		appender->attempts = ATTEMPTS;
	}
	else
	{
		appender->attempts++;
		appender->flying++;
	}
	step(&state, "hears nothing, appender", i + 1);
}

static void
begin_append(const State *from, int i)
{
	State		state = *from;

	send(&state, i, 0);
	step(&state, "sends, appender", i + 1);
}

/* It has waited for its turn, and so begins with a look at what the index shows by then. */
static void
look_first(const State *from, int i)
{
	State		state = *from;
	Appender   *appender = &state.appender[i];

	while (appender->known < state.head && (state.visible >> (appender->known + 1) & 1))
		appender->count += counts(state.owner[++appender->known] - 1);
	appender->target = appender->known;
	decide(&state, i);
	step(&state, "looks first, appender", i + 1);
}

static void
show_commits(const State *from)
{
	for (int id = 1; id <= from->head; id++)
	{
		State		state = *from;

		if (state.visible >> id & 1)
			continue;
		state.visible |= (uint8_t) (1 << id);
		step(&state, "becomes visible: id", id);
	}
}

static void
all_steps(const void *at)
{
	const State *from = at;
	bool		all_told = true;

	has_steps = false;
	for (int i = 0; i < world->appenders; i++)
	{
		const Appender *appender = &from->appender[i];

		if (appender->phase == IDLE)
			begin_append(from, i);
		if (appender->phase == IDLE && counts(i))
			look_first(from, i);
		if (appender->phase == SENT)
			time_out(from, i);
		if (appender->phase == READS)
			read_index(from, i);
		if (appender->flying > 0)
			request_arrives(from, i);
		if (appender->strays > 0)
			stray_arrives(from, i);
		all_told = all_told && is_told(appender);
	}
	show_commits(from);
	find(!has_steps && !all_told, STUCK);
}

static void
check_state(const void *at)
{
	const State *state = at;
	int			stored[MOST_APPENDERS] = {0};
	int			counted = 0;

	for (int id = 1; id <= state->head; id++)
	{
		stored[state->owner[id] - 1]++;
		counted += counts(state->owner[id] - 1);
	}
	for (int i = 0; i < world->appenders; i++)
	{
		int			phase = state->appender[i].phase;

		find(phase == TOLD_REFUSED && stored[i] > 0, STORED_ALL_THE_SAME);
		find(stored[i] > 1, DOUBLE);
		find(phase == TOLD_STORED && stored[i] == 0, UNTRUE);
		find(phase == TOLD_REFUSED && counted < world->limit, UNFOUNDED);
	}
	find(counted > world->limit, TOO_MANY);
}

static const World names = {.appenders = 2, .limit = 1};
static const World names_and_others = {.appenders = 3, .neutral = 1, .limit = 1};
static const World quota = {.appenders = 3, .limit = 2};

static const Check checks[] = {
	{"rules: a name", &names, NONE, NULL},
	{"rules: a name, and appends that do not count", &names_and_others, NONE, NULL},
	{"rules: a quota", &quota, NONE, NULL},
	{"mutant: the index as it is", &names, INDEX_AS_IT_IS, TOO_MANY},
	{"mutant: the counter's value by then", &names_and_others, LATER_HEAD, TOO_MANY},
	{"mutant: only what came since the last try", &quota, ONLY_NEW, TOO_MANY},
	{"mutant: tried anew without a look", &names, UNCONDITIONAL, TOO_MANY},
	{"mutant: a token for each attempt", &names, TOKEN_OF_ATTEMPT, STORED_ALL_THE_SAME},
	{"mutant: a token that is forgotten", &names, TOKEN_FORGOTTEN, STORED_ALL_THE_SAME},
	{"mutant: unknown is told as refused", &names, UNKNOWN_IS_REFUSED, UNFOUNDED},
};

static void
begin(const Check *check)
{
	static const Model model = {.size = sizeof(State), .check = check_state, .steps = all_steps};
	State		first = {0};

	world = check->world;
	mutant = (Mutant) check->mutant;
	search(&model, &first);
}

int
main(int argc, char **argv)
{
	return search_main(argc, argv, checks, sizeof(checks) / sizeof(checks[0]), begin);
}
