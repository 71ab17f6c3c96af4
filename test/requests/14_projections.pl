+{
	section => 'Projections',
	text => <<'TEXT',
`reported` is a projection of `journal`, whose commits are 1, 2 and 11, from position 10 on. `dynamodb_es_run` asks for one batch; `dynamodb_es_follow` and a worker ask the same for each of
theirs. Once a minute a session checks that the store is still the same: it reads the last commit that was applied, strongly consistent, for one unit or more, and, when there is nothing new, the counter, for half a unit. Ids that were passed are looked for when
they have been passed for `gap_timeout`, for twice as long, and so on, for a day: about twelve times with 30 seconds. Such a look is a Query for each range of ids; an empty one costs half a unit.
TEXT
	before => q{SELECT dynamodb_es_create_tables('journal'); INSERT INTO journal (aggregate_id, version, events) VALUES ('j', 0, '[]'), ('j', 1, '[]');
		SELECT dynamodb_es_set_head('journal', 10); INSERT INTO journal (aggregate_id, version, events) VALUES ('j', 2, '[]');
		CREATE FUNCTION report(batch journal[]) RETURNS void LANGUAGE sql AS ''; SELECT dynamodb_es_create_projection('reported', 'report', start_after => 10)},
	after => q{SELECT dynamodb_es_drop_projection('reported'); DROP FUNCTION report; SELECT dynamodb_es_drop_tables('journal')},
	cases => [ {
		what => 'a batch, the first of the session',
		sql => q{SELECT dynamodb_es_run('reported')},
		requests => [
			q{GetItem journal-counters: name = 'commits'},
			q{Query journal.byId: active = 't' AND commitId >= 11; Limit 1000; fetch key, appendedAt, commitId, committedAt, events},
		],
		items => 1,
		compare => 0,
	}, {
		what => 'nothing new, for the first time in a minute',
		sql => q{SELECT dynamodb_es_run('reported')},
		requests => [
			q{Query journal: aggregateId = 'j' AND version = 2; fetch commitId},
			q{Query journal.byId: active = 't' AND commitId >= 12; Limit 1000; fetch key, appendedAt, commitId, committedAt, events},
		],
		items => 1,
		compare => 0,
	}, {
		what => 'nothing new',
		sql => q{SELECT dynamodb_es_run('reported')},
		requests => [
			q{Query journal.byId: active = 't' AND commitId >= 12; Limit 1000; fetch key, appendedAt, commitId, committedAt, events},
		],
		compare => 0,
	}, {
		what => 'a look at three ranges of ids that were passed',
		before => q{TRUNCATE dynamodb_es_passed; INSERT INTO dynamodb_es_passed (projection, ids, passed_at, next_look, fate, by_role)
			SELECT 'reported', ids::int8range, now(), now(), 'open', current_user
			FROM unnest('{"[3,5)","[6,7)","[9,11)"}'::text[]) ids},
		sql => q{SELECT dynamodb_es_run('reported')},
		requests => [
			(map { "Query journal.byId: active = 't' AND commitId $_; fetch key, commitId, committedAt, events" } 'BETWEEN 3 AND 4', '= 6', 'BETWEEN 9 AND 10'),
			q{Query journal.byId: active = 't' AND commitId >= 12; Limit 1000; fetch key, appendedAt, commitId, committedAt, events},
		],
		parallel => 1,
		compare => 0,
	}, {
		what => 'a wait for a commit that was applied',
		sql => q{SELECT dynamodb_es_wait_for('reported', 11)},
		requests => [],
		compare => 0,
	} ],
}
