/*
 * clock.c: what time is it at the server? See clock.h.
 */
#include "aws/clock.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define LARGEST_IGNORED_MS (4 * 60 * 1000)
#define LONGEST_ROUND_TRIP_MS (15 * 60 * 1000)

static const char *const explained_codes[] = {
	"InvalidSignatureException",
	"SignatureDoesNotMatch",
	"AuthFailure",
	"RequestTimeTooSkewed",
	"AccessDeniedException",
};

void
clock_init(ServerClock *clock)
{
	const char *disabled = getenv("AWS_DISABLE_CLOCK_SKEW_CORRECTION");

	memset(clock, 0, sizeof(*clock));
	clock->fixed = disabled != NULL && strcasecmp(disabled, "true") == 0;
}

int64_t
clock_machine_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t) now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t
clock_now_ms(const ServerClock *clock)
{
	return clock_machine_ms() + clock->offset_ms;
}

time_t
clock_now(const ServerClock *clock)
{
	return (time_t) (clock_now_ms(clock) / 1000);
}

int64_t
clock_stamp(ServerClock *clock)
{
	int64_t		now = clock_now_ms(clock);

	if (now > clock->latest_stamp_ms)
		clock->latest_stamp_ms = now;
	return clock->latest_stamp_ms;
}

void
clock_keep_stamp(ServerClock *clock, int64_t stamp_ms)
{
	if (stamp_ms > clock->latest_stored_ms)
		clock->latest_stored_ms = stamp_ms;
}

void
clock_drop_stamps(ServerClock *clock)
{
	clock->latest_stamp_ms = clock->latest_stored_ms;
}

void
clock_observe(ServerClock *clock, const HttpAnswer *answer)
{
	int64_t		round_trip = answer->received_ms - answer->sent_ms;
	int64_t		skew = answer->date_ms - (answer->sent_ms + round_trip / 2);
	int64_t		change = skew - clock->offset_ms;

	if (clock->fixed || answer->date_ms < 0 || answer->has_age || answer->sent_ms == 0 || round_trip < 0
		|| round_trip > LONGEST_ROUND_TRIP_MS)
		return;
	/*
	 * The server wrote its time somewhere within the round trip. An answer that was asked for ahead may have lain
	 * unread for minutes, and half of them must not pass for skew.
	 */
	if ((change < 0 ? -change : change) > LARGEST_IGNORED_MS + round_trip / 2)
		clock->offset_ms = skew;
}

bool
clock_explains(const char *error_code)
{
	for (size_t i = 0; i < sizeof(explained_codes) / sizeof(explained_codes[0]); i++)
		if (strcmp(error_code, explained_codes[i]) == 0)
			return true;
	return false;
}
