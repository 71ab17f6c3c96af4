/* How many requests are under way: near and far, while the service throttles, and afterwards. */
#include "unit.h"

#include "dynamodb/retry.h"
#include "dynamodb/window.h"

static void
a_throttle_halves_the_window_and_one_request_always_fits(void **state)
{
	Window		window;

	window_init(&window, 16);
	assert_int_equal(window.size, 16);
	window_throttled(&window, 10, 20);
	assert_int_equal(window.size, 8);
	for (int64_t at = 30; at < 300; at += 10)
		window_throttled(&window, at, at + 1);
	assert_int_equal(window.size, 1);
}

static void
requests_sent_together_narrow_it_once(void **state)
{
	Window		window;

	window_init(&window, 16);
	for (int64_t now = 20; now < 36; now++)
		window_throttled(&window, 10, now);
	assert_int_equal(window.size, 8);
}

static void
it_opens_again_by_one_after_some_rounds_of_successes(void **state)
{
	Window		window;
	int			successes[5] = {0};

	window_init(&window, 4);
	window_throttled(&window, 10, 20);
	for (int i = 0; i < 1000; i++)
	{
		successes[window.size]++;
		window_passed(&window, 5000, 30);
	}
	assert_true(successes[2] > 2);
	assert_int_equal(2 * successes[3], 3 * successes[2]);
	assert_int_equal(window.size, 4);
}

static void
a_limit_bounds_it_and_a_wider_one_opens_what_was_open(void **state)
{
	Window		window;

	window_init(&window, 16);
	window_limit(&window, 5);
	assert_int_equal(window.size, 5);
	window_limit(&window, 16);
	assert_int_equal(window.size, 16);
	window_throttled(&window, 10, 20);
	window_limit(&window, 12);
	assert_int_equal(window.size, 8);
	window_limit(&window, 0);
	assert_int_equal(window.size, 1);
}

/* A service, and a client that always has more to send. Times in µs. */
typedef struct Service
{
	int64_t		distance;		/* there and back */
	int64_t		work;			/* for an answer, one after the other; 0: as many at once as come */
	int			jitter_percent; /* of the distance, at most, at random */
	int64_t		hiccup;			/* all that is under way comes so much later, once in every second */
	double		rate;			/* requests a second that are not throttled; 0: all */
	double		burst;			/* … and so many at once */
} Service;

#define MOST_SLOTS 64

typedef struct Slot
{
	int64_t		due;			/* when its answer comes, or its next attempt goes out */
	int64_t		sent;
	int			attempts;		/* 0: it is free */
	bool		on_the_way;
	bool		throttled;
} Slot;

typedef struct Simulation
{
	Service		service;
	Window		window;
	Slot		slots[MOST_SLOTS];
	int64_t		now;
	int64_t		service_free;	/* when it has done what has come so far */
	double		tokens;
	int64_t		tokens_at;
	uint32_t	dice;
	int			busy;			/* slots that are not free */
	int			on_the_way;
	int			most;			/* of these, so far */
	int			given_up;		/* after as many attempts as max_attempts and a second chance allow */
	int			wide;			/* answers while the window was wider than usual */
} Simulation;

#define SIMULATED_ATTEMPTS 8

static double
roll(Simulation *simulation)
{
	simulation->dice = simulation->dice * 1664525u + 1013904223u;
	return simulation->dice / 4294967296.0;
}

static bool
token_taken(Simulation *simulation)
{
	const Service *service = &simulation->service;
	double		tokens = simulation->tokens + (double) (simulation->now - simulation->tokens_at) * service->rate / 1e6;

	if (service->rate == 0)
		return true;
	simulation->tokens_at = simulation->now;
	simulation->tokens = tokens > service->burst ? service->burst : tokens;
	if (simulation->tokens < 1)
		return false;
	simulation->tokens--;
	return true;
}

