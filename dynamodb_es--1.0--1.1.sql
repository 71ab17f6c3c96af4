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
	AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE PARALLEL UNSAFE;

COMMENT ON FUNCTION dynamodb_es_set_head(regclass, bigint) IS
	'raises the counter of a store to a commit id, and returns what it is at; it is never lowered';

CREATE FUNCTION dynamodb_es_first_commit(foreign_table regclass, at timestamptz) RETURNS bigint
	AS 'MODULE_PATHNAME' LANGUAGE C STRICT VOLATILE PARALLEL UNSAFE;

COMMENT ON FUNCTION dynamodb_es_first_commit(regclass, timestamptz) IS
	'the id of the first commit at a moment or after it, NULL if there is none; for tables with committed_at_slack_ms';

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

-- Counts of the whole server. The functions show each caller what pg_stat_activity would.
CREATE FUNCTION dynamodb_es_stat(
	OUT database_name text,
	OUT server_name text,
	OUT role_name text,
	OUT operation text,
	OUT requests bigint,
	OUT retries bigint,
	OUT throttles bigint,
	OUT requests_abandoned bigint,
	OUT conflicts bigint,
	OUT unknown_fates bigint,
	OUT read_units double precision,
	OUT write_units double precision,
	OUT estimated_price double precision,
	OUT bytes_sent bigint,
	OUT bytes_received bigint,
	OUT wait_ms double precision,
	OUT since timestamptz
) RETURNS SETOF record
	AS 'MODULE_PATHNAME' LANGUAGE C STRICT VOLATILE PARALLEL RESTRICTED;

COMMENT ON FUNCTION dynamodb_es_stat() IS 'the rows of the view dynamodb_es_stat';

CREATE VIEW dynamodb_es_stat AS SELECT * FROM dynamodb_es_stat();

COMMENT ON VIEW dynamodb_es_stat IS
	'what the whole server has sent to DynamoDB, by database, server, role and operation; without names: all others';

COMMENT ON COLUMN dynamodb_es_stat.database_name IS 'whose sessions sent the requests; NULL in the row of all others';
COMMENT ON COLUMN dynamodb_es_stat.server_name IS 'the last name of the server that they went to';
COMMENT ON COLUMN dynamodb_es_stat.role_name IS 'whose right and user mapping they went by';
COMMENT ON COLUMN dynamodb_es_stat.operation IS 'DynamoDB''s, such as Query';
COMMENT ON COLUMN dynamodb_es_stat.requests IS 'that were sent, retries included';
COMMENT ON COLUMN dynamodb_es_stat.retries IS 'requests that were sent again';
COMMENT ON COLUMN dynamodb_es_stat.throttles IS 'answers that said that it is too much';
COMMENT ON COLUMN dynamodb_es_stat.requests_abandoned IS 'requests that were given up, as by a cancel';
COMMENT ON COLUMN dynamodb_es_stat.conflicts IS 'appends that ended with 23505';
COMMENT ON COLUMN dynamodb_es_stat.unknown_fates IS 'appends of which nobody knows whether they were stored';
COMMENT ON COLUMN dynamodb_es_stat.read_units IS 'capacity units of reads, as the answers say';
COMMENT ON COLUMN dynamodb_es_stat.write_units IS 'capacity units of writes, as the answers say';
COMMENT ON COLUMN dynamodb_es_stat.estimated_price IS 'by the settings of who asks; NULL where no price is set';
COMMENT ON COLUMN dynamodb_es_stat.bytes_sent IS 'of request bodies';
COMMENT ON COLUMN dynamodb_es_stat.bytes_received IS 'of answers'' bodies, as they came';
COMMENT ON COLUMN dynamodb_es_stat.wait_ms IS 'for how long backends have waited for this operation';
COMMENT ON COLUMN dynamodb_es_stat.since IS 'since when the row counts';

GRANT SELECT ON dynamodb_es_stat TO PUBLIC;

CREATE FUNCTION dynamodb_es_stat_statements(
	OUT database_name text,
	OUT role_name text,
	OUT queryid bigint,
	OUT executions bigint,
	OUT requests bigint,
	OUT read_units double precision,
	OUT write_units double precision,
	OUT estimated_price double precision,
	OUT wait_ms double precision,
	OUT since timestamptz
) RETURNS SETOF record
	AS 'MODULE_PATHNAME' LANGUAGE C STRICT VOLATILE PARALLEL RESTRICTED;

COMMENT ON FUNCTION dynamodb_es_stat_statements() IS 'the rows of the view dynamodb_es_stat_statements';

CREATE VIEW dynamodb_es_stat_statements AS SELECT * FROM dynamodb_es_stat_statements();

