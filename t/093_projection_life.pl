# What becomes of a projection when its follower is cancelled, crashes, or is a server restored from a dump.
# Engine: dynalite
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../test/lib";

use Fault;
use Interrupt;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Session;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->append_conf('postgresql.conf', 'restart_after_crash = on');
$node->start;
my $fault = Fault->new($ENV{DYNAMODB_ENDPOINT});
my $session = Session->new($node);
my $follower = Session->new($node);
$session->create_table('commits', $fault->endpoint, request_timeout_ms => 600000);
$session->query(<<'SQL');
SELECT dynamodb_es_create_tables('commits');
CREATE TABLE applied (n bigserial, commit_id bigint);
CREATE FUNCTION apply(batch commits[]) RETURNS void LANGUAGE sql BEGIN ATOMIC
  INSERT INTO applied (commit_id) SELECT commit_id FROM unnest(batch);
END;
SELECT dynamodb_es_create_projection('p', 'apply', poll_interval => '10 ms');
SQL
my $ids = 0;
sub append
{
	my ($count) = @_;
	$session->query("INSERT INTO commits (aggregate_id, version, events) SELECT 'a', n, '[]' FROM generate_series($ids, $ids + $count - 1) n");
	$ids += $count;
	return;
}
sub applied { return scalar Session->new($node)->query(q{SELECT coalesce(string_agg(commit_id::text, ' ' ORDER BY n), '') FROM applied}) }
sub all { return join ' ', 1 .. $ids }

