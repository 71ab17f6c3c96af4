+{
	section => 'Several aggregates',
	text => <<'TEXT',
A Query for each, up to `max_connections` of them at the same time.
TEXT
	cases => [ {
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
		what => 'single commits, by their keys',
		sql => q{SELECT aggregate_id, version FROM commits WHERE (aggregate_id, version) IN (('a', 1), ('b', 2), ('a', 2), ('a', 1))},
		requests => [
			q{Query commits: aggregateId = 'a' AND version BETWEEN 1 AND 2; fetch key},
			q{Query commits: aggregateId = 'b' AND version = 2; fetch key},
		],
		items => 3,
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
	} ],
}
