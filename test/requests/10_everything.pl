+{
	section => 'Everything',
	text => <<'TEXT',
A Scan reads, and bills, the whole table. Pages hold at most 1 MB of items, each asked for after the last.
TEXT
	cases => [ {
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
	} ],
}
