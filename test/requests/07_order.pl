+{
	section => 'Order',
	cases => [ {
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
	} ],
}
