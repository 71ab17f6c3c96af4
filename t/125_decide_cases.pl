# dynamodb_es_append: which rows it takes, where it may stand, what its query sees, and whom a slow query makes wait.
# Engine: local
# (it has transactions)
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
my $plain = PlainDynamoDB->new($ENV{DYNAMODB_ENDPOINT}, 'AKIDEXAMPLE');
my $admin = Session->new($node);
$admin->create_table('counting', $ENV{DYNAMODB_ENDPOINT});
$admin->query(q{SELECT dynamodb_es_create_tables('counting')});
$admin->query(q{CREATE FOREIGN TABLE events (commit_id bigint, gone text, aggregate_id text, version bigint DEFAULT 77, events jsonb) SERVER counting_server OPTIONS (append_mode 'dense')});
$admin->query('ALTER FOREIGN TABLE events DROP COLUMN gone; ALTER FOREIGN TABLE events ADD COLUMN note text');
my $session = Session->new($node);

sub result_of
{
	my ($sql) = @_;
	my $result = ref $sql ? $sql : $session->try($sql);
	return $result->{error} ? $result->{error}{sqlstate} : join ' ', map { join '/', map { $_ // '-' } @$_ } @{ $result->{rows} };
}
sub row { my ($aggregate, $version) = @_; return "ROW(NULL, '$aggregate', $version, '[]', NULL)" }
sub append { my ($rows, $after, $unless) = @_; return "SELECT commit_id, aggregate_id, version FROM dynamodb_es_append($rows, $after" . (defined $unless ? ", \$q\$$unless\$q\$" : '') . ')' }
sub come { my ($aggregate) = @_; $admin->query("INSERT INTO events (aggregate_id, version, events) SELECT '$aggregate', count(*), '[]' FROM counting WHERE aggregate_id = '$aggregate'"); return $plain->head }

# Which rows.
is(result_of(append('ARRAY[' . row('a', 'NULL') . ']::events[]', 0)), '1/a/0', 'a table with a dropped column; no default is filled in');
is(result_of(append('ARRAY[ARRAY[' . row('b', 0) . ', ' . row('b', 1) . '], ARRAY[' . row('c', 0) . ', ' . row('b', 2) . ']]::events[][]', 1)), '2/b/0 3/b/1 4/c/0 5/b/2', 'an array of two dimensions, in its order');
is(result_of(append(q{'[3:4]={"(,d,0,[],x)","(,d,1,[],)"}'::events[]}, 5)), '6/d/0 7/d/1', 'an array that begins elsewhere');
is(result_of(append('ARRAY[' . row('e', 0) . ', NULL]::events[]', 7)), '22023', 'a row that is NULL');
is(result_of(append('ARRAY[ROW(NULL, NULL, NULL, NULL, NULL)]::events[]', 7)), '23502', 'a row of NULLs');
is(result_of(append('ARRAY[' . row('e', 0) . ', ' . row('e', 0) . ']::events[]', 7)), '23505', 'one version twice');
$admin->query('CREATE TABLE drafts AS SELECT ARRAY[' . row('f', 'NULL') . ']::events[] AS rows');
$admin->query('ALTER FOREIGN TABLE events DROP COLUMN note; ALTER FOREIGN TABLE events ADD COLUMN remark text');
is(result_of('SELECT commit_id, aggregate_id, remark FROM dynamodb_es_append((SELECT rows FROM drafts), 7)'), '8/f/-', 'rows that were made before a column was dropped, and one added');
is(result_of("PREPARE p(events[], bigint) AS SELECT commit_id FROM dynamodb_es_append(\$1, \$2, 'SELECT FROM batch')"), '', 'a prepared statement');
is(result_of("EXECUTE p(ARRAY[@{[ row('p', $_) ]}]::events[], @{[ 8 + $_ ]})"), 9 + $_, "executed: $_") for 0 .. 6;
$admin->query(q{ALTER FOREIGN TABLE events OPTIONS (SET append_mode 'counter')});
is(result_of("EXECUTE p(ARRAY[@{[ row('p', 7) ]}]::events[], 15)"), '0A000', 'its table is not dense any more');
$admin->query(q{ALTER FOREIGN TABLE events OPTIONS (SET append_mode 'dense')});
is(result_of("EXECUTE p(ARRAY[@{[ row('p', 7) ]}]::events[], 15)"), '16', 'and is again');

# Where.
is(result_of(q{SELECT 1 WHERE EXISTS (} . append('ARRAY[' . row('g', 0) . ']::events[]', 16) . ')'), '1', 'in a subquery');
is(result_of(append('ARRAY[' . row('g', 1) . ', ' . row('g', 2) . ']::events[]', 17) . ' LIMIT 1'), '18/g/1', 'under a LIMIT all rows are appended');
is($plain->head, 19, 'as the counter says');
$session->query('BEGIN; SAVEPOINT s');
is(result_of(append('ARRAY[' . row('g', 3) . ']::events[]', 19)), '20/g/3', 'behind a savepoint');
like($session->try('ROLLBACK TO s')->{notices}[0]{message} // '', qr/\A1 commit of the rolled back/, 'which warns of what stays');
is(result_of(append('ARRAY[' . row('g', 4) . ']::events[]', 19)), '40001', 'it is what came');
$session->query('ROLLBACK');
$admin->query(q{CREATE ROLE app; CREATE FUNCTION enter(aggregate text, after bigint) RETURNS bigint LANGUAGE sql SECURITY DEFINER
	AS $$SELECT commit_id FROM dynamodb_es_append(ARRAY[ROW(NULL, aggregate, NULL, '[]', NULL)]::events[], after, 'SELECT FROM batch')$$});
$session->query('SET ROLE app');
is(result_of(append('ARRAY[' . row('h', 0) . ']::events[]', 20)), '42501', 'who may not');
is(result_of(q{SELECT enter('h', 20)}), '21', 'a SECURITY DEFINER function of one who may');
$session->query('RESET ROLE');

# What the query sees: `batch` is what came, whatever else has that name, and only for itself.
$admin->query(q{CREATE SCHEMA other; CREATE TABLE batch AS SELECT 1 AS decoy; CREATE TABLE other.batch AS SELECT 2 AS decoy});
$session->query(q{SET search_path = other, public; CREATE TEMP TABLE batch AS SELECT 3 AS decoy});
my $head = come('i');
is(result_of(append('ARRAY[' . row('j', 0) . ']::events[]', $head - 1, "SELECT commit_id FROM batch WHERE aggregate_id = 'i'")), '40001', 'tables of that name do not hide it');
is(result_of(append('ARRAY[' . row('j', 0) . ']::events[]', $head - 1, 'SELECT FROM public.batch WHERE decoy <> 1;')), ($head + 1) . '/j/0', 'by their schema they are seen; a semicolon ends it');
$session->query('RESET search_path; DROP TABLE pg_temp.batch');
$admin->query('DROP TABLE batch, other.batch');
$admin->query(q{CREATE FUNCTION within() RETURNS bigint LANGUAGE plpgsql AS $$ BEGIN RETURN (SELECT count(*) FROM batch); END $$});
is(result_of(append('ARRAY[' . row('j', 1) . ']::events[]', $head, 'SELECT FROM batch WHERE within() > 0')), '42P01', 'functions do not see it');
$admin->query(q{CREATE VIEW hidden AS SELECT aggregate_id AS name FROM counting; CREATE TABLE taboo (name text); INSERT INTO taboo VALUES ('i')});
is(result_of(append('ARRAY[' . row('j', 1) . ']::events[]', $head - 1, 'SELECT FROM batch JOIN hidden ON name = aggregate_id JOIN taboo USING (name)')), '40001', 'it is joined with views, local tables and the store');
is(result_of(append('ARRAY[' . row('j', 1) . ']::events[]', $head, 'SELECT FROM batch b, batch c WHERE b.commit_id <> c.commit_id')), ($head + 2) . '/j/1', 'and with itself');

# A slow query keeps the turn of its server object. Who waits for that can be ended, and so can the query; a circle of locks is found.
my $other = Session->new($node);
my $slow = "SELECT FROM batch WHERE pg_advisory_lock_shared(7) IS NULL";
my $insert = sub { my ($aggregate) = @_; return "INSERT INTO events (aggregate_id, version, events) VALUES ('$aggregate', 0, '[]')" };
sub waits { my ($who) = @_; return Session::comes(sub { $admin->query(q{SELECT count(*) FROM pg_locks WHERE NOT granted AND locktype = 'advisory' AND pid = } . $who->pid) }) }
{
	my $after = come('k') - 1;
	$admin->query('SELECT pg_advisory_lock(7)');
	$session->send(append('ARRAY[' . row('slow', 0) . ']::events[]', $after, $slow));
	ok(waits($session), 'a slow query waits');
	is(result_of($other->try("SET lock_timeout = '10ms'; " . $insert->('l'))), '55P03', 'a slow query: another session waits for the turn, by its lock_timeout');
	$other->query('RESET lock_timeout');
	$other->send($insert->('l'));
	ok(waits($other), 'without one it waits on');
	$admin->query('SELECT pg_cancel_backend(' . $other->pid . ')');
	is(result_of($other->result), '57014', 'a slow query: who waits can be cancelled');
	is(result_of($other->try(q{SELECT count(*) FROM counting WHERE aggregate_id = 'l'})), '0', 'reads do not wait, and nothing is stored');
	$other->send($insert->('m'));
	ok(waits($other), 'it waits again');
	$admin->query('SELECT pg_cancel_backend(' . $session->pid . ')');
	is(result_of($session->result), '57014', 'a slow query: it can be cancelled, too');
	is($other->result->{tag}, 'INSERT 0 1', 'a slow query: its turn goes to who waits');
	$session->send("SET statement_timeout = '10ms'; " . append('ARRAY[' . row('slow', 0) . ']::events[]', $after, $slow));
	is(result_of($session->result), '57014', 'so does statement_timeout end it');
	$session->query('RESET statement_timeout');
	is($other->try($insert->('n'))->{tag}, 'INSERT 0 1', 'and no turn is kept');
	$admin->query('SELECT pg_advisory_unlock(7)');
}
{
	my $after = come('o') - 1;
	$session->query("SET deadlock_timeout = '1h'");
	$other->query("SET deadlock_timeout = '1ms'; BEGIN; SELECT pg_advisory_xact_lock(7)");
	$session->send(append('ARRAY[' . row('slow', 0) . ']::events[]', $after, $slow));
	ok(waits($session), 'the query waits for a lock of one');
	is(result_of($other->try($insert->('q'))), '40P01', 'a slow query: a circle of locks is found');
	$other->query('ROLLBACK');
	is(result_of($session->result), ($after + 2) . '/slow/0', 'and the query goes on');
}

# The end of all ids, and beyond: DynamoDB's numbers have 38 digits.
{
	my $last = '9223372036854775807';
	my $names = q{SERVER counting_server OPTIONS (commit_table 'ending', counter_table 'ending-counters', append_mode 'dense', gap_timeout_ms '1000'};
	$admin->query("CREATE FOREIGN TABLE ending (commit_id bigint, aggregate_id text, version bigint, events jsonb) $names)");
	$admin->query("CREATE FOREIGN TABLE ending_deferred (commit_id bigint, aggregate_id text, version bigint, events jsonb) $names, append_at 'commit')");
	$admin->query(q{SELECT dynamodb_es_create_tables('ending')});
	my $set = sub { my ($id) = @_; $plain->put('ending-counters', { name => { S => 'commits' }, id => { N => $id } }); return };
	my $one = sub { my ($aggregate, $after) = @_; return result_of("SELECT commit_id FROM dynamodb_es_append(ARRAY[ROW(NULL, '$aggregate', 0, '[]')]::ending[], $after, 'SELECT WHERE false')") };
	$set->('9223372036854775806');
	is(result_of(q{SELECT commit_id FROM dynamodb_es_append(ARRAY[ROW(NULL, 'a', 0, '[]'), ROW(NULL, 'b', 0, '[]')]::ending[], 9223372036854775806)}), '2200H', 'one id for two rows');
	is($one->('a', $last), '55000', 'a position that the store has not reached');
	is(result_of("SELECT dynamodb_es_expect('ending_deferred', $last)"), '55000', 'an expected head that it has not reached');
	is($one->('a', '9223372036854775806'), $last, 'the last id');
	is($one->('b', $last), '2200H', 'there is none behind it');
	is($one->('b', 5), '55000', 'nor is one appended where ids before it are missing');
	is(result_of("BEGIN; SELECT dynamodb_es_expect('ending_deferred', $last); INSERT INTO ending_deferred (aggregate_id, version, events) VALUES ('b', 0, '[]'); COMMIT"), '2200H', 'nor at a commit');
	for my $beyond ('9223372036854775808', '1E38')
	{
		$set->($beyond);
		is($one->('b', 5), '2200H', "a counter at $beyond");
		is(result_of("SELECT dynamodb_es_expect('ending_deferred', 5)"), '2200H', "a counter at $beyond: at a commit");
	}
	is(scalar $admin->query('SELECT count(*) FROM ending'), 1, 'nothing else is stored');
}

$node->stop;
done_testing();