static void
slot_send(Simulation *simulation, Slot *slot)
{
	const Service *service = &simulation->service;
	int64_t		way = service->distance + (int64_t) ((double) service->distance * roll(simulation) * service->jitter_percent / 100);

	slot->attempts++;
	slot->on_the_way = true;
	slot->sent = simulation->now;
	slot->throttled = !token_taken(simulation);
	if (service->hiccup > 0 && (simulation->now + way) % 1000000 < service->distance)
		way += service->hiccup;
	slot->due = simulation->now + way;
	if (!slot->throttled)
	{
		simulation->service_free = (simulation->service_free > simulation->now ? simulation->service_free : simulation->now)
			+ service->work;
		slot->due = simulation->service_free + way;
	}
	if (++simulation->on_the_way > simulation->most)
		simulation->most = simulation->on_the_way;
	window_sent(&simulation->window, simulation->on_the_way);
}

static void
slot_free(Simulation *simulation, Slot *slot)
{
	memset(slot, 0, sizeof(*slot));
	simulation->busy--;
}

static void
slot_answered(Simulation *simulation, Slot *slot)
{
	Window	   *window = &simulation->window;
	int64_t		now_ms = simulation->now / 1000;

	slot->on_the_way = false;
	simulation->on_the_way--;
	simulation->wide += window->size > WINDOW_USUAL;
	if (!slot->throttled)
	{
		window_passed(window, simulation->now - slot->sent, now_ms);
		slot_free(simulation, slot);
		return;
	}
	window_throttled(window, slot->sent / 1000, now_ms);
	slot->due = simulation->now + 1000 * retry_delay_ms(RETRY_THROTTLING, slot->attempts % (SIMULATED_ATTEMPTS / 2) + 1, roll(simulation), -1);
	if (slot->attempts < SIMULATED_ATTEMPTS)
		return;
	simulation->given_up++;
	slot_free(simulation, slot);
}

static Slot *
next_slot(Simulation *simulation)
{
	Slot	   *next = NULL;

	for (int i = 0; i < MOST_SLOTS; i++)
		if (simulation->slots[i].attempts > 0 && (next == NULL || simulation->slots[i].due < next->due))
			next = &simulation->slots[i];
	return next;
}

static void
begin(Simulation *simulation, const Service *service, int max_connections)
{
	memset(simulation, 0, sizeof(*simulation));
	simulation->service = *service;
	simulation->tokens = service->burst;
	window_init(&simulation->window, max_connections);
}

/* How long it takes, ms, to have so many requests answered. */
static int
run(Simulation *simulation, int requests)
{
	int64_t		start = simulation->now;

	while (requests > 0 || simulation->busy > 0)
	{
		Slot	   *slot;

		for (int i = 0; simulation->busy < simulation->window.size && requests > 0; i++)
			if (simulation->slots[i].attempts == 0)
			{
				simulation->busy++;
				requests--;
				slot_send(simulation, &simulation->slots[i]);
			}
		slot = next_slot(simulation);
		simulation->now = slot->due;
		if (slot->on_the_way)
			slot_answered(simulation, slot);
		else
			slot_send(simulation, slot);
	}
	return (int) ((simulation->now - start) / 1000);
}

static int
time_of(Simulation *simulation, const Service *service, int max_connections, int requests)
{
	begin(simulation, service, max_connections);
	return run(simulation, requests);
}

static void
far_away_it_opens_as_far_as_it_may(void **state)
{
	const Service far_away = {.distance = 20000, .work = 240};
	Simulation	simulation;
	int			usual = time_of(&simulation, &far_away, 16, 10000);
	int			wide = time_of(&simulation, &far_away, 64, 10000);

	assert_int_equal(simulation.most, 64);
	assert_int_equal(simulation.window.size, 64);
	assert_true(wide * 5 <= usual * 2);
	time_of(&simulation, &far_away, 40, 10000);
	assert_int_equal(simulation.most, 40);
	time_of(&simulation, &far_away, 4, 1000);
	assert_int_equal(simulation.most, 4);
}