# Whatever it waits for, it ends at once.
append(1);
my @works = (works => [ 'SELECT 1', 1 ]);
for my $call (q{CALL dynamodb_es_follow('p')}, q{SELECT dynamodb_es_run('p')})
{
	ends_at_once($node, $session, "$call, silent endpoint", sql => $call, seen => 1, @works,
		prepare => sub { $fault->rules({ name => 'caught', operation => 'Query', before => 'stall' }) },
		reached => sub { $fault->wait_for(operation => 'Query', rule => 'caught') });
}
$fault->rules;
my $in_wait = sub { my $pid = $_[0]{pid}; Session::comes(sub { ($session->query("SELECT wait_event FROM pg_stat_activity WHERE pid = $pid") // '') =~ /\A(?:Extension|Dynamodb\w+)\z/ }) };
$session->query(q{SELECT dynamodb_es_alter_projection('p', poll_interval => '1 h')});
ends_at_once($node, $session, 'follow, between polls', sql => q{CALL dynamodb_es_follow('p')}, reached => $in_wait, @works);
ends_at_once($node, $session, 'wait_for', sql => q{SELECT dynamodb_es_wait_for('p', 1000, '1 h')}, reached => $in_wait, @works);
is(scalar $session->query('SELECT starts FROM dynamodb_es_projection'), 0, 'who is ended leaves no mark of a crash');
$session->query(q{SELECT dynamodb_es_alter_projection('p', poll_interval => '10 ms')});

# While it follows, its statistics are known.
my $updates = q{SELECT n_tup_ins FROM pg_stat_user_tables WHERE relname = 'applied'};
my $before = $session->query($updates);
$follower->send(q{CALL dynamodb_es_follow('p')});
append(5);
ok(Session::comes(sub { Session->new($node)->query($updates) >= $before + 5 }), 'statistics are told while it follows');
is(applied(), all(), 'what came was applied');

# It goes by what is changed meanwhile.
$session->query(q{BEGIN; TRUNCATE applied; SELECT dynamodb_es_reset('p'); COMMIT});
is(scalar $session->query("SELECT dynamodb_es_wait_for('p', $ids)"), 't', 'reset under a follower');
is(applied(), all(), 'each commit was applied anew, once');
$session->query(q{CREATE OR REPLACE FUNCTION apply2(batch commits[]) RETURNS void LANGUAGE sql AS 'INSERT INTO applied (commit_id) SELECT -commit_id FROM unnest(batch)'});
$session->query(q{SELECT dynamodb_es_alter_projection('p', handler => 'apply2')});
append(1);
$session->query("SELECT dynamodb_es_wait_for('p', $ids)");
is(scalar $session->query('SELECT min(commit_id) FROM applied'), -$ids, 'another handler under a follower');
$session->query(q{ALTER FOREIGN TABLE commits ADD COLUMN tag text; SELECT dynamodb_es_alter_projection('p', handler => 'apply')});
append(1);
is(scalar $session->query("SELECT dynamodb_es_wait_for('p', $ids)"), 't', 'another column under a follower');
$session->query(q{SELECT dynamodb_es_alter_projection('p', enabled => false)});
is($follower->result->{error}{sqlstate}, '55000', 'a follower of one that is disabled ends');
is($session->try(q{SELECT dynamodb_es_run('p')})->{error}{sqlstate}, '55000', 'and nobody runs it');
$session->query(q{TRUNCATE applied; SELECT dynamodb_es_alter_projection('p', enabled => true); SELECT dynamodb_es_reset('p')});

# What is said only at the commit is an error of the batch, too.
$session->query(q{ALTER TABLE applied ADD COLUMN once int DEFAULT 1, ADD CONSTRAINT once UNIQUE (once) DEFERRABLE INITIALLY DEFERRED});
is($follower->try('CALL dynamodb_es_follow(until_caught_up => true)')->{error}{sqlstate}, '23505', 'a constraint that is deferred');
is(applied(), '', 'nothing was applied');
like(scalar $session->query('SELECT last_error FROM dynamodb_es_projections'), qr/duplicate key/, 'and that is why');
$session->query('ALTER TABLE applied DROP COLUMN once');
my $serializable = Session->new($node, default_transaction_isolation => 'serializable');
$serializable->query('CALL dynamodb_es_follow(until_caught_up => true)');
is(applied(), all(), 'a follower whose transactions are serializable');
is(scalar $session->query('SELECT last_error IS NULL FROM dynamodb_es_projections'), 't', 'what has passed is no error any more');

# A handler that takes the server down: whoever begins with it waits longer each time.
my $starts = sub { scalar Session->new($node)->query(q{SELECT starts FROM dynamodb_es_projection WHERE name = 'p'}) };
$session->query(<<'SQL');
CREATE FUNCTION crash(batch commits[]) RETURNS void LANGUAGE plpgsql AS $$
BEGIN EXECUTE format('COPY (SELECT 1) TO PROGRAM %L', 'kill -9 ' || pg_backend_pid() || '; sleep 1'); END $$;
SELECT dynamodb_es_alter_projection('p', handler => 'crash'); SELECT dynamodb_es_reset('p');
CREATE TABLE others (commit_id bigint);
CREATE FUNCTION other(batch commits[]) RETURNS void LANGUAGE sql AS 'INSERT INTO others SELECT commit_id FROM unnest(batch)';
SELECT dynamodb_es_create_projection('z', 'other', poll_interval => '10 ms');
SQL
my $comes_back = sub { Session::comes(sub { eval { $session = Session->new($node); 1 } && eval { $session->query('SELECT 1') } }) };
$follower->send('CALL dynamodb_es_follow()');
ok($follower->result->{ended_at}, 'a handler crashes the server');
ok($comes_back->(), 'which comes back');
is($starts->(), 1, 'the row tells that the batch has begun');
$follower = Session->new($node);
$follower->send('CALL dynamodb_es_follow()');
is(scalar $session->query("SELECT dynamodb_es_wait_for('z', $ids)"), 't', 'whoever follows goes on with others');
is($starts->(), 1, 'and waits with this one');
$session->query(q{SELECT dynamodb_es_alter_projection('p', enabled => false)});
$session->query("SELECT pg_cancel_backend($follower->{pid})");
my $ended = $follower->result;
like($ended->{notices}[0]{message}, qr/^the last session that began with projection "p" has ended in its first batch$/, 'it has said so');
$session->query(q{SELECT dynamodb_es_drop_projection('z'); SELECT dynamodb_es_alter_projection('p', handler => 'apply', enabled => true); SELECT dynamodb_es_reset('p'); TRUNCATE applied; DROP FUNCTION crash});
is(scalar $session->query('SELECT count(*) FROM (SELECT dynamodb_es_run(\'p\')) r'), 1, 'run does not wait');

# A dump has position and effects as of one moment, and comes in disabled.
my $dump = PostgreSQL::Test::Utils::tempdir() . '/dump';
append(3);
is(applied() ne all(), 1, 'the projection is behind');
$session->query(q{SELECT dynamodb_es_skip('p', 100)});
my $tables = q{SELECT name, handler, position, applied, batch_size, poll_interval, last_commit_id, last_aggregate_id, last_version FROM dynamodb_es_projection};
my @rows = $session->query($tables);
$node->command_ok([ 'pg_dump', '-Fd', '-j', 2, '-f', $dump, 'postgres' ], 'pg_dump');
for my $how ([ 'pg_restore' ], [ 'pg_restore', '-j', 2 ])
{
	$session->query('CREATE DATABASE restored');
	$node->command_ok([ @$how, '-d', 'restored', $dump ], "@$how");
	my $restored = Session->new($node, database => 'restored');
	is_deeply([ $restored->query($tables) ], \@rows, "@$how: the same rows");
	is_deeply([ $restored->query('SELECT projection, ids, fate FROM dynamodb_es_passed') ], [ [ 'p', '[100,101)', 'skipped' ] ], "@$how: what was skipped");
	is_deeply([ $restored->query('SELECT enabled, state FROM dynamodb_es_projections') ], [ [ 'f', 'restored' ] ], "@$how: disabled");
	my $error = $restored->try(q{SELECT dynamodb_es_run('p')})->{error};
	is("$error->{sqlstate} $error->{detail}", '55000 It was restored from a dump.', "@$how: nobody applies it by accident");
	$restored->query(q{SELECT dynamodb_es_alter_projection('p', enabled => true)});
	is(scalar $restored->query(q{SELECT dynamodb_es_run('p')}), 3, "@$how: enabled, it goes on where the dump was");
	is(scalar $restored->query(q{SELECT string_agg(commit_id::text, ' ' ORDER BY n) FROM applied}), all(), "@$how: each commit is applied once");
	is(scalar $restored->query('SELECT state FROM dynamodb_es_projections'), 'no worker', "@$how: as any other one");
	$restored->close;
	ok(Session::comes(sub { !$session->try('DROP DATABASE restored')->{error} }), 'dropped');
}
# A dump of some tables has what a projection has written, without its position; one of the extension's schema has both.
sub restored_part
{
	my ($prepare, @what) = @_;
	$session->query('CREATE DATABASE part TEMPLATE template0');
	my $part = Session->new($node, database => 'part');
	$part->query($prepare);
	$node->command_ok([ 'pg_dump', '-Fc', @what, '-f', "$dump.part", 'postgres' ], "pg_dump @what");
	run_log([ 'pg_restore', '-h', $node->host, '-p', $node->port, '-d', 'part', "$dump.part" ]);    # the schema public is there already
	return $part;
}
my $effects = 'SELECT count(*) > 0 FROM public.applied';
my $part = restored_part('CREATE SCHEMA e; CREATE EXTENSION dynamodb_es SCHEMA e', -t => 'applied');
is_deeply([ map { $part->query($_) } $effects, 'SELECT count(*) FROM e.dynamodb_es_projections' ], [ [ 't' ], [ 0 ] ], 'pg_dump -t: what was written, no position');
$part->close;
ok(Session::comes(sub { !$session->try('DROP DATABASE part')->{error} }), 'dropped');
$part = restored_part('CREATE EXTENSION dynamodb_es; CREATE SERVER commits_server FOREIGN DATA WRAPPER dynamodb_es', -n => 'public');
is_deeply([ map { $part->query($_) } $effects, 'SELECT state FROM dynamodb_es_projections' ], [ [ 't' ], [ 'restored' ] ], 'pg_dump -n, of the schema of the extension: both');

$fault->stop;
$node->stop;
done_testing();
