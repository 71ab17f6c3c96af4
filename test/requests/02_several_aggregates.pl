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
		what => 'single commits, by their keys: neighbours are one range',
		sql => q{SELECT aggregate_id, version FROM commits WHERE (aggregate_id, version) IN (('a', 1), ('b', 2), ('a', 2), ('a', 1))},
		requests => [
			q{Query commits: aggregateId = 'a' AND version BETWEEN 1 AND 2; fetch key},
			q{Query commits: aggregateId = 'b' AND version = 2; fetch key},
		],
		items => 3,
		parallel => 1,
	}, {
		what => 'single commits that are no neighbours: a hundred in a request',
		sql => q{SELECT aggregate_id, version FROM commits WHERE (aggregate_id, version) IN (('a', 1), ('b', 2), ('a', 4), ('a', 1), ('none', 0), ('b', NULL))},
		requests => [
			q{BatchGetItem commits: ('a', 1), ('a', 4), ('b', 2), ('none', 0); fetch key},
		],
		items => 3,
	}, {
		what => 'the keys that another table names',
		sql => q{SELECT aggregate_id, version FROM commits WHERE (aggregate_id, version) = ANY (ARRAY(SELECT (id, length(id)::bigint) FROM few))},
		requests => [
			q{BatchGetItem commits: ('a', 1), ('b', 1), ('none', 4); fetch key},
		],
		items => 2,
	}, {
		what => 'the same by a join: those of several rows in one request',
		sql => q{SELECT aggregate_id, version FROM (SELECT DISTINCT id FROM few ORDER BY id OFFSET 0) f JOIN commits ON aggregate_id = f.id AND version = length(f.id)},
		requests => [
			q{Query commits: aggregateId = 'a' AND version = 1; fetch key},
			q{BatchGetItem commits: ('b', 1), ('none', 4); fetch key},
		],
		items => 2,
	}, {
		what => 'a thousand of them',
		sql => q{SELECT aggregate_id, version FROM commits WHERE aggregate_id = ANY (ARRAY(SELECT id FROM (SELECT DISTINCT id FROM many) m ORDER BY length(id), id LIMIT 1000)) AND version = 1},
		requests => [
			(q{BatchGetItem commits: 100 keys; fetch key}) x 10,
		],
		items => 4,
	}, {
		what => 'a filter stays here',
		sql => q{SELECT version FROM commits WHERE aggregate_id IN ('a', 'b', 'c') AND version = 1 AND author = 'bob'},
		requests => [
			q{BatchGetItem commits: ('a', 1), ('b', 1), ('c', 1); fetch key, author},
		],
		items => 3,
	}, {
		what => 'counted',
		sql => q{SELECT count(*) FROM commits WHERE aggregate_id IN ('a', 'b', 'none') AND version IN (1, 4)},
		requests => [
			q{BatchGetItem commits: 6 keys; fetch key},
		],
		items => 4,
	}, {
		what => 'without strong consistency',
		sql => q{SELECT version FROM commits WHERE aggregate_id IN ('a', 'b') AND version = 2},
		requests => [
			q{BatchGetItem commits: ('a', 2), ('b', 2); fetch key; eventually consistent},
		],
		items => 2,
		before => q{ALTER FOREIGN TABLE store.commits OPTIONS (ADD consistent_read 'false')},
		after => q{ALTER FOREIGN TABLE store.commits OPTIONS (DROP consistent_read)},
	}, {
		what => 'any few of them',
		sql => q{SELECT version FROM commits WHERE aggregate_id IN ('a', 'b', 'c') AND version = 0 LIMIT 2},
		requests => [
			q{BatchGetItem commits: ('a', 0), ('b', 0); fetch key},
		],
		items => 2,
		compare => 'count',
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
		what => 'the same as a subquery: several of them ahead',
		sql => q{SELECT aggregate_id, version FROM commits WHERE aggregate_id IN (SELECT id FROM few)},
		requests => [
			q{Query commits: aggregateId = 'a'; fetch key},
			q{Query commits: aggregateId = 'b'; fetch key},
			q{Query commits: aggregateId = 'none'; fetch key},
		],
		items => 15,
		parallel => 1,
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
