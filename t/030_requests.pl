# Each statement with the exact requests that it causes: DynamoDB bills and delays every one of them. Its rows are compared with those that
# the same statement has over a local copy. doc/reference/requests.md holds the same table for users: perl t/030_requests.pl --print >doc/reference/requests.md
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../test/lib";

use Record;
use Test::More;
use if !@ARGV, 'Fault';
use if !@ARGV, 'PlainDynamoDB';
use if !@ARGV, 'PostgreSQL::Test::Cluster';
use if !@ARGV, 'Session';

# A section is {section, text}. A case has
#   what       what it shows, which is also the test's name
#   sql        one statement, or several that are sent together
#   requests   what they cause, as Record::describe has it, in this order, or in any (parallel => 1)
#   items      how many items DynamoDB reads, and bills, for them; words, where that is open
#   compare    'rows' (the default), 'order' (rows in this order), 'count' (which rows is open), or 0
#   error      the SQLSTATE that they end with
#   polls      1: DescribeTable is repeated until it answers what is waited for
#   perhaps    requests that may be under way when the statement ends, and are left alone then
#   before, after   SQL around it, whose requests do not count
# A section may have transactions => 1: not every engine has them.
my @table = (
	{ section => 'One aggregate', text => <<'TEXT' },
A Query on the table. It is billed for the commits that its key condition selects.
TEXT
	{
		what => 'all commits of an aggregate',
		sql => q{SELECT * FROM commits WHERE aggregate_id = 'a'},
		requests => [
			q{Query commits: aggregateId = 'a'; fetch key, amount, author, commitId, committedAt, events},
		],
		items => 10,
	}, {
		what => 'without strong consistency, for half the price',
		sql => q{SELECT version FROM commits WHERE aggregate_id = 'a'},
		requests => [
			q{Query commits: aggregateId = 'a'; fetch key; eventually consistent},
		],
		items => 10,
		before => q{ALTER FOREIGN TABLE store.commits OPTIONS (ADD consistent_read 'false')},
		after => q{ALTER FOREIGN TABLE store.commits OPTIONS (DROP consistent_read)},
	}, {
		what => 'from a version on, in order',
		sql => q{SELECT version, events FROM commits WHERE aggregate_id = 'a' AND version >= 6 ORDER BY version},
		requests => [
			q{Query commits: aggregateId = 'a' AND version >= 6; fetch key, events},
		],
		items => 4,
		compare => 'order',
	}, {
		what => 'newest first',
		sql => q{SELECT version FROM commits WHERE aggregate_id = 'a' ORDER BY version DESC},
		requests => [
			q{Query commits: aggregateId = 'a'; backward; fetch key},
		],
		items => 10,
		compare => 'order',
	}, {
		what => 'several bounds are one range',
		sql => q{SELECT version FROM commits WHERE aggregate_id = 'a' AND version > 1 AND version >= 3 AND 7 > version AND version BETWEEN 0 AND 8},
		requests => [
			q{Query commits: aggregateId = 'a' AND version BETWEEN 3 AND 6; fetch key},
		],
		items => 4,
	}, {
		what => 'smallint, integer and bigint, on either side',
		sql => q{SELECT version FROM commits WHERE aggregate_id = 'a' AND 2::smallint < version AND version <= 5::int AND 4::bigint = version},
		requests => [
			q{Query commits: aggregateId = 'a' AND version = 4; fetch key},
		],
		items => 1,
	}, {
		what => 'one commit',
		sql => q{SELECT events FROM commits WHERE version = 2 AND 'b' = aggregate_id},
		requests => [
			q{Query commits: aggregateId = 'b' AND version = 2; fetch key, events},
		],
		items => 1,
	}, {
		what => 'a list of versions: neighbours are one range',
		sql => q{SELECT version FROM commits WHERE aggregate_id = 'a' AND version IN (7, 2, 3, 3, NULL)},
		requests => [
			q{Query commits: aggregateId = 'a' AND version = 7; fetch key},
			q{Query commits: aggregateId = 'a' AND version BETWEEN 2 AND 3; fetch key},
		],
		items => 3,
		parallel => 1,
	}, {
		what => 'the last version',
		sql => q{SELECT max(version) FROM commits WHERE aggregate_id = 'a'},
		requests => [
			q{Query commits: aggregateId = 'a'; Limit 1; backward; fetch key},
		],
		items => 1,
	}, {
		what => 'the first version',
		sql => q{SELECT min(version) FROM commits WHERE aggregate_id = 'a'},
		requests => [
			q{Query commits: aggregateId = 'a'; Limit 1; fetch key},
		],
		items => 1,
	}, {
		what => 'the first and the last version',
		sql => q{SELECT min(version), max(version) FROM commits WHERE aggregate_id = 'a'},
		requests => [
			q{Query commits: aggregateId = 'a'; fetch key},
		],
		items => 10,
	}, {
		what => 'the last version before another',
		sql => q{SELECT max(version) FROM commits WHERE aggregate_id = 'a' AND version < 5},
		requests => [
			q{Query commits: aggregateId = 'a' AND version <= 4; Limit 1; backward; fetch key},
		],
		items => 1,
	}, {
		what => 'the last commit',
		sql => q{SELECT * FROM commits WHERE aggregate_id = 'a' ORDER BY version DESC LIMIT 1},
		requests => [
			q{Query commits: aggregateId = 'a'; Limit 1; backward; fetch key, amount, author, commitId, committedAt, events},
		],
		items => 1,
		compare => 'order',
	}, {
		what => 'the commit of the last version',
		sql => q{SELECT events FROM commits WHERE aggregate_id = 'a' AND version = (SELECT max(version) FROM commits WHERE aggregate_id = 'a')},
		requests => [
			q{Query commits: aggregateId = 'a'; Limit 1; backward; fetch key},
			q{Query commits: aggregateId = 'a' AND version = 9; fetch key, events},
		],
		items => 2,
	}, {
		what => 'does it exist?',
		sql => q{SELECT EXISTS (SELECT FROM commits WHERE aggregate_id = 'a')},
		requests => [
			q{Query commits: aggregateId = 'a'; Limit 1; fetch version},
		],
		items => 1,
	}, {
		what => 'in order of commit ids',
		sql => q{SELECT commit_id FROM commits WHERE aggregate_id = 'a' AND commit_id > 5 ORDER BY commit_id LIMIT 2},
		requests => [
			q{Query commits: aggregateId = 'a'; filter commitId > 5; fetch key, commitId},
		],
		items => 10,
		compare => 'order',
	},
	{ section => 'Several aggregates', text => <<'TEXT' },
A Query for each, up to `max_connections` of them at the same time.
TEXT
	{
		what => 'an array: each aggregate once',
		sql => q{SELECT aggregate_id, version FROM commits WHERE aggregate_id = ANY ('{c,b,c,NULL}')},
		requests => [
			q{Query commits: aggregateId = 'b'; fetch key},
			q{Query commits: aggregateId = 'c'; fetch key},
		],
		items => 8,
		parallel => 1,
	}, {
		what => 'IN, with a range of versions',
		sql => q{SELECT aggregate_id, version FROM commits WHERE aggregate_id IN ('a', 'b') AND version < 2},
		requests => [
			q{Query commits: aggregateId = 'a' AND version <= 1; fetch key},
			q{Query commits: aggregateId = 'b' AND version <= 1; fetch key},
		],
		items => 4,
		parallel => 1,
	}, {
		what => 'the aggregates that another table names',
		sql => q{SELECT aggregate_id, version FROM commits WHERE aggregate_id = ANY (ARRAY(SELECT id FROM few))},
		requests => [
			q{Query commits: aggregateId = 'a'; fetch key},
			q{Query commits: aggregateId = 'b'; fetch key},
			q{Query commits: aggregateId = 'none'; fetch key},
		],
		items => 15,
		parallel => 1,
	}, {
		what => 'the same as a subquery: one after the other',
		sql => q{SELECT aggregate_id, version FROM commits WHERE aggregate_id IN (SELECT id FROM few)},
		requests => [
			q{Query commits: aggregateId = 'a'; fetch key},
			q{Query commits: aggregateId = 'b'; fetch key},
			q{Query commits: aggregateId = 'none'; fetch key},
		],
		items => 15,
		parallel => 1,
	}, {
		what => 'OR',
		sql => q{SELECT aggregate_id, version FROM commits WHERE aggregate_id = 'c' OR aggregate_id = 'd'},
		requests => [
			q{Query commits: aggregateId = 'c'; fetch key},
			q{Query commits: aggregateId = 'd'; fetch key},
		],
		items => 5,
		parallel => 1,
	}, {
		what => 'any few of several aggregates',
		sql => q{SELECT version FROM commits WHERE aggregate_id IN ('a', 'b', 'c') LIMIT 3},
		requests => [
			q{Query commits: aggregateId = 'a'; Limit 3; fetch key},
		],
		items => 3,
		compare => 'count',
	},
	{ section => 'By commit id', text => <<'TEXT' },
A Query on the index, which has no strong consistency and costs half as much.
TEXT
	{
		what => 'from a position on, in order',
		sql => q{SELECT commit_id, aggregate_id, version FROM commits WHERE commit_id > 15 ORDER BY commit_id},
		requests => [
			q{Query commits.byId: active = 't' AND commitId >= 16; fetch key, commitId},
		],
		items => 5,
		compare => 'order',
	}, {
		what => 'the next few',
		sql => q{SELECT * FROM commits WHERE commit_id > 5 ORDER BY commit_id LIMIT 3},
		requests => [
			q{Query commits.byId: active = 't' AND commitId >= 6; Limit 3; fetch key, amount, author, commitId, committedAt, events},
		],
		items => 3,
		compare => 'order',
	}, {
		what => 'newest first',
		sql => q{SELECT commit_id FROM commits ORDER BY commit_id DESC LIMIT 2},
		requests => [
			q{Query commits.byId: active = 't'; Limit 2; backward; fetch key, commitId},
		],
		items => 2,
		compare => 'order',
	}, {
		what => 'the last commit id',
		sql => q{SELECT max(commit_id) FROM commits},
		requests => [
			q{Query commits.byId: active = 't'; Limit 1; backward; fetch key, commitId},
		],
		items => 1,
	}, {
		what => 'the first commit id',
		sql => q{SELECT min(commit_id) FROM commits},
		requests => [
			q{Query commits.byId: active = 't'; Limit 1; fetch key, commitId},
		],
		items => 1,
	}, {
		what => 'one commit by its id',
		sql => q{SELECT aggregate_id, version FROM commits WHERE commit_id = 4::smallint},
		requests => [
			q{Query commits.byId: active = 't' AND commitId = 4; fetch key},
		],
		items => 1,
	}, {
		what => 'a list of ids: neighbours are one range',
		sql => q{SELECT commit_id FROM commits WHERE commit_id = ANY ('{9,3,4,4}'::int[])},
		requests => [
			q{Query commits.byId: active = 't' AND commitId = 9; fetch key, commitId},
			q{Query commits.byId: active = 't' AND commitId BETWEEN 3 AND 4; fetch key, commitId},
		],
		items => 3,
		parallel => 1,
	}, {
		what => 'everything, in order',
		sql => q{SELECT commit_id, aggregate_id FROM commits ORDER BY commit_id},
		requests => [
			q{Query commits.byId: active = 't'; fetch key, commitId},
		],
		items => 20,
		compare => 'order',
	},
	{ section => 'Nothing to ask', text => <<'TEXT' },
Where no commit can match, nothing is sent.
TEXT
	{
		what => 'bounds that contradict each other',
		sql => q{SELECT * FROM commits WHERE aggregate_id = 'a' AND version > 5 AND version < 5},
		requests => [],
	}, {
		what => 'beyond the largest bigint',
		sql => q{SELECT * FROM commits WHERE commit_id > 9223372036854775807},
		requests => [],
	}, {
		what => 'two aggregates at once',
		sql => q{SELECT * FROM commits WHERE aggregate_id = 'a' AND aggregate_id = 'b'},
		requests => [],
	}, {
		what => 'a list that has no common member with another',
		sql => q{SELECT * FROM commits WHERE aggregate_id = 'a' AND version IN (1, 2) AND version IN (3, 4)},
		requests => [],
	}, {
		what => 'a NULL parameter',
		sql => q{PREPARE of_aggregate(text) AS SELECT * FROM commits WHERE aggregate_id = $1; EXECUTE of_aggregate(NULL)},
		before => 'SET plan_cache_mode = force_generic_plan',
		requests => [],
	}, {
		what => 'an empty array, and one of nothing but NULL',
		sql => q{SELECT * FROM commits WHERE aggregate_id = ANY ('{}'); SELECT * FROM commits WHERE commit_id = ANY ('{NULL}')},
		requests => [],
	}, {
		what => 'an id that can be no key: empty, or longer than 2048 bytes',
		sql => q{SELECT * FROM commits WHERE aggregate_id = ''; SELECT * FROM commits WHERE aggregate_id = repeat('x', 2049)},
		requests => [],
	}, {
		what => 'a subquery without a row',
		sql => q{SELECT * FROM commits WHERE aggregate_id = (SELECT id FROM few WHERE id = 'nobody')},
		requests => [],
	}, {
		what => 'LIMIT 0',
		sql => q{SELECT * FROM commits LIMIT 0},
		requests => [],
	}, {
		what => 'EXPLAIN',
		sql => q{EXPLAIN SELECT * FROM commits; EXPLAIN INSERT INTO journal (aggregate_id, version, events) VALUES ('x', 0, '[]')},
		requests => [],
		compare => 0,
	},
	{ section => 'Where values come from' },
	{
		what => 'parameters, custom plan',
		sql => q{PREPARE since(text, int) AS SELECT version FROM commits WHERE aggregate_id = $1 AND version >= $2; EXECUTE since('a', 8)},
		before => 'SET plan_cache_mode = force_custom_plan',
		requests => [
			q{Query commits: aggregateId = 'a' AND version >= 8; fetch key},
		],
		items => 2,
	}, {
		what => 'parameters, generic plan',
		sql => q{PREPARE since(text, int) AS SELECT version FROM commits WHERE aggregate_id = $1 AND version >= $2; EXECUTE since('a', 8)},
		before => 'SET plan_cache_mode = force_generic_plan',
		requests => [
			q{Query commits: aggregateId = 'a' AND version >= 8; fetch key},
		],
		items => 2,
	}, {
		what => 'an array parameter',
		sql => q{PREPARE these(text[]) AS SELECT aggregate_id, version FROM commits WHERE aggregate_id = ANY ($1); EXECUTE these('{b,c,b}')},
		before => 'SET plan_cache_mode = force_generic_plan',
		requests => [
			q{Query commits: aggregateId = 'b'; fetch key},
			q{Query commits: aggregateId = 'c'; fetch key},
		],
		items => 8,
		parallel => 1,
	}, {
		what => 'a subquery that runs once',
		sql => q{SELECT version FROM commits WHERE aggregate_id = (SELECT max(id) FROM few)},
		requests => [
			q{Query commits: aggregateId = 'none'; fetch key},
		],
	}, {
		what => 'stable functions',
		sql => q{SELECT version FROM commits WHERE aggregate_id = current_setting('my.aggregate') AND version >= current_setting('my.version')::bigint},
		before => q{SET my.aggregate = 'c'; SET my.version = 1},
		requests => [
			q{Query commits: aggregateId = 'c' AND version >= 1; fetch key},
		],
		items => 2,
	}, {
		what => 'the position that a projection has reached',
		sql => q{SELECT commit_id, events FROM commits WHERE commit_id > (SELECT position FROM reached) ORDER BY commit_id},
		requests => [
			q{Query commits.byId: active = 't' AND commitId >= 13; fetch key, commitId, events},
		],
		items => 8,
		compare => 'order',
	},
	{ section => 'LIMIT, EXISTS, cursors', text => <<'TEXT' },
How many rows will be taken is sent as `Limit`, so that no more items are read.
TEXT
	{
		what => 'a constant LIMIT and OFFSET',
		sql => q{SELECT version FROM commits WHERE aggregate_id = 'a' ORDER BY version LIMIT 3 OFFSET 2},
		requests => [
			q{Query commits: aggregateId = 'a'; Limit 5; fetch key},
		],
		items => 5,
		compare => 'order',
	}, {
		what => 'LIMIT and OFFSET as parameters',
		sql => q{PREPARE page(int, int) AS SELECT commit_id FROM commits ORDER BY commit_id LIMIT $1 OFFSET $2; EXECUTE page(2, 1)},
		before => 'SET plan_cache_mode = force_generic_plan',
		requests => [
			q{Query commits.byId: active = 't'; Limit 3; fetch key, commitId},
		],
		items => 3,
		compare => 'order',
	}, {
		what => 'LIMIT from a subquery',
		sql => q{SELECT version FROM commits WHERE aggregate_id = 'a' ORDER BY version LIMIT (SELECT count(*) FROM few WHERE id = 'a')},
		requests => [
			q{Query commits: aggregateId = 'a'; Limit 3; fetch key},
		],
		items => 3,
		compare => 'order',
	}, {
		what => 'any few rows',
		sql => q{SELECT aggregate_id FROM commits LIMIT 5},
		requests => [
			q{Scan commits: Limit 5; fetch key},
		],
		items => 5,
		compare => 'count',
	}, {
		what => 'with ties',
		sql => q{SELECT version FROM commits WHERE aggregate_id = 'a' ORDER BY version FETCH FIRST 2 ROWS WITH TIES},
		requests => [
			q{Query commits: aggregateId = 'a'; Limit 3; fetch key},
		],
		items => 3,
		compare => 'order',
	}, {
		what => 'of two aggregates, which are read together',
		sql => q{SELECT version FROM commits WHERE aggregate_id = 'a' UNION ALL SELECT version FROM commits WHERE aggregate_id = 'b' LIMIT 3},
		requests => [
			q{Query commits: aggregateId = 'a'; Limit 3; fetch key},
		],
		perhaps => [ q{Query commits: aggregateId = 'b'; Limit 3; fetch key} ],
		items => '3 of each',
		after => q{SELECT count(*) FROM commits WHERE aggregate_id = 'b'},    # until the request left under way is through
		compare => 'count',
	}, {
		what => 'the oldest, which nothing but a sort can find',
		sql => q{SELECT commit_id FROM commits ORDER BY committed_at, aggregate_id LIMIT 2},
		requests => [
			q{Scan commits: fetch key, commitId, committedAt},
		],
		items => 20,
		compare => 'order',
	}, {
		what => 'LIMIT behind a filter',
		sql => q{SELECT version FROM commits WHERE aggregate_id = 'a' AND author = 'ann' ORDER BY version LIMIT 1},
		requests => [
			q{Query commits: aggregateId = 'a'; filter author = 'ann'; Limit 100; fetch key},
		],
		items => 10,
		compare => 'order',
	}, {
		what => 'LIMIT behind a condition that only PostgreSQL can check',
		sql => q{SELECT version FROM commits WHERE aggregate_id = 'a' AND events @> '[4]' ORDER BY version LIMIT 1},
		requests => [
			q{Query commits: aggregateId = 'a'; Limit 4; fetch key, events},
			q{Query commits: aggregateId = 'a'; Limit 16; fetch key, events; the next page},
		],
		items => 10,
		compare => 'order',
	}, {
		what => 'a cursor',
		sql => q{BEGIN; DECLARE c CURSOR FOR SELECT commit_id FROM commits ORDER BY commit_id; FETCH 2 FROM c; FETCH 3 FROM c; COMMIT},
		requests => [
			q{Query commits.byId: active = 't'; Limit 100; fetch key, commitId},
		],
		items => 20,
		compare => 'order',
	}, {
		what => 'a cursor over a join',
		sql => q{BEGIN; DECLARE c CURSOR FOR SELECT commit_id, event FROM commits, jsonb_array_elements(events) event ORDER BY commit_id; FETCH 10 FROM c; COMMIT},
		requests => [
			q{Query commits.byId: active = 't'; Limit 100; fetch key, commitId, events},
		],
		items => 20,
		compare => 'order',
	}, {
		what => 'the events of the commits: as many commits as rows are wanted, to begin with',
		sql => q{SELECT commit_id, event FROM commits, jsonb_array_elements(events) event ORDER BY commit_id LIMIT 3},
		requests => [
			q{Query commits.byId: active = 't'; Limit 3; fetch key, commitId, events},
		],
		items => 3,
		compare => 'order',
	}, {
		what => 'the newest of a view that does the same',
		sql => q{SELECT * FROM events ORDER BY commit_id DESC LIMIT 10},
		requests => [
			q{Query commits.byId: active = 't'; Limit 10; backward; fetch key, commitId, events},
		],
		items => 10,
		compare => 'order',
	}, {
		what => 'a join, in order: if it drops commits, more are asked for',
		sql => q{SELECT commit_id, author FROM commits JOIN (VALUES ('bob'), ('nobody')) of (name) ON author = name ORDER BY commit_id LIMIT 3},
		requests => [
			q{Query commits.byId: active = 't'; Limit 3; fetch key, author, commitId},
			q{Query commits.byId: active = 't'; Limit 12; fetch key, author, commitId; the next page},
		],
		items => 15,
		compare => 'order',
	}, {
		what => 'the last commit of each aggregate',
		sql => q{SELECT id, version, events FROM few, LATERAL (SELECT version, events FROM commits WHERE aggregate_id = id ORDER BY version DESC LIMIT 1) l},
		requests => [
			q{Query commits: aggregateId = 'a'; Limit 1; backward; fetch key, events},
			q{Query commits: aggregateId = 'b'; Limit 1; backward; fetch key, events},
			q{Query commits: aggregateId = 'none'; Limit 1; backward; fetch key, events},
		],
		items => 2,
	}, {
		what => 'which of these exist?',
		sql => q{SELECT DISTINCT id FROM few WHERE EXISTS (SELECT FROM commits WHERE aggregate_id = id)},
		requests => [
			q{Query commits: aggregateId = 'a'; Limit 1; fetch key},
			q{Query commits: aggregateId = 'b'; Limit 1; fetch key},
			q{Query commits: aggregateId = 'none'; Limit 1; fetch key},
			q{Query commits: aggregateId = 'a'; Limit 1; fetch key},
			q{Query commits: aggregateId = 'b'; Limit 1; fetch key},
			q{Query commits: aggregateId = 'a'; Limit 1; fetch key},
		],
		items => 5,
	}, {
		what => 'which of these do not?',
		sql => q{SELECT DISTINCT id FROM few WHERE NOT EXISTS (SELECT FROM commits WHERE aggregate_id = id)},
		requests => [
			q{Query commits: aggregateId = 'a'; Limit 1; fetch key},
			q{Query commits: aggregateId = 'b'; Limit 1; fetch key},
			q{Query commits: aggregateId = 'none'; Limit 1; fetch key},
			q{Query commits: aggregateId = 'a'; Limit 1; fetch key},
			q{Query commits: aggregateId = 'b'; Limit 1; fetch key},
			q{Query commits: aggregateId = 'a'; Limit 1; fetch key},
		],
		items => 5,
	},
	{ section => 'Order' },
	{
		what => 'the last commit of each aggregate in a list',
		sql => q{SELECT DISTINCT ON (aggregate_id) aggregate_id, version FROM commits WHERE aggregate_id IN ('a', 'b') ORDER BY aggregate_id, version DESC},
		requests => [
			q{Query commits: aggregateId = 'a'; fetch key},
			q{Query commits: aggregateId = 'b'; fetch key},
		],
		items => 15,
		parallel => 1,
		compare => 'order',
	}, {
		what => 'a window over an aggregate',
		sql => q{SELECT version, version - lag(version) OVER (ORDER BY version) FROM commits WHERE aggregate_id = 'b'},
		requests => [
			q{Query commits: aggregateId = 'b'; fetch key},
		],
		items => 5,
	}, {
		what => 'DISTINCT ON versions',
		sql => q{SELECT DISTINCT ON (version) version, author FROM commits WHERE aggregate_id = 'b' ORDER BY version DESC},
		requests => [
			q{Query commits: aggregateId = 'b'; backward; fetch key, author},
		],
		items => 5,
		compare => 'order',
	}, {
		what => 'a merge join of two aggregates by version',
		sql => q{SELECT x.version FROM commits x JOIN commits y USING (version) WHERE x.aggregate_id = 'a' AND y.aggregate_id = 'b'},
		before => 'SET enable_hashjoin = off; SET enable_nestloop = off',
		requests => [
			q{Query commits: aggregateId = 'a'; fetch key},
			q{Query commits: aggregateId = 'b'; fetch key},
		],
		items => 15,
	},
	{ section => 'Counting', text => <<'TEXT' },
DynamoDB counts, and sends a number. It still reads, and bills, what it counts.
TEXT
	{
		what => 'an aggregate',
		sql => q{SELECT count(*) FROM commits WHERE aggregate_id = 'a'},
		requests => [
			q{Query commits: aggregateId = 'a'; Select COUNT},
		],
		items => 10,
	}, {
		what => 'an aggregate, with the aggregate',
		sql => q{SELECT aggregate_id, count(*) FROM commits WHERE aggregate_id = 'a' GROUP BY aggregate_id},
		requests => [
			q{Query commits: aggregateId = 'a'; Select COUNT},
		],
		items => 10,
	}, {
		what => 'several aggregates, together',
		sql => q{SELECT count(*) FROM commits WHERE aggregate_id IN ('b', 'c')},
		requests => [
			q{Query commits: aggregateId = 'b'; Select COUNT},
			q{Query commits: aggregateId = 'c'; Select COUNT},
		],
		items => 8,
		parallel => 1,
	}, {
		what => 'several aggregates, each',
		sql => q{SELECT aggregate_id, count(*) FROM commits WHERE aggregate_id IN ('b', 'c') GROUP BY aggregate_id},
		requests => [
			q{Query commits: aggregateId = 'b'; fetch key},
			q{Query commits: aggregateId = 'c'; fetch key},
		],
		items => 8,
		parallel => 1,
	}, {
		what => 'a range of ids',
		sql => q{SELECT count(*) FROM commits WHERE commit_id BETWEEN 3 AND 7},
		requests => [
			q{Query commits.byId: active = 't' AND commitId BETWEEN 3 AND 7; Select COUNT},
		],
		items => 5,
	}, {
		what => 'behind a filter',
		sql => q{SELECT count(*) FROM commits WHERE author = 'ann'},
		requests => [
			q{Scan commits: filter author = 'ann'; Select COUNT},
		],
		items => 20,
	}, {
		what => 'count(1) is no different',
		sql => q{SELECT count(1) FROM commits WHERE aggregate_id = 'a'},
		requests => [
			q{Query commits: aggregateId = 'a'; Select COUNT},
		],
		items => 10,
	}, {
		what => 'everything',
		sql => q{SELECT count(*) FROM commits},
		requests => [
			q{Scan commits: Select COUNT},
		],
		items => 20,
	}, {
		what => 'where a condition is left to PostgreSQL',
		sql => q{SELECT count(*) FROM commits WHERE aggregate_id = 'a' AND events @> '[4]'},
		requests => [
			q{Query commits: aggregateId = 'a'; fetch key, events},
		],
		items => 10,
	}, {
		what => 'what cannot be',
		sql => q{SELECT count(*) FROM commits WHERE aggregate_id = 'a' AND version > 3 AND version < 2},
		requests => [],
	},
	{ section => 'Filters', text => <<'TEXT' },
A filter keeps items from being sent, not from being read and billed.
TEXT
	{
		what => 'a span of time',
		sql => q{SELECT version FROM commits WHERE aggregate_id = 'a' AND committed_at >= '2026-01-01 00:05Z' AND committed_at < '2026-01-01 00:07:00.0005Z'},
		requests => [
			q{Query commits: aggregateId = 'a'; filter committedAt >= 1767225900000 AND committedAt <= 1767226020000; fetch key},
		],
		items => 10,
	}, {
		what => 'other columns',
		sql => q{SELECT version FROM commits WHERE aggregate_id = 'a' AND (author = 'ann' OR amount > 5) AND NOT amount = 8},
		requests => [
			q{Query commits: aggregateId = 'a'; filter (amount < 8 OR amount > 8) AND (author = 'ann' OR amount > 5); fetch key},
		],
		items => 10,
	}, {
		what => 'NULL and NOT NULL',
		sql => q{SELECT version FROM commits WHERE aggregate_id = 'a' AND author IS NULL AND amount IS NOT NULL},
		requests => [
			q{Query commits: aggregateId = 'a'; filter (NOT attribute_exists(author) OR attribute_type(author, 'NULL')) AND attribute_exists(amount) AND NOT attribute_type(amount, 'NULL'); fetch key},
		],
		items => 10,
	}, {
		what => 'the key of the other path',
		sql => q{SELECT commit_id FROM commits WHERE commit_id <= 10 AND version = 0},
		requests => [
			q{Query commits.byId: active = 't' AND commitId <= 10; filter version = 0; fetch key, commitId},
		],
		items => 10,
	},
	{ section => 'Everything', text => <<'TEXT' },
A Scan reads, and bills, the whole table. Pages hold at most 1 MB of items, each asked for after the last.
TEXT
	{
		what => 'a table of twenty commits',
		sql => q{SELECT * FROM commits},
		requests => [
			q{Scan commits: fetch key, amount, author, commitId, committedAt, events},
		],
		items => 20,
	}, {
		what => 'conditions that no key helps with',
		sql => q{SELECT aggregate_id FROM commits WHERE version = 1},
		requests => [
			q{Scan commits: filter version = 1; fetch key},
		],
		items => 20,
	}, {
		what => 'a large table, by ANALYZE: parallel segments',
		sql => q{SELECT aggregate_id, version FROM commits},
		requests => [
			q{Scan commits: segment 0 of 4; fetch key},
			q{Scan commits: segment 1 of 4; fetch key},
			q{Scan commits: segment 2 of 4; fetch key},
			q{Scan commits: segment 3 of 4; fetch key},
		],
		items => 20,
		parallel => 1,
		before => q{UPDATE pg_class SET reltuples = 10000 WHERE oid = 'store.commits'::regclass},
		after => q{UPDATE pg_class SET reltuples = -1 WHERE oid = 'store.commits'::regclass},
	}, {
		what => 'several megabytes: after two pages, in ranges side by side',
		sql => q{SELECT version, length(events::text) FROM big WHERE aggregate_id = 'm'},
		requests => [
			q{Query big: aggregateId = 'm'; fetch key, events},
			q{Query big: aggregateId = 'm'; fetch key, events; the next page},
			q{Query big: aggregateId = 'm'; Limit 1; backward; fetch version},
			q{Query big: aggregateId = 'm' AND version <= 31.9…; fetch key, events; the next page},
			q{Query big: aggregateId = 'm' AND version BETWEEN 32 AND 34.9…; fetch key, events},
			q{Query big: aggregateId = 'm' AND version >= 35; fetch key, events},
		],
		items => 36,
		parallel => 1,
		ranges => 1,
	}, {
		what => 'the same along the index',
		sql => q{SELECT commit_id, length(events::text) FROM big ORDER BY commit_id},
		requests => [
			q{Query big.byId: active = 't'; fetch key, commitId, events},
			q{Query big.byId: active = 't'; fetch key, commitId, events; the next page},
			q{GetItem counters: name = 'big'},
			q{Query big.byId: active = 't' AND commitId <= 32.9…; fetch key, commitId, events; the next page},
			q{Query big.byId: active = 't' AND commitId BETWEEN 33 AND 35.9…; fetch key, commitId, events},
			q{Query big.byId: active = 't' AND commitId >= 36; fetch key, commitId, events},
		],
		items => 35,
		compare => 'order',
		parallel => 1,
		ranges => 1,
	}, {
		what => 'a few of several megabytes',
		sql => q{SELECT version, length(events::text) FROM big WHERE aggregate_id = 'm' ORDER BY version LIMIT 2},
		requests => [
			q{Query big: aggregateId = 'm'; Limit 2; fetch key, events},
		],
		items => 2,
	}, {
		what => 'more than dynamodb_es.read_budget allows',
		sql => q{SELECT version FROM big WHERE aggregate_id = 'm'},
		requests => [
			q{Query big: aggregateId = 'm'; fetch key},
		],
		items => 'a page',
		before => 'SET dynamodb_es.read_budget = 10',
		error => '53400',
		compare => 0,
	},
	{ section => 'Joins' },
	{
		what => 'over few local rows: a Query for each aggregate',
		sql => q{SELECT f.id, version FROM few f JOIN commits ON aggregate_id = f.id},
		requests => [
			q{Query commits: aggregateId = 'a'; fetch key},
			q{Query commits: aggregateId = 'b'; fetch key},
			q{Query commits: aggregateId = 'none'; fetch key},
		],
		items => 15,
	}, {
		what => 'over many: one Scan',
		sql => q{SELECT count(*), sum(version) FROM many JOIN commits ON aggregate_id = many.id},
		requests => [
			q{Scan commits: fetch key},
		],
		items => 20,
	}, {
		what => 'by commit id',
		sql => q{SELECT position, aggregate_id FROM reached JOIN commits ON commit_id = position},
		requests => [
			q{Query commits.byId: active = 't' AND commitId = 12; fetch key, commitId},
		],
		items => 1,
	}, {
		what => 'by aggregate and version',
		sql => q{SELECT author FROM few JOIN commits ON aggregate_id = id AND version = length(id)},
		requests => [
			q{Query commits: aggregateId = 'a' AND version = 1; fetch key, author},
			q{Query commits: aggregateId = 'b' AND version = 1; fetch key, author},
			q{Query commits: aggregateId = 'none' AND version = 4; fetch key, author},
		],
		items => 2,
	}, {
		what => 'with a list of values',
		sql => q{SELECT id, version FROM (VALUES ('a', 8), ('c', 1)) position (id, reached) JOIN commits ON aggregate_id = id AND version > reached},
		requests => [
			q{Query commits: aggregateId = 'a' AND version >= 9; fetch key},
			q{Query commits: aggregateId = 'c' AND version >= 2; fetch key},
		],
		items => 2,
	}, {
		what => 'a correlated subquery: a Query for each row',
		sql => q{SELECT id, (SELECT max(version) FROM commits WHERE aggregate_id = id) FROM few},
		requests => [
			q{Query commits: aggregateId = 'a'; Limit 1; backward; fetch key},
			q{Query commits: aggregateId = 'b'; Limit 1; backward; fetch key},
			q{Query commits: aggregateId = 'none'; Limit 1; backward; fetch key},
			q{Query commits: aggregateId = 'a'; Limit 1; backward; fetch key},
			q{Query commits: aggregateId = 'b'; Limit 1; backward; fetch key},
			q{Query commits: aggregateId = 'a'; Limit 1; backward; fetch key},
		],
		items => 5,
	}, {
		what => 'LATERAL in its place: a Query for each aggregate',
		sql => q{SELECT id, last FROM few, LATERAL (SELECT max(version) AS last FROM commits WHERE aggregate_id = id) l},
		requests => [
			q{Query commits: aggregateId = 'a'; Limit 1; backward; fetch key},
			q{Query commits: aggregateId = 'b'; Limit 1; backward; fetch key},
			q{Query commits: aggregateId = 'none'; Limit 1; backward; fetch key},
		],
		items => 2,
	}, {
		what => 'of an aggregate with itself',
		sql => q{SELECT x.version, y.version FROM commits x, commits y WHERE x.aggregate_id = 'b' AND y.aggregate_id = 'b' AND y.version = x.version + 1},
		requests => [
			(q{Query commits: aggregateId = 'b'; fetch key}) x 2,
		],
		items => 10,
	}, {
		what => 'with every local row: the aggregate is read once',
		sql => q{SELECT id, version FROM few, commits WHERE aggregate_id = 'b' AND author < id},
		requests => [
			q{Query commits: aggregateId = 'b'; fetch key, author},
		],
		items => 5,
	}, {
		what => 'recursion: read again at each step',
		sql => q{WITH RECURSIVE walk AS (SELECT 1::bigint AS v UNION ALL SELECT v * 2 FROM walk, commits WHERE aggregate_id = 'a' AND version = v) SELECT v FROM walk},
		requests => [
			(q{Query commits: aggregateId = 'a'; fetch key}) x 5,
		],
		items => 50,
	},
	{ section => 'A new store' },
	{
		what => 'create the tables',
		sql => q{SELECT dynamodb_es_create_tables('journal')},
		requests => [
			q{DescribeTable journal},
			q{DescribeTable journal-counters},
			q{CreateTable journal},
			q{CreateTable journal-counters},
			q{GetItem journal-counters: name = 'commits'},
		],
		polls => 1,
		compare => 0,
	},
	{ section => 'Appending', text => <<'TEXT' },
The counter gives the ids of a batch, then each commit is put where there is none. Where there is one, the id is noted as burned; DynamoDB
shows whose the commit is that is there, and some stand-ins for it have to be asked.
TEXT
	{
		what => 'one commit',
		sql => q{INSERT INTO journal (aggregate_id, version, events) VALUES ('x', 0, '[]') RETURNING commit_id},
		requests => [
			q{UpdateItem journal-counters: name = 'commits'; ADD id 1},
			q{PutItem journal: aggregateId = 'x', version = 0; if attribute_not_exists(aggregateId)},
		],
		compare => 0,
	}, {
		what => 'two commits',
		sql => q{INSERT INTO journal (aggregate_id, version, events) VALUES ('x', 1, '[]'), ('y', 0, '[]')},
		requests => [
			q{UpdateItem journal-counters: name = 'commits'; ADD id 2},
			q{PutItem journal: aggregateId = 'x', version = 1; if attribute_not_exists(aggregateId)},
			q{PutItem journal: aggregateId = 'y', version = 0; if attribute_not_exists(aggregateId)},
		],
		parallel => 1,
		compare => 0,
	}, {
		what => 'two commits that are looked at one by one',
		sql => q{INSERT INTO journal (aggregate_id, version, events) VALUES ('z', 0, '[]'), ('z', 1, '[]') RETURNING version},
		requests => [
			q{UpdateItem journal-counters: name = 'commits'; ADD id 1},
			q{PutItem journal: aggregateId = 'z', version = 0; if attribute_not_exists(aggregateId)},
			q{UpdateItem journal-counters: name = 'commits'; ADD id 1},
			q{PutItem journal: aggregateId = 'z', version = 1; if attribute_not_exists(aggregateId)},
		],
		compare => 0,
	}, {
		what => 'more than a batch',
		sql => q{INSERT INTO journal (aggregate_id, version, events) SELECT 'n', n, '[]' FROM generate_series(0, 4) n},
		requests => [
			q{UpdateItem journal-counters: name = 'commits'; ADD id 2},
			q{PutItem journal: aggregateId = 'n', version = 0; if attribute_not_exists(aggregateId)},
			q{PutItem journal: aggregateId = 'n', version = 1; if attribute_not_exists(aggregateId)},
			q{UpdateItem journal-counters: name = 'commits'; ADD id 2},
			q{PutItem journal: aggregateId = 'n', version = 2; if attribute_not_exists(aggregateId)},
			q{PutItem journal: aggregateId = 'n', version = 3; if attribute_not_exists(aggregateId)},
			q{UpdateItem journal-counters: name = 'commits'; ADD id 1},
			q{PutItem journal: aggregateId = 'n', version = 4; if attribute_not_exists(aggregateId)},
		],
		parallel => 1,
		before => q{ALTER FOREIGN TABLE journal OPTIONS (ADD batch_size '2')},
		after => q{ALTER FOREIGN TABLE journal OPTIONS (DROP batch_size)},
		compare => 0,
	}, {
		what => 'the next versions of an aggregate',
		sql => q{INSERT INTO journal (aggregate_id, events) VALUES ('y', '[]'), ('y', '[]')},
		requests => [
			q{Query journal: aggregateId = 'y'; Limit 1; backward; fetch version},
			q{UpdateItem journal-counters: name = 'commits'; ADD id 2},
			q{PutItem journal: aggregateId = 'y', version = 1; if attribute_not_exists(aggregateId)},
			q{PutItem journal: aggregateId = 'y', version = 2; if attribute_not_exists(aggregateId)},
		],
		items => 1,
		compare => 0,
	}, {
		what => 'the next version, asked for in SQL',
		sql => q{INSERT INTO journal (aggregate_id, version, events) SELECT 'x', max(version) + 1, '[]' FROM journal WHERE aggregate_id = 'x'},
		requests => [
			q{Query journal: aggregateId = 'x'; Limit 1; backward; fetch key, commitId},
			q{UpdateItem journal-counters: name = 'commits'; ADD id 1},
			q{PutItem journal: aggregateId = 'x', version = 2; if attribute_not_exists(aggregateId)},
		],
		items => 1,
		compare => 0,
	}, {
		what => 'a version that exists',
		sql => q{INSERT INTO journal (aggregate_id, version, events) VALUES ('x', 0, '[]')},
		requests => [
			q{UpdateItem journal-counters: name = 'commits'; ADD id 1},
			q{PutItem journal: aggregateId = 'x', version = 0; if attribute_not_exists(aggregateId)},
			q{PutItem journal-counters: name = 'commits#burned#14'},
		],
		perhaps => [ q{GetItem journal: aggregateId = 'x', version = 0} ],
		error => '23505',
		compare => 0,
	}, {
		what => 'a version that exists, passed over',
		sql => q{INSERT INTO journal (aggregate_id, version, events) VALUES ('x', 0, '[]') ON CONFLICT DO NOTHING},
		requests => [
			q{UpdateItem journal-counters: name = 'commits'; ADD id 1},
			q{PutItem journal: aggregateId = 'x', version = 0; if attribute_not_exists(aggregateId)},
			q{PutItem journal-counters: name = 'commits#burned#15'},
		],
		perhaps => [ q{GetItem journal: aggregateId = 'x', version = 0} ],
		compare => 0,
	}, {
		what => 'a row that can be no commit',
		sql => q{INSERT INTO journal (aggregate_id, version, events) VALUES ('x', -1, '[]')},
		requests => [],
		error => '22023',
		compare => 0,
	}, {
		what => 'events that are no array',
		sql => q{INSERT INTO journal (aggregate_id, version, events) VALUES ('x', 2, '{}')},
		requests => [],
		error => '22023',
		compare => 0,
	},
	{ section => 'Following', text => <<'TEXT' },
`feed` is a feed table over a store of its own, `followed`: commits 1, 2, 3, 5 and 7; 4 is burned, of 6 nothing is known. Behind them are commits with old stamps: 9, 11, 13, 14 and 15 of
two hours ago, 17 of ten minutes ago. A Query along the index, and a look at the burn note of each gap that is not old; a gap that is given up is looked at once more. Once a minute a session that
finds nothing reads the counter, eventually consistent.
TEXT
	{
		what => 'nothing new, for the first time in a minute',
		sql => q{SELECT commit_id FROM feed WHERE commit_id > 17 ORDER BY commit_id LIMIT 1000},
		requests => [
			q{Query followed.byId: active = 't' AND commitId >= 18; Limit 1000; fetch key, appendedAt, commitId, committedAt},
			q{GetItem followed-counters: name = 'commits'},
		],
		compare => 0,
	}, {
		what => 'nothing new',
		sql => q{SELECT commit_id FROM feed WHERE commit_id > 17 ORDER BY commit_id LIMIT 1000},
		requests => [
			q{Query followed.byId: active = 't' AND commitId >= 18; Limit 1000; fetch key, appendedAt, commitId, committedAt},
		],
		compare => 0,
	}, {
		what => 'new commits',
		sql => q{SELECT commit_id FROM feed WHERE commit_id > 0 AND commit_id < 4 ORDER BY commit_id LIMIT 1000},
		requests => [
			q{Query followed.byId: active = 't' AND commitId BETWEEN 1 AND 3; Limit 1000; fetch key, appendedAt, commitId, committedAt},
		],
		items => 3,
		compare => 0,
	}, {
		what => 'a gap that is burned',
		sql => q{SELECT commit_id FROM feed WHERE commit_id > 3 AND commit_id < 6 ORDER BY commit_id LIMIT 1000},
		requests => [
			q{Query followed.byId: active = 't' AND commitId BETWEEN 4 AND 5; Limit 1000; fetch key, appendedAt, commitId, committedAt},
			q{GetItem followed-counters: name = 'commits#burned#4'},
		],
		items => 1,
		compare => 0,
	}, {
		what => 'each look at a gap that is open',
		sql => q{SELECT commit_id FROM feed WHERE commit_id > 5 AND commit_id < 8 ORDER BY commit_id LIMIT 1000},
		requests => [
			q{Query followed.byId: active = 't' AND commitId BETWEEN 6 AND 7; Limit 1000; fetch key, appendedAt, commitId, committedAt},
			q{GetItem followed-counters: name = 'commits#burned#6'},
		],
		items => 1,
		compare => 0,
	}, {
		what => 'old gaps',
		sql => q{SELECT commit_id FROM feed WHERE commit_id > 7 AND commit_id < 16 ORDER BY commit_id LIMIT 1000},
		requests => [
			q{Query followed.byId: active = 't' AND commitId BETWEEN 8 AND 15; Limit 1000; fetch key, appendedAt, commitId, committedAt},
		],
		items => 5,
		compare => 0,
	}, {
		what => 'a gap that is given up',
		sql => q{SELECT commit_id FROM feed WHERE commit_id > 15 ORDER BY commit_id LIMIT 1000},
		requests => [
			q{Query followed.byId: active = 't' AND commitId >= 16; Limit 1000; fetch key, appendedAt, commitId, committedAt},
			q{GetItem followed-counters: name = 'commits#burned#16'},
			q{Query followed.byId: active = 't' AND commitId = 16; fetch key, appendedAt, commitId, committedAt},
		],
		items => 1,
		compare => 0,
	},
	{ section => 'Appending in dense mode', transactions => 1, text => <<'TEXT' },
The counter and up to 99 commits move in one transaction, which is billed twice. A backend remembers the counter's value; where others have
appended since, the first transaction is refused, and the next one knows better. `dense` is the store of `journal` with `append_mode 'dense'`,
`contiguous` has `contiguous_versions 'true'` as well; here `journal` has given out 15 ids before.
TEXT
	{
		what => 'one commit, the first of the session',
		sql => q{INSERT INTO dense (aggregate_id, version, events) VALUES ('d', 0, '[]') RETURNING commit_id},
		requests => [
			q{GetItem journal-counters: name = 'commits'},
			q{TransactWriteItems: Update journal-counters: name = 'commits'; SET id = 16; if id = 15 + Put journal: aggregateId = 'd', version = 0; if attribute_not_exists(aggregateId)},
		],
		compare => 0,
	}, {
		what => 'two commits',
		sql => q{INSERT INTO dense (aggregate_id, version, events) VALUES ('d', 1, '[]'), ('e', 0, '[]')},
		requests => [
			q{TransactWriteItems: Update journal-counters: name = 'commits'; SET id = 18; if id = 16 + Put journal: aggregateId = 'd', version = 1; if attribute_not_exists(aggregateId) + Put journal: aggregateId = 'e', version = 0; if attribute_not_exists(aggregateId)},
		],
		compare => 0,
	}, {
		what => 'the next version',
		sql => q{INSERT INTO dense (aggregate_id, events) VALUES ('e', '[]')},
		requests => [
			q{Query journal: aggregateId = 'e'; Limit 1; backward; fetch version},
			q{TransactWriteItems: Update journal-counters: name = 'commits'; SET id = 19; if id = 18 + Put journal: aggregateId = 'e', version = 1; if attribute_not_exists(aggregateId)},
		],
		items => 1,
		compare => 0,
	}, {
		what => 'after others have appended',
		sql => q{INSERT INTO dense (aggregate_id, version, events) VALUES ('d', 2, '[]')},
		requests => [
			q{TransactWriteItems: Update journal-counters: name = 'commits'; SET id = 20; if id = 19 + Put journal: aggregateId = 'd', version = 2; if attribute_not_exists(aggregateId)},
			q{TransactWriteItems: Update journal-counters: name = 'commits'; SET id = 21; if id = 20 + Put journal: aggregateId = 'd', version = 2; if attribute_not_exists(aggregateId)},
		],
		before => q{INSERT INTO journal (aggregate_id, version, events) SELECT 'others', 0, '[]' WHERE NOT EXISTS (SELECT FROM journal WHERE aggregate_id = 'others')},
		compare => 0,
	}, {
		what => 'a version that exists',
		sql => q{INSERT INTO dense (aggregate_id, version, events) VALUES ('d', 0, '[]')},
		requests => [
			q{TransactWriteItems: Update journal-counters: name = 'commits'; SET id = 22; if id = 21 + Put journal: aggregateId = 'd', version = 0; if attribute_not_exists(aggregateId)},
		],
		error => '23505',
		compare => 0,
	}, {
		what => 'contiguous versions: the one before is checked, unless it is in the same statement',
		sql => q{INSERT INTO contiguous (aggregate_id, version, events) VALUES ('e', 2, '[]'), ('e', 3, '[]')},
		requests => [
			q{TransactWriteItems: Update journal-counters: name = 'commits'; SET id = 23; if id = 21 + Put journal: aggregateId = 'e', version = 2; if attribute_not_exists(aggregateId) + Put journal: aggregateId = 'e', version = 3; if attribute_not_exists(aggregateId) + ConditionCheck journal: aggregateId = 'e', version = 1; if attribute_exists(aggregateId)},
		],
		compare => 0,
	}, {
		what => 'a version that would leave a gap',
		sql => q{INSERT INTO contiguous (aggregate_id, version, events) VALUES ('e', 5, '[]')},
		requests => [
			q{TransactWriteItems: Update journal-counters: name = 'commits'; SET id = 24; if id = 23 + Put journal: aggregateId = 'e', version = 5; if attribute_not_exists(aggregateId) + ConditionCheck journal: aggregateId = 'e', version = 4; if attribute_exists(aggregateId)},
		],
		error => '23514',
		compare => 0,
	},
	{ section => 'Looking after a store' },
	{
		what => 'the counter',
		sql => q{SELECT dynamodb_es_head('journal')},
		requests => [
			q{GetItem journal-counters: name = 'commits'},
		],
		compare => 0,
	}, {
		what => 'status',
		sql => q{SELECT dynamodb_es_status('journal')},
		requests => [
			q{DescribeTable journal},
			q{DescribeTable journal-counters},
			q{Query journal.byId: active = 't'; Limit 1; backward; fetch commitId},
			q{GetItem journal-counters: name = 'commits'},
		],
		items => 1,
		compare => 0,
	}, {
		what => 'a check',
		sql => q{SELECT * FROM dynamodb_es_check('journal')},
		requests => [
			q{DescribeTable journal},
			q{DescribeTable journal-counters},
			q{Query journal.byId: active = 't'; Limit 1; backward; fetch commitId},
			q{GetItem journal-counters: name = 'commits'},
		],
		items => 1,
		compare => 0,
	}, {
		what => 'a head that is as high',
		sql => q{SELECT dynamodb_es_set_head('journal', 1)},
		requests => [
			q{UpdateItem journal-counters: name = 'commits'; SET id = 1; if attribute_not_exists(id) OR id < 1},
			q{GetItem journal-counters: name = 'commits'},
		],
		compare => 0,
	}, {
		what => 'drop the tables',
		sql => q{SELECT dynamodb_es_drop_tables('journal')},
		requests => [
			q{DescribeTable journal},
			q{DescribeTable journal-counters},
			q{Scan journal-counters: fetch droppedAt, id, n, name},
			q{DeleteTable journal},
			q{DeleteTable journal-counters},
		],
		items => 3,
		polls => 1,
		compare => 0,
	},
);

