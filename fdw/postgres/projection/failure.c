/*
 * failure.c: what follows from an error of a batch?
 */
#include "postgres.h"

#include "common/pg_prng.h"
#include "utils/timestamp.h"

#include "aws/http.h"
#include "postgres/projection/failure.h"

/* After an error: 1 s, 2 s, 4 s …, up to 5 min. */
#define FIRST_PAUSE_MS 1000
#define LONGEST_PAUSE_MS 300000

/* How often a race is lost before it is an error, and with until_caught_up an error that may pass before it is given up. */
#define RACES_IN_SILENCE 6
#define TRIES_TO_CATCH_UP 5

/* An error that will pass by itself; else the handler, or the store, has to be looked at. */
static bool
is_passing(int sqlstate)
{
	switch (ERRCODE_TO_CATEGORY(sqlstate))
	{
		case ERRCODE_CONNECTION_EXCEPTION:
		case ERRCODE_INSUFFICIENT_RESOURCES:
		case ERRCODE_OPERATOR_INTERVENTION:
		case ERRCODE_TRANSACTION_ROLLBACK:
		case ERRCODE_FDW_ERROR:
		case ERRCODE_INVALID_AUTHORIZATION_SPECIFICATION:
			return true;
		default:
			return sqlstate == ERRCODE_LOCK_NOT_AVAILABLE;
	}
}

/* Half the batch at once, until it is one commit. */
static void
halve(ProjectionSession *session)
{
	session->limit = Max(session->last_count / 2, 1);
	session->due_at = http_now_ms();
}

static char *
text_of_error(const ProjectionSession *session, const ErrorData *error)
{
	char	   *string = session->failing == NULL ? error->message : psprintf("%s: %s", session->failing, error->message);

	return error->detail == NULL ? string : psprintf("%s\n%s", string, error->detail);
}

static int64
pause_ms(const ProjectionSession *session)
{
	return Min((int64) FIRST_PAUSE_MS << Min(session->failures - 1, 20), LONGEST_PAUSE_MS);
}

/* Others that move the same projection, or write the same rows, are no fault as long as that does not go on. */
static bool
is_a_race(const ProjectionSession *session, const ErrorData *error)
{
	return ERRCODE_TO_CATEGORY(error->sqlerrcode) == ERRCODE_TRANSACTION_ROLLBACK &&
		session->failures <= RACES_IN_SILENCE;
}

bool
failure_plan(ProjectionSession *session, const ErrorData *error)
{
	session->growth = 1;
	if (session->failing != NULL && !session->fails_alone && !is_passing(error->sqlerrcode))
	{
		halve(session);
		return false;
	}
	session->failures++;
	if (is_a_race(session, error))
	{
		session->due_at = http_now_ms() + pg_prng_uint64_range(&pg_global_prng_state, 1, 10 << session->failures);
		return false;
	}
	session->due_at = http_now_ms() + pause_ms(session);
	session->error = error->sqlerrcode;
	if (!is_passing(error->sqlerrcode) || session->failures >= TRIES_TO_CATCH_UP)
		session->is_at_end = true;
	return true;
}

void
failure_record(const ProjectionSession *session, const ErrorData *error)
{
	bool		stopped = !is_passing(error->sqlerrcode);
	char	   *string = text_of_error(session, error);

	projection_fail(session->name, string, stopped, TimestampTzPlusMilliseconds(GetCurrentTimestamp(), pause_ms(session)));
	ereport(WARNING, (errcode(error->sqlerrcode),
					  stopped ? errmsg("projection \"%s\" has stopped", session->name)
					  : errmsg("projection \"%s\" waits", session->name),
					  errdetail_internal("%s", string),
					  errhint("It is tried again in %d s.", (int) (pause_ms(session) / 1000))));
}
