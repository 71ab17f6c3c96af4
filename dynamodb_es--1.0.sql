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

-- The two that make and delete tables are for the owner of the foreign table alone; the functions check that themselves.
