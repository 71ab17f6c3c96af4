# Scans end in any order and in any way that a session can think of, and parallel workers have connections of their own: what comes after always works,
# and no request or connection of an ended scan goes on.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../test/lib";

use Fault;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Session;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->append_conf('postgresql.conf', "autovacuum = off\nmax_worker_processes = 8\nmax_parallel_workers = 8");
$node->start;

my $fault = Fault->new($ENV{DYNAMODB_ENDPOINT});
my $observer = Session->new($node);
my $session = Session->new($node);
$session->create_table('commits', $fault->endpoint);
$session->query(q{SELECT dynamodb_es_create_tables('commits')});
$session->query(q{INSERT INTO commits (aggregate_id, version, events) SELECT a, v, '[]' FROM unnest('{a,b}'::text[]) a, generate_series(0, 199) v});
my $select = q{SELECT version FROM commits WHERE aggregate_id = 'a' ORDER BY version};

sub rows { my ($sql) = @_; return join ' ', map { $_->[0] } $session->query($sql) }
sub sqlstate { my ($sql) = @_; return ($session->try($sql)->{error} // {})->{sqlstate} // '' }

# The session works, and the server has no session's memory of what was: nothing is under way.
sub works
{
	my ($when) = @_;
	is(rows(q{SELECT count(*) FROM commits WHERE aggregate_id = 'a' AND version < 200}), 200, "$when: the next statement works");
	return;
}

# 1. Cursors, and what ends them.
my $open = "BEGIN; SET LOCAL cursor_tuple_fraction = 1; DECLARE c CURSOR FOR $select; DECLARE d CURSOR FOR $select DESC; SAVEPOINT s; DECLARE e CURSOR FOR SELECT count(*) FROM commits; "
  . "DECLARE f CURSOR FOR $select; FETCH 3 FROM f; FETCH 3 FROM c; FETCH 3 FROM d;";
$session->query("$open CLOSE c; CLOSE f; CLOSE d; CLOSE e; COMMIT");
works('cursors closed in another order than they were opened');
$session->query("$open CLOSE ALL; COMMIT");
works('CLOSE ALL');
$session->query("$open COMMIT");
works('COMMIT with open cursors');
$session->query("$open ROLLBACK");
works('ROLLBACK with open cursors');
$session->query($open);
$session->query('ROLLBACK TO s');
is(rows('FETCH 2 FROM c'), '3 4', 'a rollback to a savepoint leaves the cursors from before it');
is(sqlstate('FETCH 2 FROM f'), '34000', 'and ends those from after it');
$session->query('ROLLBACK');
works('ROLLBACK after that');
$session->query($open);
is(sqlstate('SELECT 1/0'), '22012', 'an error with open cursors');
is(sqlstate('FETCH 1 FROM c'), '25P02', 'leaves an aborted transaction');
$session->query('ROLLBACK');
works('an aborted transaction with open cursors');

# The server refuses a later page.
$session->query('BEGIN');
$session->query("DECLARE c CURSOR FOR $select");
$fault->rules({ operation => 'Query', skip => 1, answer => { status => 400, body => { __type => 'x#ValidationException', message => 'no more' } } });
is(sqlstate('FETCH ALL FROM c'), 'HV000', 'a cursor whose second page is refused fails');
$fault->rules;
$session->query('ROLLBACK');
works('a refused page');

# WITH HOLD: read to the end at COMMIT.
$session->query("BEGIN; DECLARE held CURSOR WITH HOLD FOR $select; FETCH 2 FROM held; COMMIT");
$fault->rules;
is(rows('FETCH 2 FROM held'), '2 3', 'a cursor WITH HOLD goes on after COMMIT');
is(join(' ', $fault->operations), '', 'without a request');
$session->query('DROP USER MAPPING FOR CURRENT_USER SERVER commits_server');
is(scalar(my @rest = $session->query('FETCH ALL FROM held')), 196, 'and without the user mapping');
$session->query(q{CREATE USER MAPPING FOR CURRENT_USER SERVER commits_server OPTIONS (access_key_id 'AKIDEXAMPLE', secret_access_key 'secret'); CLOSE held});
$session->query("BEGIN; DECLARE held CURSOR WITH HOLD FOR $select; FETCH 2 FROM held");
$fault->rules({ operation => 'Query', answer => { status => 400, body => { __type => 'x#ValidationException', message => 'no more' } } });
is(sqlstate('COMMIT'), 'HV000', 'COMMIT fails where a cursor WITH HOLD cannot be read to its end');
$fault->rules;
is(sqlstate('FETCH 1 FROM held'), '34000', 'and there is no such cursor then');
works('a COMMIT that failed');

# A held cursor while COMMIT waits, and the cancel comes.
$session->query("BEGIN; DECLARE held CURSOR WITH HOLD FOR $select; FETCH 2 FROM held");
$fault->rules({ operation => 'Query', name => 'caught', before => 'stall' });
$session->send('COMMIT');
$fault->wait_for(rule => 'caught');
$observer->query('SELECT pg_cancel_backend(' . $session->pid . ')');
is($session->result->{error}{sqlstate}, '57014', 'a COMMIT that reads a cursor to its end can be cancelled');
$fault->release;
$fault->rules;
works('a cancelled COMMIT');

# Loops of PL/pgSQL: each way out of one.
$session->query(<<SQL);
DO \$\$
DECLARE
	r record;
	n integer := 0;
BEGIN
	FOR r IN $select LOOP
		EXIT WHEN r.version = 60;
		BEGIN
			FOR r IN $select LOOP
				n := n + 1;
				IF r.version = 70 THEN RAISE EXCEPTION 'out'; END IF;
			END LOOP;
		EXCEPTION WHEN raise_exception THEN
			n := n + 1000;
		END;
	END LOOP;
	IF n <> 60 * 1071 THEN RAISE EXCEPTION 'counted %', n; END IF;
END \$\$
SQL
works('loops left by EXIT and by an exception');
$session->query("CREATE PROCEDURE commits_within() LANGUAGE plpgsql AS \$\$ DECLARE r record; n integer := 0; BEGIN FOR r IN $select LOOP n := n + 1; COMMIT; END LOOP; IF n <> 200 THEN RAISE EXCEPTION 'counted %', n; END IF; END \$\$");
$session->query('CALL commits_within()');
works('COMMIT within a loop over the store');

# 2. Parallel workers: the foreign scan stays with the leader, and a function that reads in a worker does so over a connection of that worker's.
my $debug = $session->query(q{SELECT name FROM pg_settings WHERE name IN ('force_parallel_mode', 'debug_parallel_query')});
sub shape { my ($sql) = @_; return join "\n", map { $_->[0] } $session->query("EXPLAIN (COSTS OFF) $sql") }
my $eager = "SET $debug = on; SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0; SET min_parallel_table_scan_size = 0; SET max_parallel_workers_per_gather = 4; SET parallel_leader_participation = off";
$session->query(q{CREATE TABLE accounts AS SELECT unnest('{a,b}'::text[]) AS id, 'note' AS note; ANALYZE accounts});
my $join = 'SELECT count(*) FROM accounts JOIN commits ON id = aggregate_id';
my $number = 'SELECT count(*), sum(version), count(DISTINCT commit_id) FROM commits';
my $expected = $session->query($join);
my @expected = $session->query($number);
$session->query($eager);
unlike(shape($_), qr/Gather.*Foreign Scan/s, "no worker runs the foreign scan of: $_") for $number, $join;
is($session->query($join), $expected, 'a join with parallel workers finds the same');
is_deeply([ $session->query($number) ], \@expected, 'and so does a query of the store alone');
is(rows('INSERT INTO commits (aggregate_id, version, events) SELECT id, 200, \'[]\' FROM accounts ORDER BY id RETURNING aggregate_id'), 'a b', 'and an INSERT');

$session->query(q{CREATE FUNCTION last_of(id text) RETURNS bigint LANGUAGE sql STABLE PARALLEL SAFE AS 'SELECT max(version) FROM commits WHERE aggregate_id = id'});
$session->query(q{CREATE FUNCTION head_of() RETURNS bigint LANGUAGE sql VOLATILE PARALLEL SAFE AS $$SELECT dynamodb_es_head('commits')$$});
$session->query(q{CREATE FUNCTION append_to(id text) RETURNS void LANGUAGE sql VOLATILE PARALLEL SAFE AS $$INSERT INTO commits (aggregate_id, events) VALUES (id, '[]')$$});
my $last = 'SELECT id, last_of(id) FROM accounts ORDER BY id';
$fault->rules;
$session->query($select);
my ($own) = map { $_->{connection} } $fault->events('request');
like(shape($last), qr/Gather/, 'a function that reads the store runs in a worker');
for my $round (1 .. 3)
{
	$fault->rules;
	is(join(' ', map { "@$_" } $session->query($last)), 'a 200 b 200', 'it gives what it should there');
	my %used = map { $_->{connection} => 1 } $fault->events('request');
	is(scalar(grep { $_ == $own } keys %used), 0, 'over connections of the worker, not the leader\'s');
	$fault->rules;
	is(scalar(my @rows = $session->query($select)), 201, 'the leader reads on');
	is_deeply([ map { $_->{connection} } $fault->events('request') ], [$own], 'over its own');
}
# Named so by their author, against what they are: the worker says so or does it; the leader is none the worse.
for my $call ('SELECT head_of() FROM accounts', 'SELECT append_to(id) FROM accounts')
{
	my $before = $observer->query(q{SELECT dynamodb_es_head('commits')});
	my $result = $session->try($call);
	ok(!$result->{ended_at}, "$call in a worker: the backend is there afterwards");
	is($observer->query(q{SELECT dynamodb_es_head('commits')}) - $before, $call =~ /append/ && !$result->{error} ? 2 : 0, "$call in a worker: ids are taken for what is stored, or none");
}
# A worker that waits, and the leader is cancelled.
$fault->rules({ operation => 'Query', name => 'caught', before => 'stall' });
$session->send($last);
$fault->wait_for(rule => 'caught');
$observer->query('SELECT pg_cancel_backend(' . $session->pid . ')');
is($session->result->{error}{sqlstate}, '57014', 'a cancel ends the leader while its worker waits for DynamoDB');
Session::comes(sub { !$observer->query(q{SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'parallel worker'}) });
is($observer->query(q{SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'parallel worker'}), 0, 'and the worker');
$fault->release;
$fault->rules;
$session->query('RESET ALL');
is(rows(q{SELECT count(*) FROM commits WHERE version = 200}), 2, 'what was appended is there once');

# 3. No file is left behind by rows that were collected on disk.
my $temporary = sub { scalar(() = glob $node->data_dir . '/base/pgsql_tmp/*') };
$session->query(q{SET work_mem = '64kB'; CREATE FUNCTION half() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN IF NEW.version = 1150 THEN RAISE EXCEPTION 'half'; END IF; RETURN NEW; END$$;
	CREATE FOREIGN TABLE copied (commit_id bigint, aggregate_id text, version bigint, events jsonb) SERVER commits_server; CREATE TRIGGER half BEFORE INSERT ON copied FOR EACH ROW EXECUTE FUNCTION half()});
is(sqlstate(q{INSERT INTO copied (aggregate_id, version, events) SELECT 'copy', 1000 + version, jsonb_build_array(repeat('x', 1000)) FROM commits WHERE aggregate_id = 'a'}), 'P0001', 'an INSERT that reads its own table fails half way');
is($temporary->(), 0, 'and leaves no file behind');
works('at the end');

$fault->stop;
$node->stop;
done_testing();