static void
answers_of_all_lengths_do_not_keep_it_narrow(void **state)
{
	const Service uneven = {.distance = 4000, .jitter_percent = 400};
	Simulation	simulation;

	time_of(&simulation, &uneven, 64, 20000);
	assert_int_equal(simulation.most, 64);
	assert_true(simulation.wide > 18000);
}

static void
moments_in_which_nothing_goes_on_do_not_keep_it_narrow(void **state)
{
	const Service far_away = {.distance = 20000, .hiccup = 100000};
	Simulation	simulation;
	int			usual = time_of(&simulation, &far_away, 16, 20000);
	int			wide = time_of(&simulation, &far_away, 64, 20000);

	assert_true(wide * 3 <= usual);
}

static void
near_by_more_under_way_would_not_help_and_costs_nothing(void **state)
{
	const Service engine = {.distance = 100, .work = 240};
	Simulation	simulation;
	int			usual = time_of(&simulation, &engine, 16, 20000);
	int			wide = time_of(&simulation, &engine, 64, 20000);

	assert_true(wide <= usual + usual / 100);
	assert_true(simulation.most <= 32);
	assert_true(simulation.wide < 20000 / 8);
}

/* A partition's thousand, or less, for one session: at the most a hundredth is lost to what is tried in vain. */
static void
a_partition_at_its_limit_takes_no_longer(void **state)
{
	const Service partitions[] = {
		{.distance = 500, .rate = 60, .burst = 60},
		{.distance = 5000, .rate = 200, .burst = 200},
		{.distance = 5000, .rate = 1000, .burst = 1000},
		{.distance = 20000, .rate = 300, .burst = 3000},
		{.distance = 20000, .rate = 1000, .burst = 1000},
		{.distance = 20000, .rate = 1000, .burst = 3000},
		{.distance = 20000, .rate = 2000, .burst = 2000},
		{.distance = 80000, .rate = 1000, .burst = 1000},
	};

	for (size_t i = 0; i < sizeof(partitions) / sizeof(partitions[0]); i++)
	{
		Simulation	simulation;
		int			usual = time_of(&simulation, &partitions[i], 16, 6000);
		int			wide = time_of(&simulation, &partitions[i], 64, 6000);

		assert_true(wide <= usual + usual / 100);
		assert_int_equal(simulation.given_up, 0);
	}
}

static void
it_comes_back_where_answers_begin_to_take_longer(void **state)
{
	Simulation	simulation;

	begin(&simulation, &(Service) {.distance = 20000, .work = 100}, 64);
	run(&simulation, 5000);
	assert_int_equal(simulation.window.size, 64);

	/* The service has become slow: more than some thirty at once wait there. */
	simulation.service.work = 1500;
	simulation.wide = 0;
	run(&simulation, 20000);
	assert_true(simulation.window.size <= 32);
	assert_true(simulation.wide < 5000);

	/* It is as it was. */
	simulation.service.work = 100;
	run(&simulation, 10000);
	assert_int_equal(simulation.window.size, 64);

	/* It has moved away: that is no reason. */
	simulation.service.distance = 60000;
	run(&simulation, 10000);
	assert_int_equal(simulation.window.size, 64);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_throttle_halves_the_window_and_one_request_always_fits),
		cmocka_unit_test(requests_sent_together_narrow_it_once),
		cmocka_unit_test(it_opens_again_by_one_after_some_rounds_of_successes),
		cmocka_unit_test(a_limit_bounds_it_and_a_wider_one_opens_what_was_open),
		cmocka_unit_test(far_away_it_opens_as_far_as_it_may),
		cmocka_unit_test(answers_of_all_lengths_do_not_keep_it_narrow),
		cmocka_unit_test(moments_in_which_nothing_goes_on_do_not_keep_it_narrow),
		cmocka_unit_test(near_by_more_under_way_would_not_help_and_costs_nothing),
		cmocka_unit_test(a_partition_at_its_limit_takes_no_longer),
		cmocka_unit_test(it_comes_back_where_answers_begin_to_take_longer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
