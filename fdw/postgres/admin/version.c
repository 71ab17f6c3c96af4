/*
 * version.c: what is it that runs here? For reports of faults.
 */
#include "postgres.h"

#include "fmgr.h"
#include "utils/builtins.h"

#include "dynamodb/versions.h"
#include "postgres/core/errors.h"

PG_FUNCTION_INFO_V1(dynamodb_es_version);

Datum
dynamodb_es_version(PG_FUNCTION_ARGS)
{
	ByteBuffer	libraries = {0};
	text	   *version;

	versions_write(&libraries);
	if (libraries.failed)
	{
		buffer_free(&libraries);
		report_out_of_memory();
	}
	version = cstring_to_text(psprintf("dynamodb_es %s, built for PostgreSQL %s, with %s", DYNAMODB_ES_VERSION, PG_VERSION,
									   libraries.data));
	buffer_free(&libraries);
	PG_RETURN_TEXT_P(version);
}
