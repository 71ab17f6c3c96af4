+{
	section => 'Where values come from',
	cases => [ {
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
	} ],
}
