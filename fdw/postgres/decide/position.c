/*
 * position.c: can a store be at it?
 */
#include "postgres.h"

#include "postgres/decide/position.h"

void
position_check(int64 position)
{
	if (position < 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("a commit id cannot be " INT64_FORMAT, position),
				 errdetail("Commit ids start at 1; 0 is a store without commits.")));
}
