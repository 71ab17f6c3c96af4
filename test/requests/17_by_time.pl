+{
	section => 'By time',
	text => <<'TEXT',
`ticks` has a thousand commits, one a minute, and `committed_at_slack_ms '0'`. A bound is found by reads of one item each (half a unit): the last
commit, the first, one where the moment should be, and one beside it. What a session has seen spares it some of these. All statements
of this section are sent in one session, one after the other.
TEXT
	before => q{
		CREATE FOREIGN TABLE store.ticks (commit_id bigint, committed_at timestamptz, aggregate_id text, version bigint, events jsonb)
			SERVER store OPTIONS (commit_table 'ticks', counter_table 'ticks-counters', committed_at_slack_ms '0');
		SELECT dynamodb_es_create_tables('store.ticks');
		CREATE TABLE copy.ticks AS SELECT n::bigint AS commit_id, '2026-01-01Z'::timestamptz + n * interval '1 minute' AS committed_at, 'tick-' || n AS aggregate_id,
			0::bigint AS version, '[]'::jsonb AS events FROM generate_series(1, 1000) n;
		ANALYZE copy.ticks;
		INSERT INTO store.ticks (committed_at, aggregate_id, version, events) SELECT committed_at, aggregate_id, version, events FROM copy.ticks ORDER BY commit_id;
		CREATE TABLE opened AS SELECT '2026-01-01 04:00Z'::timestamptz AS at;
		ANALYZE opened;
	},
	after => q{SELECT dynamodb_es_drop_tables('store.ticks'); DROP FOREIGN TABLE store.ticks; DROP TABLE copy.ticks, opened},
	cases => [ {
		what => 'from a moment on, for the first time',
		sql => q{SELECT commit_id FROM ticks WHERE committed_at >= '2026-01-01 16:30Z'},
		requests => [
			q{Query ticks.byId: active = 't'; Limit 1; backward; fetch commitId, committedAt},
			q{Query ticks.byId: active = 't' AND commitId BETWEEN 1 AND 999; Limit 1; fetch commitId, committedAt},
			q{Query ticks.byId: active = 't' AND commitId BETWEEN 990 AND 999; Limit 1; fetch commitId, committedAt},
			q{Query ticks.byId: active = 't' AND commitId BETWEEN 925 AND 989; Limit 1; fetch commitId, committedAt},
			q{Query ticks.byId: active = 't' AND commitId >= 926; filter committedAt >= 1767285000000; fetch key, commitId},
		],
		items => 79,
	}, {
		what => 'the same again: the bound is looked at',
		sql => q{SELECT commit_id FROM ticks WHERE committed_at >= '2026-01-01 16:30Z'},
		requests => [
			q{Query ticks.byId: active = 't' AND commitId = 925; Limit 1; fetch commitId, committedAt},
			q{Query ticks.byId: active = 't' AND commitId >= 926; filter committedAt >= 1767285000000; fetch key, commitId},
		],
		items => 76,
	}, {
		what => 'an hour',
		sql => q{SELECT commit_id FROM ticks WHERE committed_at BETWEEN '2026-01-01 10:00Z' AND '2026-01-01 11:00Z'},
		requests => [
			q{Query ticks.byId: active = 't' AND commitId BETWEEN 600 AND 924; Limit 1; fetch commitId, committedAt},
			q{Query ticks.byId: active = 't' AND commitId BETWEEN 538 AND 599; Limit 1; fetch commitId, committedAt},
			q{Query ticks.byId: active = 't' AND commitId BETWEEN 660 AND 924; Limit 1; fetch commitId, committedAt},
			q{Query ticks.byId: active = 't' AND commitId BETWEEN 697 AND 924; Limit 1; fetch commitId, committedAt},
			q{Query ticks.byId: active = 't' AND commitId BETWEEN 539 AND 696; filter committedAt >= 1767261600000 AND committedAt <= 1767265200000; fetch key, commitId},
		],
		items => 162,
	}, {
		what => 'the first ones after a moment, in order',
		sql => q{SELECT commit_id FROM ticks WHERE committed_at > '2026-01-01 04:00:00.0005Z' ORDER BY commit_id LIMIT 3},
		requests => [
			q{Query ticks.byId: active = 't' AND commitId BETWEEN 240 AND 537; Limit 1; fetch commitId, committedAt},
			q{Query ticks.byId: active = 't' AND commitId BETWEEN 287 AND 537; Limit 1; fetch commitId, committedAt},
			q{Query ticks.byId: active = 't' AND commitId >= 241; filter committedAt > 1767240000000; Limit 100; fetch key, commitId},
		],
		items => 102,
		compare => 'order',
	}, {
		what => 'nothing newer',
		sql => q{SELECT commit_id FROM ticks WHERE committed_at > '2026-02-01Z'},
		requests => [
			q{Query ticks.byId: active = 't'; Limit 1; backward; fetch commitId, committedAt},
			q{Query ticks.byId: active = 't' AND commitId >= 1001; filter committedAt > 1769904000000; fetch key, commitId},
		],
		items => 1,
	}, {
		what => 'how many',
		sql => q{SELECT count(*) FROM ticks WHERE committed_at >= '2026-01-01 16:30Z'},
		requests => [
			q{Query ticks.byId: active = 't' AND commitId = 925; Limit 1; fetch commitId, committedAt},
			q{Query ticks.byId: active = 't' AND commitId >= 926; filter committedAt >= 1767285000000; Select COUNT},
		],
		items => 76,
	}, {
		what => 'a parameter',
		sql => q{PREPARE s (timestamptz) AS SELECT commit_id FROM ticks WHERE committed_at >= $1; EXECUTE s ('2026-01-01 16:30Z')},
		requests => [
			q{Query ticks.byId: active = 't' AND commitId = 925; Limit 1; fetch commitId, committedAt},
			q{Query ticks.byId: active = 't' AND commitId >= 926; filter committedAt >= 1767285000000; fetch key, commitId},
		],
		items => 76,
	}, {
		what => 'by a join',
		sql => q{SELECT commit_id FROM opened JOIN ticks ON committed_at >= at AND committed_at < at + interval '5 minutes'},
		requests => [
			q{Query ticks.byId: active = 't' AND commitId = 239; Limit 1; fetch commitId, committedAt},
			q{Query ticks.byId: active = 't' AND commitId = 287; Limit 1; fetch commitId, committedAt},
			q{Query ticks.byId: active = 't' AND commitId BETWEEN 240 AND 286; fetch key, commitId, committedAt},
		],
		items => 49,
	}, {
		what => 'of an aggregate: by its key',
		sql => q{SELECT commit_id FROM ticks WHERE aggregate_id = 'tick-990' AND committed_at >= '2026-01-01 16:30Z'},
		requests => [
			q{Query ticks: aggregateId = 'tick-990'; filter committedAt >= 1767285000000; fetch key, commitId},
		],
		items => 1,
	}, {
		what => 'the first commit of a day',
		sql => q{SELECT dynamodb_es_first_commit('ticks', '2026-01-01 12:00Z')},
		requests => [
			q{Query ticks.byId: active = 't' AND commitId BETWEEN 720 AND 924; Limit 1; fetch commitId, committedAt},
			q{Query ticks.byId: active = 't' AND commitId = 697; Limit 1; fetch commitId, committedAt},
			q{Query ticks.byId: active = 't' AND commitId >= 698; filter committedAt >= 1767268800000; Limit 100; fetch commitId},
		],
		items => 102,
		compare => 0,
	} ],
}