COMMENT ON VIEW dynamodb_es_stat_statements IS
	'what statements have cost in DynamoDB, by database, role and query identifier; without names: all others';

COMMENT ON COLUMN dynamodb_es_stat_statements.database_name IS 'whose sessions ran the statement; NULL in the row of all others';
COMMENT ON COLUMN dynamodb_es_stat_statements.role_name IS 'who ran it';
COMMENT ON COLUMN dynamodb_es_stat_statements.queryid IS 'as pg_stat_activity shows it; what functions and triggers do is part of the statement that the client sent';
COMMENT ON COLUMN dynamodb_es_stat_statements.executions IS 'that sent a request, those that failed included';
COMMENT ON COLUMN dynamodb_es_stat_statements.requests IS 'that were sent, retries included';
COMMENT ON COLUMN dynamodb_es_stat_statements.read_units IS 'capacity units of reads, as the answers say';
COMMENT ON COLUMN dynamodb_es_stat_statements.write_units IS 'capacity units of writes, as the answers say';
COMMENT ON COLUMN dynamodb_es_stat_statements.estimated_price IS 'by the settings of who asks; NULL where no price is set';
COMMENT ON COLUMN dynamodb_es_stat_statements.wait_ms IS 'for how long backends have waited';
COMMENT ON COLUMN dynamodb_es_stat_statements.since IS 'since when the row counts';

GRANT SELECT ON dynamodb_es_stat_statements TO PUBLIC;

CREATE FUNCTION dynamodb_es_stat_reset() RETURNS void
	AS 'MODULE_PATHNAME' LANGUAGE C STRICT VOLATILE PARALLEL UNSAFE;

COMMENT ON FUNCTION dynamodb_es_stat_reset() IS
	'sets the counts of dynamodb_es_stat and dynamodb_es_stat_statements back, of all roles and databases';

REVOKE EXECUTE ON FUNCTION dynamodb_es_stat_reset() FROM PUBLIC;

-- Projections. The tables are read and written by the functions below alone; who may see what, the view says.
CREATE TABLE dynamodb_es_projection (
	name text PRIMARY KEY,
	handler text NOT NULL,			-- schema.function(schema.table[]), looked up for each batch
	owner text NOT NULL,			-- whose it was last; counts only while there is no such function
	position bigint NOT NULL,
	last_commit_id bigint,			-- of the last commit that was applied
	last_aggregate_id text,
	last_version bigint,
	batch_size integer NOT NULL,
	poll_interval interval NOT NULL,
	gap_timeout interval NOT NULL,
	enabled boolean NOT NULL,
	restored boolean NOT NULL DEFAULT false,
	started_at timestamptz,			-- a session's first batch is under way since then
	starts integer NOT NULL DEFAULT 0,	-- how many sessions have ended in their first batch, one after the other
	seen bigint,
	waiting_for int8range,
	waiting_since timestamptz,
	applied_at timestamptz,
	applied bigint NOT NULL DEFAULT 0,
	passed bigint NOT NULL DEFAULT 0,
	late bigint NOT NULL DEFAULT 0,
	out_of_order bigint NOT NULL DEFAULT 0,
	stopped boolean NOT NULL DEFAULT false,	-- the last error will not pass by itself
	last_error text,
	failed_at timestamptz,
	next_try timestamptz
) WITH (fillfactor = 50);

COMMENT ON TABLE dynamodb_es_projection IS 'positions of projections; see the view dynamodb_es_projections';

CREATE TABLE dynamodb_es_passed (
	projection text NOT NULL,
	ids int8range NOT NULL,
	passed_at timestamptz NOT NULL,
	next_look timestamptz,			-- NULL: it is not looked for any more
	looks integer NOT NULL DEFAULT 0,
	fate text NOT NULL CHECK (fate IN ('open', 'late', 'skipped', 'expired')),
	by_role text NOT NULL
);

CREATE INDEX ON dynamodb_es_passed (projection);

COMMENT ON TABLE dynamodb_es_passed IS 'commit ids that projections have passed without a commit';

SELECT pg_catalog.pg_extension_config_dump('dynamodb_es_projection', '');
SELECT pg_catalog.pg_extension_config_dump('dynamodb_es_passed', '');

-- Rows that these functions have not inserted come from a dump.
CREATE FUNCTION dynamodb_es_projection_restored() RETURNS trigger
	AS 'MODULE_PATHNAME' LANGUAGE C;

COMMENT ON FUNCTION dynamodb_es_projection_restored() IS 'disables projections that are restored from a dump';

CREATE TRIGGER restored BEFORE INSERT ON dynamodb_es_projection
	FOR EACH ROW EXECUTE FUNCTION dynamodb_es_projection_restored();

