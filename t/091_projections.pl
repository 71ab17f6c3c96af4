# A projection gives each commit to its handler once, in the order of ids, whoever runs it and however it is run.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../test/lib";

use PlainDynamoDB;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Session;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->start;
my $session = Session->new($node);
my $other = Session->new($node);
my $plain = PlainDynamoDB->new($ENV{DYNAMODB_ENDPOINT}, 'AKIDEXAMPLE');
$session->create_table('commits', $ENV{DYNAMODB_ENDPOINT});
$session->query(<<'SQL');
SELECT dynamodb_es_create_tables('commits');
CREATE TABLE applied (n bigserial, commit_id bigint, aggregate_id text, version bigint, events jsonb, by name DEFAULT current_user);
CREATE FUNCTION apply(batch commits[]) RETURNS void LANGUAGE sql BEGIN ATOMIC
  INSERT INTO applied (commit_id, aggregate_id, version, events) SELECT commit_id, aggregate_id, version, events FROM unnest(batch) ORDER BY commit_id;
END;
SQL

my $ids = 0;
sub append
{
	my ($count, $name) = @_;
	$session->query("INSERT INTO commits (aggregate_id, version, events) SELECT '$name', n, '[{\"type\": \"$name\"}]' FROM generate_series($ids, $ids + $count - 1) n");
	$ids += $count;
	return;
}
sub applied { return scalar $other->query("SELECT coalesce(string_agg(commit_id::text, ' ' ORDER BY n), '') FROM applied") }
sub refused
{
	my ($what, $sql, $sqlstate, $like) = @_;
	my $error = $session->try($sql)->{error} // {};
	is($error->{sqlstate}, $sqlstate, "$what: $sqlstate");
	like("$error->{message} " . ($error->{detail} // ''), $like, "$what: the message") if $like;
	return;
}

# What cannot be a handler, or a projection.
$session->query(<<'SQL');
CREATE FUNCTION two(a commits[], b int) RETURNS void LANGUAGE sql AS '';
CREATE FUNCTION no_array(a commits) RETURNS void LANGUAGE sql AS '';
CREATE FUNCTION numbers(a int[]) RETURNS void LANGUAGE sql AS '';
CREATE FUNCTION local_rows(a applied[]) RETURNS void LANGUAGE sql AS '';
CREATE FUNCTION a_set(a commits[]) RETURNS SETOF int LANGUAGE sql AS 'SELECT 1';
CREATE PROCEDURE a_procedure(a commits[]) LANGUAGE sql AS '';
SQL
refused("a handler like $_", "SELECT dynamodb_es_create_projection('x', '$_')", '42809') for qw(two no_array numbers local_rows a_set a_procedure);
refused('a handler that is not there', q{SELECT dynamodb_es_create_projection('x', 'nothing')}, '42883');
refused('no name', q{SELECT dynamodb_es_create_projection('', 'apply')}, '22023');
refused('a position before the first', q{SELECT dynamodb_es_create_projection('x', 'apply', start_after => -1)}, '22023');
refused('an empty batch', q{SELECT dynamodb_es_create_projection('x', 'apply', batch_size => 0)}, '22023');
refused('a poll at once', q{SELECT dynamodb_es_create_projection('x', 'apply', poll_interval => '0')}, '22023');
refused("nothing done for a NULL: $_", "SELECT $_", '22023')
  for q{dynamodb_es_create_projection(NULL, 'apply')}, q{dynamodb_es_create_projection('x', 'apply', start_after => NULL)}, q{dynamodb_es_alter_projection(NULL)},
  q{dynamodb_es_reset('p', (SELECT max(id) FROM generate_series(1, 0) id))}, q{dynamodb_es_reset(NULL)}, q{dynamodb_es_skip('p', NULL)}, q{dynamodb_es_drop_projection(NULL)},
  q{dynamodb_es_run(NULL)}, q{dynamodb_es_wait_for('p', NULL)}, q{dynamodb_es_set_head('commits', NULL)};
refused('none of that name', q{SELECT dynamodb_es_run('x')}, '42704');

# run: one batch in this transaction.
$session->query(q{SELECT dynamodb_es_create_projection('p', 'apply', batch_size => 4)});
refused('a name that is taken', q{SELECT dynamodb_es_create_projection('p', 'apply')}, '42710');
is(scalar $session->query(q{SELECT dynamodb_es_run('p')}), 0, 'of an empty store there is nothing to apply');
append(6, 'a');
is(scalar $session->query(q{SELECT dynamodb_es_run('p')}), 4, 'a batch is as large as it may be');
is(scalar $session->query(q{SELECT dynamodb_es_run('p')}), 2, 'the next one has the rest');
is(scalar $session->query(q{SELECT dynamodb_es_run('p')}), 0, 'then there is nothing new');
is(applied(), '1 2 3 4 5 6', 'each commit was applied once, in order');
is_deeply([ $session->query(q{SELECT aggregate_id, version, events FROM applied WHERE commit_id = 2}) ], [ [ 'a', 1, '[{"type": "a"}]' ] ], 'as a row of the source');
is_deeply([ $session->query(q{SELECT name, owner = current_user, source, handler, enabled, state, position, seen, waiting_for, applied, passed, last_error FROM dynamodb_es_projections}) ],
	[ [ 'p', 't', 'commits', 'public.apply(public.commits[])', 't', 'no worker', 6, 6, undef, 6, 0, undef ] ], 'the view tells of it');

# Transactions: what is rolled back was not applied.
append(2, 'b');
$session->query(q{BEGIN; SELECT dynamodb_es_run('p'); ROLLBACK});
is(applied(), '1 2 3 4 5 6', 'a batch that is rolled back was not applied');
$session->query(q{BEGIN; SAVEPOINT a; SELECT dynamodb_es_run('p'); ROLLBACK TO a; SELECT dynamodb_es_run('p'); SELECT dynamodb_es_run('p'); COMMIT});
is(applied(), '1 2 3 4 5 6 7 8', 'nor one whose subtransaction is; in the same transaction it is applied after all');
for my $isolation ('repeatable read', 'serializable')
{
	append(2, 'c');
	$session->query("BEGIN ISOLATION LEVEL $isolation; SELECT 1");
	$other->query(q{SELECT dynamodb_es_run('p')});
	append(1, 'd');
	refused("$isolation: another session was faster", q{SELECT dynamodb_es_run('p')}, '40001');
	$session->query('ROLLBACK');
	is(scalar $session->query("BEGIN ISOLATION LEVEL $isolation; SELECT dynamodb_es_run('p')"), 1, "$isolation: tried again");
	$session->query('COMMIT');
}
$session->query(q{BEGIN; SELECT 1});
append(2, 'e');
$other->query(q{BEGIN; SELECT dynamodb_es_run('p')});
$session->send(q{SELECT dynamodb_es_run('p')});
ok(Session::comes(sub { Session->new($node)->query("SELECT wait_event_type FROM pg_stat_activity WHERE pid = $session->{pid}") eq 'Lock' }), 'two sessions take turns');
$other->query('COMMIT');
is($session->result->{rows}[0][0], 0, 'whoever comes second takes what is left');
$session->query('COMMIT');
is(applied(), join(' ', 1 .. $ids), 'each commit was applied once');

# follow.
for ([ 'in a transaction block', 'BEGIN; CALL dynamodb_es_follow()' ], [ 'among other statements', 'SELECT 1; CALL dynamodb_es_follow()' ],
	[ 'in a DO block', 'DO $$ BEGIN CALL dynamodb_es_follow(); END $$' ])
{
	refused("follow $_->[0]", $_->[1], '0A000');
	$session->try('ROLLBACK');
}
append(20, 'f');
$other->query(q{CALL dynamodb_es_follow('p', until_caught_up => true)});
is(applied(), join(' ', 1 .. $ids), 'follow, until it has caught up');
$other->query(q{CALL dynamodb_es_follow(until_caught_up => true)});
my $follower = Session->new($node);
$session->query(q{SELECT dynamodb_es_alter_projection('p', poll_interval => '10 ms')});
$follower->send('CALL dynamodb_es_follow()');
append(20, 'g');
is(scalar $session->query("SELECT dynamodb_es_wait_for('p', $ids)"), 't', 'a follower applies what comes, and who waits for it is told');
is(applied(), join(' ', 1 .. $ids), 'follow');
is(scalar $session->query(q{SELECT state FROM dynamodb_es_projections}), 'running', 'the view knows that somebody follows');
is(scalar $session->query("SELECT dynamodb_es_wait_for('p', $ids + 1, '20 ms')"), 'f', 'what does not come is waited for no longer than asked for');
refused('wait_for under REPEATABLE READ', "BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT dynamodb_es_wait_for('p', 1)", '25001');
$session->query('ROLLBACK');
# What a follower does while nothing is due. The projection is not looked at again before the test has ended it.
sub waiting_follower
{
	my ($settings) = @_;
	$follower->query($settings) if $settings;
	$session->query(q{SELECT dynamodb_es_alter_projection('p', poll_interval => '1 hour')});
	$follower->send('CALL dynamodb_es_follow()');
	return Session::comes(sub {
		my ($row) = $session->query("SELECT xact_start IS NULL, wait_event FROM pg_stat_activity WHERE pid = $follower->{pid} AND query ~ '^CALL' AND state = 'active'");
		return $row && $row->[0] eq 't' && ($row->[1] // '') =~ /\A(Extension|DynamodbIdle)\z/;
	});
}
$session->query("SELECT pg_cancel_backend($follower->{pid})");
is($follower->result->{error}{sqlstate}, '57014', 'it can be cancelled');
append(1, 'h');
is(scalar $follower->query(q{SELECT dynamodb_es_run('p')}), 1, 'and its session goes on');
ok(waiting_follower(), 'a follower waits outside of a transaction');
is_deeply([ $session->query("SELECT locktype FROM pg_locks WHERE pid = $follower->{pid}") ], [ ['advisory'] ], 'and has no lock but its mark');
$session->query("SELECT pg_cancel_backend($follower->{pid})");
is_deeply([ @{ $follower->result }{ 'notices', 'error' }, $follower->query('SELECT 1') ],
	[ [], { severity => 'ERROR', sqlstate => '57014', message => 'canceling statement due to user request' }, [1] ], 'a cancel ends the wait, and nothing is left of it');
ok(waiting_follower(q{SET statement_timeout = '300 ms'}), 'a follower with a statement_timeout waits');
is($follower->result->{error}{sqlstate}, '57014', 'until the CALL has taken that long');
if ($node->pg_version >= 17)
{
	ok(waiting_follower(q{SET statement_timeout = 0; SET transaction_timeout = '300 ms'}), 'a follower with a transaction_timeout waits');
	ok(Session::comes(sub { $session->query("SELECT clock_timestamp() > query_start + interval '1 s' FROM pg_stat_activity WHERE pid = $follower->{pid}") eq 't' }), 'for longer than that');
	$session->query("SELECT pg_cancel_backend($follower->{pid})");
	is($follower->result->{error}{sqlstate}, '57014', 'and is there');
}
$follower->query('RESET ALL');
$session->query(q{SELECT dynamodb_es_alter_projection('p', poll_interval => '10 ms')});

# Errors: the one commit that fails is found, and named; others go on.
$session->query(<<'SQL');
CREATE FUNCTION picky(batch commits[]) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  PERFORM 1 / (CASE WHEN c.aggregate_id = 'bad' THEN 0 ELSE 1 END) FROM unnest(batch) c;
  INSERT INTO applied (commit_id, aggregate_id) SELECT commit_id, aggregate_id FROM unnest(batch);
END $$;
SQL
my $before = $ids;
append(10, 'i');
append(1, 'bad');
append(10, 'j');
my $bad = $before + 11;
$session->query("TRUNCATE applied; SELECT dynamodb_es_reset('p', $ids); SELECT dynamodb_es_create_projection('q', 'picky', start_after => $before, poll_interval => '10 ms')");
refused('run, of a batch with a commit that cannot be applied', q{SELECT dynamodb_es_run('q')}, '22012');
my $result = $follower->try('CALL dynamodb_es_follow(until_caught_up => true)');
is($result->{error}{sqlstate}, '22012', 'to catch up is an error where a projection has stopped');
is(applied(), join(' ', $before + 1 .. $bad - 1), 'all before the commit that fails was applied');
is_deeply([ $session->query(q{SELECT state, position, last_error, next_try > now() FROM dynamodb_es_projections WHERE name = 'q'}) ],
	[ [ 'stopped', $bad - 1, qq{commit $bad (aggregate "bad", version } . ($bad - 1) . '): division by zero', 't' ] ], 'it is named');
refused('to skip what is applied', "SELECT dynamodb_es_skip('q', $bad - 1)", '22023');
$session->query("SELECT dynamodb_es_skip('q', $bad)");
$follower->query('CALL dynamodb_es_follow(until_caught_up => true)');
is(applied(), join(' ', grep { $_ != $bad } $before + 1 .. $ids), 'who skips it has the rest applied');
is_deeply([ $session->query('SELECT projection, ids, fate, by_role = current_user FROM dynamodb_es_passed') ], [ [ 'q', "[$bad," . ($bad + 1) . ')', 'skipped', 't' ] ], 'and is on record');

# A value that cannot be read is such an error, too.
my $unreadable = ++$ids;
$session->query("SELECT dynamodb_es_set_head('commits', $unreadable)");
$plain->put(commits => { aggregateId => { S => 'unreadable' }, version => { N => '0' }, commitId => { N => "$unreadable" }, committedAt => { N => '1' }, events => { S => '[' }, active => { S => 't' } });
append(2, 'l');
is($follower->try('CALL dynamodb_es_follow(until_caught_up => true)')->{error}{sqlstate}, '22P02', 'a commit that cannot be read');
is_deeply([ $session->query('SELECT position, state FROM dynamodb_es_projections ORDER BY name') ], [ ([ $unreadable - 1, 'stopped' ]) x 2 ], 'those before it were applied');
like(scalar $session->query(q{SELECT last_error FROM dynamodb_es_projections WHERE name = 'p'}), qr/^commit $unreadable \(aggregate "unreadable", version 0\): attribute "events"/, 'it is named');
refused('run, of a commit that cannot be read', q{SELECT dynamodb_es_run('p')}, '22P02');
$session->query("SELECT dynamodb_es_skip(name, $unreadable) FROM dynamodb_es_projections");
$follower->query('CALL dynamodb_es_follow(until_caught_up => true)');
is_deeply([ $session->query('SELECT position FROM dynamodb_es_projections') ], [ ([ $ids ]) x 2 ], 'it can be skipped');

# A follower that waits with an error goes on as soon as something is done about it. It looks for that as often as for new projections.
append(1, 'bad');
append(1, 'k');
$follower->send(q{CALL dynamodb_es_follow()});
ok(Session::comes(sub { $session->query(q{SELECT state FROM dynamodb_es_projections WHERE name = 'q'}) eq 'stopped' }), 'a follower stops one projection');
is(scalar $session->query("SELECT dynamodb_es_wait_for('p', $ids)"), 't', 'and goes on with others');
$session->query(q{CREATE OR REPLACE FUNCTION picky(batch commits[]) RETURNS void LANGUAGE sql AS 'INSERT INTO applied (commit_id) SELECT commit_id FROM unnest(batch)'});
$session->query("SELECT dynamodb_es_alter_projection('q', handler => 'picky')");
is(scalar $session->query("SELECT dynamodb_es_wait_for('q', $ids, '1 min')"), 't', 'a handler that is mended is tried at once');
is(scalar $session->query(q{SELECT state || coalesce(last_error, '') FROM dynamodb_es_projections WHERE name = 'q'}), 'running', 'and the error is gone');

$node->stop;
done_testing();
