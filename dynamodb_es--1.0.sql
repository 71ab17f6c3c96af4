\echo Use "CREATE EXTENSION dynamodb_es" to load this file. \quit

CREATE FUNCTION dynamodb_es_handler() RETURNS fdw_handler
	AS 'MODULE_PATHNAME' LANGUAGE C STRICT;

CREATE FUNCTION dynamodb_es_validator(text[], oid) RETURNS void
	AS 'MODULE_PATHNAME' LANGUAGE C STRICT;

CREATE FOREIGN DATA WRAPPER dynamodb_es
	HANDLER dynamodb_es_handler
	VALIDATOR dynamodb_es_validator;

COMMENT ON FOREIGN DATA WRAPPER dynamodb_es IS 'event stores in DynamoDB';

CREATE FUNCTION dynamodb_es_create_tables(foreign_table regclass) RETURNS void
	AS 'MODULE_PATHNAME' LANGUAGE C STRICT VOLATILE PARALLEL UNSAFE;

COMMENT ON FUNCTION dynamodb_es_create_tables(regclass) IS
	'creates what is missing of the DynamoDB tables of a foreign table and waits until they can be used';

CREATE FUNCTION dynamodb_es_drop_tables(foreign_table regclass) RETURNS void
	AS 'MODULE_PATHNAME' LANGUAGE C STRICT VOLATILE PARALLEL UNSAFE;

COMMENT ON FUNCTION dynamodb_es_drop_tables(regclass) IS
	'deletes the DynamoDB tables of a foreign table, with every commit in them';

CREATE FUNCTION dynamodb_es_head(foreign_table regclass) RETURNS bigint
	AS 'MODULE_PATHNAME' LANGUAGE C STRICT VOLATILE PARALLEL UNSAFE;

COMMENT ON FUNCTION dynamodb_es_head(regclass) IS 'the last commit id given out, 0 if none was';

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
	OUT table_bytes bigint
)
	AS 'MODULE_PATHNAME' LANGUAGE C STRICT VOLATILE PARALLEL UNSAFE;

COMMENT ON FUNCTION dynamodb_es_status(regclass) IS
	'state of the DynamoDB tables of a foreign table; item_count and table_bytes are DynamoDB''s own estimates, hours old';

CREATE FUNCTION dynamodb_es_connections(
	OUT server_name text,
	OUT user_name text,
	OUT endpoint text,
	OUT region text,
	OUT in_flight integer,
	OUT idle integer,
	OUT in_use boolean,
	OUT valid boolean
) RETURNS SETOF record
	AS 'MODULE_PATHNAME' LANGUAGE C STRICT VOLATILE PARALLEL RESTRICTED;

COMMENT ON FUNCTION dynamodb_es_connections() IS
	'what this session holds open: requests in flight and idle connections for each server and user mapping';

CREATE FUNCTION dynamodb_es_disconnect_all() RETURNS boolean
	AS 'MODULE_PATHNAME' LANGUAGE C STRICT VOLATILE PARALLEL RESTRICTED;

COMMENT ON FUNCTION dynamodb_es_disconnect_all() IS
	'closes what this session holds open and does not use; true if there was something';

CREATE FUNCTION dynamodb_es_stats(
	OUT server_name text,
	OUT requests bigint,
	OUT retries bigint,
	OUT throttles bigint,
	OUT bytes_sent bigint,
	OUT bytes_received bigint,
	OUT read_units double precision,
	OUT write_units double precision
) RETURNS SETOF record
	AS 'MODULE_PATHNAME' LANGUAGE C STRICT VOLATILE PARALLEL RESTRICTED;

COMMENT ON FUNCTION dynamodb_es_stats() IS 'what this session has sent to each server since it began, and what that cost';

-- The two that make and delete tables are for the owner of the foreign table alone; the functions check that themselves.