CREATE FUNCTION dynamodb_es_projection_handler(handler text) RETURNS regprocedure
	AS 'MODULE_PATHNAME' LANGUAGE C STRICT STABLE PARALLEL SAFE;

COMMENT ON FUNCTION dynamodb_es_projection_handler(text) IS 'the function of that name and arguments; NULL: there is none';

CREATE FUNCTION dynamodb_es_create_projection(
	name text,
	handler regproc,
	start_after bigint DEFAULT 0,
	batch_size integer DEFAULT 1000,
	poll_interval interval DEFAULT '1 s',
	gap_timeout interval DEFAULT '30 s',
	enabled boolean DEFAULT true
) RETURNS void
	AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE PARALLEL UNSAFE;

COMMENT ON FUNCTION dynamodb_es_create_projection(text, regproc, bigint, integer, interval, interval, boolean) IS
	'makes a projection: each commit after the position is given to the handler once, in the order of commit ids';

CREATE FUNCTION dynamodb_es_alter_projection(
	name text,
	handler regproc DEFAULT NULL,
	batch_size integer DEFAULT NULL,
	poll_interval interval DEFAULT NULL,
	gap_timeout interval DEFAULT NULL,
	enabled boolean DEFAULT NULL
) RETURNS void
	AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE PARALLEL UNSAFE;

COMMENT ON FUNCTION dynamodb_es_alter_projection(text, regproc, integer, interval, interval, boolean) IS
	'changes a projection; what is NULL stays as it is';

CREATE FUNCTION dynamodb_es_drop_projection(name text) RETURNS void
	AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE PARALLEL UNSAFE;

COMMENT ON FUNCTION dynamodb_es_drop_projection(text) IS 'drops a projection; what it has written stays';

CREATE FUNCTION dynamodb_es_reset(name text, "position" bigint DEFAULT 0) RETURNS void
	AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE PARALLEL UNSAFE;

COMMENT ON FUNCTION dynamodb_es_reset(text, bigint) IS 'has a projection go on after that commit id; what it has written stays';

CREATE FUNCTION dynamodb_es_skip(name text, commit_id bigint) RETURNS void
	AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE PARALLEL UNSAFE;

COMMENT ON FUNCTION dynamodb_es_skip(text, bigint) IS
	'has a projection leave out one commit that it has not applied yet, and records who said so';

CREATE FUNCTION dynamodb_es_run(name text) RETURNS bigint
	AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE PARALLEL UNSAFE;

COMMENT ON FUNCTION dynamodb_es_run(text) IS
	'applies one batch of a projection in this transaction, and returns how many commits it had; 0: there was nothing new';

CREATE PROCEDURE dynamodb_es_follow(name text DEFAULT NULL, until_caught_up boolean DEFAULT false)
	AS 'MODULE_PATHNAME' LANGUAGE C;

COMMENT ON PROCEDURE dynamodb_es_follow(text, boolean) IS
	'applies batch after batch, each in a transaction of its own; without a name, of all projections that the user owns';

CREATE FUNCTION dynamodb_es_wait_for(name text, commit_id bigint, timeout interval DEFAULT '5 s') RETURNS boolean
	AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE PARALLEL UNSAFE;

COMMENT ON FUNCTION dynamodb_es_wait_for(text, bigint, interval) IS
	'waits until a projection has applied all up to that commit id; false: it has not by then';

CREATE VIEW dynamodb_es_projections WITH (security_barrier) AS
	SELECT p.name,
		coalesce(pg_catalog.pg_get_userbyid(h.proowner), p.owner) AS owner,
		t.typrelid::pg_catalog.regclass AS source,
		p.handler,
		p.enabled,
		CASE
			WHEN p.restored THEN 'restored'
			WHEN NOT p.enabled OR h.oid IS NULL OR p.stopped THEN 'stopped'
			WHEN NOT EXISTS (
				SELECT FROM pg_catalog.pg_locks l
				WHERE l.locktype = 'advisory' AND l.objsubid = 4
					AND l.database = (SELECT d.oid FROM pg_catalog.pg_database d WHERE d.datname = pg_catalog.current_database())
					AND (l.classid::bigint << 32) | l.objid::bigint = pg_catalog.hashtextextended(p.name COLLATE "C", 0)
			) THEN 'no worker'
			WHEN p.last_error IS NOT NULL OR p.waiting_for IS NOT NULL THEN 'waiting'
			ELSE 'running'
		END AS state,
		p."position",
		p.seen,
		p.waiting_for,
		p.waiting_since,
		p.applied_at,
		p.applied,
		p.passed,
		p.late,
		p.out_of_order,
		p.last_error,
		p.failed_at,
		p.next_try
	FROM dynamodb_es_projection p
	LEFT JOIN pg_catalog.pg_proc h ON h.oid = dynamodb_es_projection_handler(p.handler)::oid
	LEFT JOIN pg_catalog.pg_type a ON a.oid = h.proargtypes[0]
	LEFT JOIN pg_catalog.pg_type t ON t.oid = a.typelem
	WHERE CASE
		WHEN h.oid IS NOT NULL THEN pg_catalog.pg_has_role(h.proowner, 'MEMBER')
		ELSE EXISTS (SELECT FROM pg_catalog.pg_roles r WHERE r.rolname = p.owner AND pg_catalog.pg_has_role(r.oid, 'MEMBER'))
			OR (SELECT r.rolsuper FROM pg_catalog.pg_roles r WHERE r.rolname = current_user)
	END;

