\echo Use "ALTER EXTENSION dynamodb_es UPDATE TO '1.1'" to load this file. \quit

-- A new column. What depends on the function, such as a view, has to be dropped before, and made again after.
DROP FUNCTION dynamodb_es_status(regclass);

CREATE FUNCTION dynamodb_es_status(
	foreign_table regclass,
	OUT commit_table text,
	OUT commit_table_status text,
	OUT commit_index text,
	OUT commit_index_status text,
	OUT counter_table text,
	OUT counter_table_status text,
	OUT head bigint,
	OUT item_count bigint,
	OUT table_bytes bigint,
	OUT max_commit_id bigint
)
	AS 'MODULE_PATHNAME' LANGUAGE C STRICT VOLATILE PARALLEL UNSAFE;

COMMENT ON FUNCTION dynamodb_es_status(regclass) IS
	'state of the DynamoDB tables of a foreign table; item_count and table_bytes are DynamoDB''s own estimates, hours old';

CREATE FUNCTION dynamodb_es_set_head(foreign_table regclass, head bigint) RETURNS bigint
	AS 'MODULE_PATHNAME' LANGUAGE C STRICT VOLATILE PARALLEL UNSAFE;

COMMENT ON FUNCTION dynamodb_es_set_head(regclass, bigint) IS
	'raises the counter of a store to a commit id, and returns what it is at; it is never lowered';

CREATE FUNCTION dynamodb_es_check(
	foreign_table regclass,
	deep boolean DEFAULT false,
	OUT severity text,
	OUT what text,
	OUT "where" text,
	OUT hint text
) RETURNS SETOF record
	AS 'MODULE_PATHNAME' LANGUAGE C STRICT VOLATILE PARALLEL UNSAFE;

COMMENT ON FUNCTION dynamodb_es_check(regclass, boolean) IS
	'what is wrong with a store, a row for each finding; deep: with each of its commits, which reads all of them twice';

-- Likewise.
DROP FUNCTION dynamodb_es_stats();

CREATE FUNCTION dynamodb_es_stats(
	OUT server_name text,
	OUT requests bigint,
	OUT retries bigint,
	OUT throttles bigint,
	OUT bytes_sent bigint,
	OUT bytes_received bigint,
	OUT read_units double precision,
	OUT write_units double precision,
	OUT requests_abandoned bigint
) RETURNS SETOF record
	AS 'MODULE_PATHNAME' LANGUAGE C STRICT VOLATILE PARALLEL RESTRICTED;

COMMENT ON FUNCTION dynamodb_es_stats() IS 'what this session has sent to each server since it began, and what that cost';
