+{
	section => 'Joins',
	cases => [ {
		what => 'over few local rows: a Query for each aggregate',
		sql => q{SELECT f.id, version FROM few f JOIN commits ON aggregate_id = f.id},
		requests => [
			q{Query commits: aggregateId = 'a'; fetch key},
			q{Query commits: aggregateId = 'b'; fetch key},
			q{Query commits: aggregateId = 'none'; fetch key},
		],
		items => 15,
		parallel => 1,
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
		parallel => 1,
	}, {
		what => 'with a list of values',
		sql => q{SELECT id, version FROM (VALUES ('a', 8), ('c', 1)) position (id, reached) JOIN commits ON aggregate_id = id AND version > reached},
		requests => [
			q{Query commits: aggregateId = 'a' AND version >= 9; fetch key},
			q{Query commits: aggregateId = 'c' AND version >= 2; fetch key},
		],
		items => 2,
		parallel => 1,
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
		parallel => 1,
	}, {
		what => 'LATERAL in its place: a Query for each aggregate',
		sql => q{SELECT id, last FROM few, LATERAL (SELECT max(version) AS last FROM commits WHERE aggregate_id = id) l},
		requests => [
			q{Query commits: aggregateId = 'a'; Limit 1; backward; fetch key},
			q{Query commits: aggregateId = 'b'; Limit 1; backward; fetch key},
			q{Query commits: aggregateId = 'none'; Limit 1; backward; fetch key},
		],
		items => 2,
		parallel => 1,
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
	} ],
}
