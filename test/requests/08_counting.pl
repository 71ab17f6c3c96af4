+{
	section => 'Counting',
	text => <<'TEXT',
DynamoDB counts, and sends a number. It still reads, and bills, what it counts.
TEXT
	cases => [ {
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
	} ],
}
