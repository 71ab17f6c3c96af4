# What a statement waits for has a name in pg_stat_activity from PostgreSQL 17 on; and what it consumed is in the log, where it is much.
#
# Engine: none
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
$node->append_conf('postgresql.conf', "autovacuum = off\ncompute_query_id = on\nlog_line_prefix = '%u '");
$node->start;

my $fault = Fault->new;
my $observer = Session->new($node);
my $session = Session->new($node);
$observer->create_table('commits', $fault->endpoint, max_attempts => 1);

# 1. Names of waits.
my %cost = (ConsumedCapacity => { CapacityUnits => 0.5 });
my %two = (ConsumedCapacity => { CapacityUnits => 2 });
my $insert = q{INSERT INTO commits (aggregate_id, version, events) VALUES ('a', 0, '[]')};
my %answer = (UpdateItem => { Attributes => { id => { N => '7' } }, %cost });
my @waits = (
	[ 'DynamodbQuery', 'Query', q{SELECT version FROM commits WHERE aggregate_id = 'a'} ],
	[ 'DynamodbScan', 'Scan', q{SELECT version FROM commits} ],
	[ 'DynamodbGet', 'GetItem', q{SELECT dynamodb_es_head('commits')} ],
	[ 'DynamodbBatchGet', 'BatchGetItem', q{SELECT version FROM commits WHERE (aggregate_id, version) IN (('a', 1), ('b', 7))} ],
	[ 'DynamodbListTables', 'ListTables', q{IMPORT FOREIGN SCHEMA dynamodb FROM SERVER commits_server INTO public} ],
	[ 'DynamodbUpdate', 'UpdateItem', $insert ],
	[ 'DynamodbPut', 'PutItem', $insert ],
	[ 'DynamodbCreateTable', 'CreateTable', q{SELECT dynamodb_es_create_tables('commits')} ],
	[ 'DynamodbDescribeTable', 'DescribeTable', q{SELECT * FROM dynamodb_es_status('commits')} ],
);
for (@waits)
{
	my ($name, $operation, $sql) = @$_;
	my @answers = map { +{ operation => $_, answer => { body => $answer{$_} } } } grep { $_ ne $operation } keys %answer;
	my %missing = (operation => 'DescribeTable', answer => { status => 400, body => { __type => 'x#ResourceNotFoundException', message => 'none' } });
	$fault->rules({ name => 'stalled', operation => $operation, before => 'stall' }, @answers, ($operation eq 'CreateTable' ? \%missing : ()));
	$session->send($sql);
	$fault->wait_for(operation => $operation, rule => 'stalled');
	my $expected = $node->pg_version < 17 ? 'Extension' : $name;
	my $seen;
	Session::comes(sub { $seen = $observer->query("SELECT wait_event FROM pg_stat_activity WHERE pid = $session->{pid} AND wait_event_type = 'Extension'"); ($seen // '') eq $expected });
	is($seen, $expected, "$operation is waited for as $expected");
	$observer->query("SELECT pg_cancel_backend($session->{pid})");
	is($session->result->{error}{sqlstate}, '57014', "$operation: the wait can be cancelled");
	$fault->release;
}

# 2. The log. Each read costs 0.5 units, or 2.
my $read = q{SELECT version FROM commits WHERE aggregate_id = 'a'};
my $costly = q{SELECT version FROM commits WHERE aggregate_id = 'costly'};
$answer{$_} = { Items => [], Count => 0, ScannedCount => 0, %cost } for 'Query';
$answer{PutItem} = {%cost};
my @normal = (
	{ operation => 'Query', match => 'costly', answer => { body => { %{ $answer{Query} }, %two } } },
	map { +{ operation => $_, answer => { body => $answer{$_} } } } qw(Query UpdateItem PutItem)
);
$fault->rules(@normal);
my $line = qr/LOG:  statement consumed ([\d.]+) read and ([\d.]+) write capacity units/;

# The lines about costs that come of this: "read write" for each.
sub logged
{
	my ($sql, $whose) = @_;
	my $from = -s $node->logfile;
	my $result = ($whose // $session)->try($sql);
	my $log = slurp_file($node->logfile, $from);
	my @lines;
	push @lines, "$1 $2" while $log =~ /$line/g;
	return wantarray ? (join(', ', @lines), $log, $result) : join ', ', @lines;
}

is(scalar logged($costly), '', 'nothing is logged unless it is asked for');
$session->query('SET dynamodb_es.log_min_units = 1');
is(scalar logged($read), '', 'what consumed less is not logged');
my ($costs, $log) = logged($costly);
is($costs, '2.0 0.0', 'what consumed more is');
like($log, qr/DETAIL:  Requests: 1; query identifier: -?\d+\.\n.*STATEMENT:  \Q$costly\E/, 'with its requests, its identifier and its text');
is(scalar logged("SELECT 1; $costly; $read; $costly"), '2.0 0.0, 2.0 0.0', 'each statement of a string counts for itself');
is(scalar logged("$read UNION ALL $read UNION ALL $costly"), '3.0 0.0', 'all scans of a statement are one sum');
$session->query(q{CREATE FUNCTION reads() RETURNS void LANGUAGE plpgsql AS $$ BEGIN PERFORM version FROM commits WHERE aggregate_id = 'a'; PERFORM version FROM commits WHERE aggregate_id = 'a'; END $$});
is(scalar logged('SELECT reads()'), '1.0 0.0', 'so are those of its functions');
is(scalar logged('DO $$ BEGIN PERFORM reads(); END $$'), '1.0 0.0', 'and of a DO');
is(scalar logged($insert), '0.0 1.0', 'an append: write units');
is(scalar logged("PREPARE p AS $costly; EXECUTE p; EXECUTE p"), '2.0 0.0, 2.0 0.0', 'an EXECUTE');
is(scalar logged("EXPLAIN ANALYZE $costly"), '2.0 0.0', 'an EXPLAIN ANALYZE');
is(scalar logged("CREATE TEMP TABLE kept AS $costly"), '2.0 0.0', 'a CREATE TABLE AS');
is(scalar logged("BEGIN; DECLARE c CURSOR FOR $costly; FETCH c; FETCH c; COMMIT"), '2.0 0.0', 'a FETCH that reads');
is(scalar logged("BEGIN; $costly; ROLLBACK"), '2.0 0.0', 'in a transaction that is rolled back');
# A statement that fails has its text as well. (The first STATEMENT is that of the error.)
sub is_logged_as_failed
{
	my ($sql, $expected, $what) = @_;
	my ($costs, $log) = logged($sql);
	is($costs, $expected, $what);
	like($log, qr/$line.*\n.*DETAIL:.*\n.*STATEMENT:  \Q$sql\E$/m, "$what: with its text");
	return;
}
my $failing = "SELECT 1 / count(version) FROM commits WHERE aggregate_id = 'costly'";
is_logged_as_failed($failing, '2.0 0.0', 'a statement that fails');
$session->query('BEGIN; SAVEPOINT s');
is_logged_as_failed($failing, '2.0 0.0', 'also within a savepoint');
$session->query('ROLLBACK TO s');
is_logged_as_failed("DO \$\$ BEGIN PERFORM reads(); RAISE 'no'; END \$\$", '1.0 0.0', 'a DO that fails within a savepoint');
$session->query('ROLLBACK');
is(scalar logged(q{DO $$ BEGIN BEGIN PERFORM 1 / count(version) FROM commits WHERE aggregate_id = 'costly'; EXCEPTION WHEN division_by_zero THEN NULL; END; PERFORM reads(); END $$}), '3.0 0.0', 'a part that fails belongs to the whole statement');
$session->query('SET dynamodb_es.log_min_units = 0');
is(scalar logged($read), '0.5 0.0', '0: whatever sent a request');
is(scalar logged('SELECT 1'), '', 'and nothing else');
is(scalar logged("SET dynamodb_es.log_min_units = -1; $costly"), '', '-1 turns it off');
$session->query(q{CREATE ROLE app; SET ROLE app});
is($session->try('SET dynamodb_es.log_min_units = 5')->{error}{sqlstate}, '42501', 'it is a setting for superusers');
$session->query('RESET ROLE; GRANT SET ON PARAMETER dynamodb_es.log_min_units TO app; SET ROLE app; SET dynamodb_es.log_min_units = 5');
is($session->query('SHOW dynamodb_es.log_min_units'), '5', 'and for whom they grant it');

$session->query(q{RESET ROLE; SET dynamodb_es.log_min_units = 0; ALTER FOREIGN TABLE commits OPTIONS (ADD append_mode 'import')});
is(scalar logged(q{INSERT INTO commits VALUES (9, now(), 'a', 0, '[]')}), '0.0 1.0', 'an import: the request for the counter at its end, too');
$fault->rules({ operation => 'UpdateItem', answer => { status => 400, body => { __type => 'x#AccessDeniedException', message => 'no' } } }, @normal);
$session->query("BEGIN; SELECT 'something else'");
is_logged_as_failed(q{INSERT INTO commits VALUES (10, now(), 'a', 1, '[]')}, '0.0 0.5', 'an import that fails at its end');
$session->query('ROLLBACK');
$fault->rules(@normal);
$session->query('ALTER FOREIGN TABLE commits OPTIONS (DROP append_mode)');

# 3. An append at commit is a part of the COMMIT.
$session->query('RESET ROLE; SET dynamodb_es.log_min_units = 0');
$answer{TransactWriteItems} = { ConsumedCapacity => [ { TableName => 'commits', CapacityUnits => 4 } ] };
$answer{GetItem} = { Item => { id => { N => '5' } }, %cost };
$fault->rules(@normal, map { +{ operation => $_, answer => { body => $answer{$_} } } } qw(TransactWriteItems GetItem));
$session->query(q{ALTER FOREIGN TABLE commits OPTIONS (ADD append_mode 'dense', ADD append_at 'commit')});
is(scalar logged("BEGIN; $insert"), '', 'a row that waits costs nothing');
like(scalar logged('COMMIT'), qr/\A\d\.\d 4\.0\z/, 'the COMMIT does');
$fault->rules(@normal, { operation => 'TransactWriteItems', answer => { status => 400, body => { __type => 'x#AccessDeniedException', message => 'no' } } },
	{ operation => 'GetItem', answer => { body => $answer{GetItem} } });
$session->query("BEGIN; $insert");
like((logged('COMMIT'))[1], qr/$line.*\n.*DETAIL:.*\n.*STATEMENT:  COMMIT$/m, 'a COMMIT that fails, with its text');

$fault->stop;
$node->stop;
done_testing();