sub cell { return $_[0] =~ s/\|/\\|/gr }

sub document
{
	my @lines = <<'TEXT';
# What each statement asks of DynamoDB

For each statement the exact requests that it causes, and how many items DynamoDB reads for them. The tests hold every statement to this:
the tables are those of `t/030_requests.pl`, which writes this file (`perl t/030_requests.pl --print`).

What is read is what is billed, page by page: one read capacity unit for each 4 KB of items, rounded up; half of that for the index, and with
`consistent_read 'false'`. Filters, projections and counts make the answer smaller, not the bill. An append writes the counter, the item, and
the item again in the index: a write capacity unit for each 1 KB of each.

In `commits` there are twenty commits: ten of the aggregate `a` (versions 0 to 9), five of `b`, three of `c`, two of `d`; the columns `author`
and `amount` are additional attributes. `big` has 35 commits of 100 KB, all of the aggregate `m`. `events` is a view: `SELECT commit_id, event FROM
commits, jsonb_array_elements(events) event`. The rest are local tables: `few` holds the
ids `a`, `b`, `none`, `a`, `b`, `a`, `many` holds 5000 ids, and `reached` the position 12.

In the requests `key` stands for the attributes `aggregateId` and `version`, and `byId` is the index. `31.9…` is the last number before 32 that
DynamoDB can hold: nothing falls between the ranges of a long read.
TEXT
	for my $case (@table)
	{
		if ($case->{section})
		{
			push @lines, "\n## $case->{section}\n\n", $case->{text} ? "$case->{text}\n" : '', "| Statement | Requests | Items read |\n| --- | --- | --- |\n";
			next;
		}
		push @lines, sprintf "| %s<br>`%s` | %s | %s |\n", ucfirst $case->{what}, cell($case->{sql}),
		  join('<br>', map { cell($_) } (map { s/^(\d+ × )?(.*)/@{[ $1 \/\/ '' ]}`$2`/r } Record::summary(@{ $case->{requests} })),
			map { "perhaps `$_`" } @{ $case->{perhaps} // [] }) || 'none', $case->{items} // '';
	}
	return join '', @lines;
}

if (@ARGV && $ARGV[0] eq '--print')
{
	print document();
	exit;
}

my $proxy = Fault->new($ENV{DYNAMODB_ENDPOINT});
my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->append_conf('postgresql.conf', "autovacuum = off\njit = off");
$node->start;

my $admin = Session->new($node);
$admin->query(<<SQL);
CREATE EXTENSION dynamodb_es;
CREATE SERVER store FOREIGN DATA WRAPPER dynamodb_es OPTIONS (region 'us-east-1', endpoint '@{[ $proxy->endpoint ]}');
CREATE USER MAPPING FOR CURRENT_USER SERVER store OPTIONS (access_key_id 'AKIDEXAMPLE', secret_access_key 'hush-secret');
CREATE SCHEMA store;
CREATE FOREIGN TABLE store.commits (commit_id bigint, committed_at timestamptz, aggregate_id text, version bigint, events jsonb, author text, amount int)
  SERVER store;
CREATE FOREIGN TABLE store.big (commit_id bigint, committed_at timestamptz, aggregate_id text, version bigint, events jsonb)
  SERVER store OPTIONS (commit_table 'big', counter 'big');
CREATE FOREIGN TABLE journal (commit_id bigint, committed_at timestamptz, aggregate_id text, version bigint, events jsonb)
  SERVER store OPTIONS (commit_table 'journal', counter_table 'journal-counters');
CREATE FOREIGN TABLE dense (commit_id bigint, aggregate_id text, version bigint, events jsonb)
  SERVER store OPTIONS (commit_table 'journal', counter_table 'journal-counters', append_mode 'dense');
CREATE FOREIGN TABLE contiguous (commit_id bigint, aggregate_id text, version bigint, events jsonb)
  SERVER store OPTIONS (commit_table 'journal', counter_table 'journal-counters', append_mode 'dense', contiguous_versions 'true');
SELECT dynamodb_es_create_tables('store.commits');
SELECT dynamodb_es_create_tables('store.big');
CREATE FOREIGN TABLE store.followed (commit_id bigint, aggregate_id text, version bigint, events jsonb)
  SERVER store OPTIONS (commit_table 'followed', counter_table 'followed-counters');
CREATE FOREIGN TABLE store.feed (commit_id bigint, aggregate_id text, version bigint, events jsonb)
  SERVER store OPTIONS (commit_table 'followed', counter_table 'followed-counters', consistent_prefix 'true');
SELECT dynamodb_es_create_tables('store.followed');
INSERT INTO store.followed (aggregate_id, version, events) SELECT 'f', n, '[]' FROM generate_series(0, 2) n;
INSERT INTO store.followed (aggregate_id, version, events) VALUES ('f', 0, '[]') ON CONFLICT DO NOTHING;
INSERT INTO store.followed (aggregate_id, version, events) VALUES ('f', 3, '[]');
ALTER FOREIGN TABLE store.followed OPTIONS (ADD burn_notes 'false');
INSERT INTO store.followed (aggregate_id, version, events) VALUES ('f', 0, '[]') ON CONFLICT DO NOTHING;
INSERT INTO store.followed (aggregate_id, version, events) VALUES ('f', 4, '[]');
CREATE SCHEMA copy;
CREATE TABLE copy.commits AS
  SELECT row_number() OVER (ORDER BY version, id) AS commit_id, '2026-01-01Z'::timestamptz + version * interval '1 minute' AS committed_at,
    id AS aggregate_id, version::bigint, jsonb_build_array(version) AS events,
    CASE version % 3 WHEN 0 THEN 'ann' WHEN 1 THEN 'bob' END AS author, nullif(version, 5) AS amount
  FROM (VALUES ('a', 9), ('b', 4), ('c', 2), ('d', 1)) aggregates (id, last), generate_series(0, last) version;
CREATE TABLE copy.big AS
  SELECT 1 + version AS commit_id, '2026-01-01Z'::timestamptz AS committed_at, 'm' AS aggregate_id, version::bigint, jsonb_build_array(repeat('x', 100000)) AS events
  FROM generate_series(0, 34) version;
INSERT INTO store.commits (committed_at, aggregate_id, version, events, author, amount)
  SELECT committed_at, aggregate_id, version, events, author, amount FROM copy.commits ORDER BY commit_id;
INSERT INTO store.big (committed_at, aggregate_id, version, events)
  SELECT committed_at, aggregate_id, version, events FROM copy.big ORDER BY commit_id;
CREATE VIEW store.events AS SELECT commit_id, event FROM store.commits, jsonb_array_elements(events) event;
CREATE VIEW copy.events AS SELECT commit_id, event FROM copy.commits, jsonb_array_elements(events) event;
CREATE TABLE few (id text);
INSERT INTO few VALUES ('a'), ('b'), ('none'), ('a'), ('b'), ('a');
CREATE TABLE many AS SELECT chr(97 + n % 4) || CASE WHEN n > 3 THEN n::text ELSE '' END AS id FROM generate_series(0, 4999) n;
CREATE TABLE reached AS SELECT 12::bigint AS position;
ANALYZE few, many, reached, copy.commits;
SQL

# Commits that were appended a while ago: so many seconds, and their ids.
my $plain = PlainDynamoDB->new($ENV{DYNAMODB_ENDPOINT}, 'AKIDEXAMPLE');
$plain->put_all(followed => map { my ($age, @ids) = @$_; map { { aggregateId => { S => "old$_" }, version => { N => '0' }, commitId => { N => "$_" },
	committedAt => { N => (time - $age) . '000' }, events => { S => '[]' }, active => { S => 't' } } } @ids } [ 7200, 9, 11, 13, 14, 15 ], [ 600, 17 ]);
$plain->put('followed-counters' => { name => { S => 'commits' }, id => { N => '17' } });

my %session = map { ($_, Session->new($node, options => "-csearch_path=$_,public")) } qw(store copy);

my $largest = 0;     # of the requests, in bytes
my %late;            # requests that the last statement may have left under way

# What the session's statement has asked of DynamoDB, the items that it read for that, and its rows.
sub run
{
	my ($where, $case) = @_;
	my $session = $session{$where};
	my (@requests, @rows, %seen, $items);
	$session->query($case->{before}) if $case->{before};
	$proxy->rules;
	my $result = $session->try($case->{sql});
	for my $request ($proxy->events('request'))
	{
		$largest = $request->{size} if $request->{size} > $largest && $request->{operation} ne 'TransactWriteItems';
		next if $late{ Record::describe($request) };
		push @requests, Record::describe($request);
		$seen{ $request->{n} } = 1;
	}
	$items += $_->{scanned} for grep { $seen{ $_->{n} } } $proxy->events('answer');
	$session->query($case->{after}) if $case->{after};
	$session->query('DEALLOCATE ALL');
	$session->query('RESET ALL');
	@rows = map { join '|', map { $_ // 'NULL' } @$_ } @{ $result->{rows} };
	@rows = sort @rows if ($case->{compare} // 'rows') ne 'order';
	@rows = scalar @rows if ($case->{compare} // '') eq 'count';
	return { requests => \@requests, items => $items // 0, rows => \@rows, error => $result->{error} };
}

# The requests as they are to be compared.
sub comparable
{
	my ($case, @requests) = @_;
	my %perhaps = map { ($_, 1) } @{ $case->{perhaps} // [] };
	my %seen;
	@requests = grep { !$perhaps{$_} } @requests;
	@requests = grep { !/^DescribeTable/ || !$seen{$_}++ } @requests if $case->{polls};
	# Where ranges are cut depends on which page came first.
	s/(version|commitId) (?:>= \d+|(?:BETWEEN \d+ AND|<=) \d+\.9…)/$1 in a range/ for $case->{ranges} ? @requests : ();
	@requests = sort @requests if $case->{parallel};
	return [ Record::summary(@requests) ];
}

# What is wrong with the EXPLAIN of a case, which must ask nothing, in any of the formats; undef when nothing is.
sub explain_complaint
{
	my ($case) = @_;
	my ($setting_up, $statement) = $case->{sql} =~ /^((?:PREPARE .*?; )?)((?:SELECT|WITH|INSERT|EXECUTE) .*)/ or return undef;
	for my $format (qw(TEXT JSON XML YAML))
	{
		my $got = run('store', { %$case, compare => 'rows', sql => "${setting_up}EXPLAIN (VERBOSE, FORMAT $format) $statement" });
		return "$format: $got->{error}{message}" if $got->{error};
		return "$format: $got->{requests}[0]" if @{ $got->{requests} };
		return "$format: no operation in it" if @{ $case->{requests} } && "@{ $got->{rows} }" !~ /DynamoDB[ -]Operation/ && $case->{sql} !~ /dynamodb_es_/;
	}
	return undef;
}

my ($section, $is_possible);
for my $case (@table)
{
	$section = $case->{section} // $section;
	$is_possible = !$case->{transactions} || $ENV{DYNAMODB_ENGINE} ne 'dynalite' if $case->{section};
	next if $case->{section} || !$is_possible;
	my $name = "$section: $case->{what}";
	my $explained = explain_complaint($case);
	my $got = run('store', $case);
	%late = map { ($_, 1) } @{ $case->{perhaps} // [] };
	is_deeply(comparable($case, @{ $got->{requests} }), comparable($case, @{ $case->{requests} }), "$name: the requests") or diag(join "\n", $case->{sql}, @{ $got->{requests} }, $got->{items});
	is($got->{items}, $case->{items} // 0, "$name: the items read") if ($case->{items} // 0) =~ /^\d+$/;
	is($got->{error} && $got->{error}{sqlstate}, $case->{error}, "$name: " . ($case->{error} ? 'its error' : 'no error')) or diag($got->{error}{message});
	is_deeply($got->{rows}, run('copy', $case)->{rows}, "$name: the rows") if $case->{compare} // 1;
	is($explained, undef, "$name: EXPLAIN shows it in every format, and asks nothing");
}
cmp_ok($largest, '<', 1024, 'no request but a transaction is larger than 1 KB');

open my $file, '<', "$FindBin::RealBin/../doc/reference/requests.md" or die "doc/reference/requests.md: $!";
is(do { local $/; <$file> }, document(), 'doc/reference/requests.md says the same; perl t/030_requests.pl --print makes it');

$node->stop;
$proxy->stop;
done_testing();
