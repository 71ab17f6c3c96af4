+{
	section => 'One aggregate',
	text => <<'TEXT',
A Query on the table. It is billed for the commits that its key condition selects.
TEXT
	cases => [ {
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
		what => 'OR of versions: as many ranges as there are apart',
		sql => q{SELECT version FROM commits WHERE aggregate_id = 'a' AND (version < 2 OR version = 2 OR version > 7.5)},
		requests => [
			q{Query commits: aggregateId = 'a' AND version <= 2; fetch key},
			q{Query commits: aggregateId = 'a' AND version >= 8; fetch key},
		],
		items => 5,
		parallel => 1,
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
		what => 'a list with small gaps, once the table is analyzed: one range, where that bills less',
		sql => q{SELECT version FROM commits WHERE aggregate_id = 'a' AND version IN (1, 3, 4)},
		before => 'ANALYZE store.commits',
		after => q{DELETE FROM pg_statistic WHERE starelid = 'store.commits'::regclass; UPDATE pg_class SET reltuples = -1, relpages = 0 WHERE oid = 'store.commits'::regclass},
		requests => [
			q{Query commits: aggregateId = 'a' AND version BETWEEN 1 AND 4; fetch key},
		],
		items => 4,
	}, {
		what => 'versions far apart',
		sql => q{SELECT version FROM commits WHERE aggregate_id = 'a' AND version IN (0, 4, 8, 1000)},
		requests => [
			q{BatchGetItem commits: ('a', 0), ('a', 1000), ('a', 4), ('a', 8); fetch key},
		],
		items => 3,
	}, {
		what => 'the same in order: a Query for each, since a batch has no order',
		sql => q{SELECT version FROM commits WHERE aggregate_id = 'a' AND version IN (0, 4, 8) ORDER BY version LIMIT 1},
		requests => [
			q{Query commits: aggregateId = 'a' AND version = 0; Limit 1; fetch key},
		],
		items => 1,
		compare => 'order',
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
	} ],
}
