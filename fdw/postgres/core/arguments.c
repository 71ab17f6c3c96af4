/*
 * arguments.c: is a NULL among the arguments? See arguments.h.
 */
#include "postgres.h"

#include "postgres/core/arguments.h"

void
arguments_check_given(FunctionCallInfo fcinfo, const char *const *names, int count)
{
	for (int i = 0; i < count; i++)
		if (PG_ARGISNULL(i))
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("\"%s\" must not be NULL", names[i])));
}