COMMENT ON VIEW dynamodb_es_projections IS 'the projections of the roles that the user is a member of, and how they are';

COMMENT ON COLUMN dynamodb_es_projections.name IS 'of the projection';
COMMENT ON COLUMN dynamodb_es_projections.owner IS 'the handler''s owner, by whose rights it runs';
COMMENT ON COLUMN dynamodb_es_projections.source IS 'the foreign table whose commits it applies';
COMMENT ON COLUMN dynamodb_es_projections.handler IS 'the function that applies them';
COMMENT ON COLUMN dynamodb_es_projections.enabled IS 'false: somebody has disabled it';
COMMENT ON COLUMN dynamodb_es_projections.state IS 'running, waiting (for an id, or after an error), no worker, stopped, or restored (from a dump, and disabled)';
COMMENT ON COLUMN dynamodb_es_projections."position" IS 'all up to this commit id is applied, burned or passed';
COMMENT ON COLUMN dynamodb_es_projections.seen IS 'the largest commit id that it has seen';
COMMENT ON COLUMN dynamodb_es_projections.waiting_for IS 'ids that have not come yet, which it waits for';
COMMENT ON COLUMN dynamodb_es_projections.waiting_since IS 'since when it waits for them';
COMMENT ON COLUMN dynamodb_es_projections.applied_at IS 'when it last applied commits';
COMMENT ON COLUMN dynamodb_es_projections.applied IS 'commits that it has applied';
COMMENT ON COLUMN dynamodb_es_projections.passed IS 'ids that it has passed without a commit';
COMMENT ON COLUMN dynamodb_es_projections.late IS 'commits that came after their id was passed';
COMMENT ON COLUMN dynamodb_es_projections.out_of_order IS 'of the late commits, those that came after a higher version of their aggregate';
COMMENT ON COLUMN dynamodb_es_projections.last_error IS 'while it stands';
COMMENT ON COLUMN dynamodb_es_projections.failed_at IS 'when that error came';
COMMENT ON COLUMN dynamodb_es_projections.next_try IS 'when it is tried again';

GRANT SELECT ON dynamodb_es_projections TO PUBLIC;

-- Appends on condition.
CREATE FUNCTION dynamodb_es_append(commits anyarray, after bigint, unless text DEFAULT NULL) RETURNS SETOF anyelement
	AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE PARALLEL UNSAFE;

COMMENT ON FUNCTION dynamodb_es_append(anyarray, bigint, text) IS
	'appends rows, all or none, if no commit came after that id, or none for which the query "unless" over "batch" returns a row';

CREATE FUNCTION dynamodb_es_expect(foreign_table regclass, head bigint) RETURNS void
	AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE PARALLEL UNSAFE;

COMMENT ON FUNCTION dynamodb_es_expect(regclass, bigint) IS
	'has this transaction fail at its commit unless that is the last commit id of the store then; for append_at ''commit''';

CREATE FUNCTION dynamodb_es_version() RETURNS text
	AS 'MODULE_PATHNAME' LANGUAGE C STRICT STABLE PARALLEL SAFE;

COMMENT ON FUNCTION dynamodb_es_version() IS
	'the version of the loaded library, the PostgreSQL that it was built for, and the libraries that it runs with';

-- 1.0 has left these without a word, and without names.
CREATE OR REPLACE FUNCTION dynamodb_es_validator(options text[], catalog oid) RETURNS void
	AS 'MODULE_PATHNAME' LANGUAGE C STRICT;

COMMENT ON FUNCTION dynamodb_es_handler() IS 'the callbacks of the foreign data wrapper';
COMMENT ON FUNCTION dynamodb_es_validator(text[], oid) IS 'checks the options of servers, user mappings, foreign tables and columns';
