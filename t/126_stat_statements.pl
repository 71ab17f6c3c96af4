# What a statement has cost stands under the identifier by which pg_stat_statements knows its text: however it was sent, whoever ran it, and whatever was
# done within it.
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
$node->append_conf('postgresql.conf', "shared_preload_libraries = 'pg_stat_statements, dynamodb_es'\nautovacuum = off");
$node->start;

my $script = Fault->new;
my $admin = Session->new($node);
my $session = Session->new($node);
$admin->query('CREATE EXTENSION pg_stat_statements');
$admin->create_table('commits', $script->endpoint);
$script->rules(
	(map { +{ operation => $_, answer => { body => { Items => [ { aggregateId => { S => 'a' }, version => { N => '0' } } ], Count => 1, ScannedCount => 1, ConsumedCapacity => { CapacityUnits => 0.5 } } } } } qw(Query Scan)),
	{ operation => 'UpdateItem', answer => { body => { Attributes => { id => { N => '7' } }, ConsumedCapacity => { CapacityUnits => 1 } } } },
	{ operation => 'PutItem', answer => { body => { ConsumedCapacity => { CapacityUnits => 3 } } } });

# From PostgreSQL 16 on constants of utility statements have no text of their own either.
sub normal { my ($text) = @_; return $text =~ s/\$\$.*?\$\$|'[^']*'|\$\d+/?/gr }
sub rows { my ($sql, $by) = @_; return join "\n", map { join '|', map { $_ // 'NULL' } @$_ } ($by // $admin)->query($sql) }

# What came of it: "executions|requests|units|text" for each identifier, the text as pg_stat_statements has it.
sub costs_of
{
	my ($run) = @_;
	$admin->query('SELECT dynamodb_es_stat_reset(), pg_stat_statements_reset()');
	$run->();
	return normal rows(q{SELECT executions, s.requests, s.read_units + s.write_units, (SELECT query FROM pg_stat_statements p WHERE p.queryid = s.queryid AND toplevel LIMIT 1)
		FROM dynamodb_es_stat_statements s ORDER BY 2, role_name COLLATE "C"});
}
sub cost { my (@sql) = @_; return costs_of(sub { $session->query($_) for @sql }) }

my $read = q{SELECT version FROM commits WHERE aggregate_id = 'a'};
my $normal = normal $read;
$session->query(q{CREATE FUNCTION reads() RETURNS bigint LANGUAGE plpgsql AS $$ BEGIN PERFORM version FROM commits WHERE aggregate_id = 'b'; RETURN count(*) FROM commits WHERE aggregate_id = 'c'; END $$});
$session->query(q{SET pg_stat_statements.track = 'all'});
is(cost($read, $read), normal("2|2|1|$normal"), 'a query');
is(cost('SELECT reads()'), normal('1|2|1|SELECT reads()'), 'what a function does belongs to the statement that calls it');
is(cost('DO $$ BEGIN PERFORM reads(); END $$'), normal('1|2|1|DO $$ BEGIN PERFORM reads(); END $$'), 'likewise of a DO');
is(cost(q{INSERT INTO commits (aggregate_id, version, events) VALUES ('a', 0, '[]')}), normal('1|2|4|INSERT INTO commits (aggregate_id, version, events) VALUES ($1, $2, $3)'), 'an append');
my $copied = "$PostgreSQL::Test::Utils::tmp_check/copied";
is(cost("COPY (SELECT version FROM commits) TO '$copied'"), normal("1|1|0.5|COPY (SELECT version FROM commits) TO '$copied'"), 'a COPY that reads');
is(cost(q{COPY commits (aggregate_id, version, events) FROM PROGRAM 'printf "a\t1\t[]\n"'}), normal(q{1|2|4|COPY commits (aggregate_id, version, events) FROM PROGRAM 'printf "a\t1\t[]\n"'}), 'a COPY that appends');
is(cost("CREATE TABLE kept AS $read"), normal("1|1|0.5|CREATE TABLE kept AS $read"), 'a CREATE TABLE AS');
is(cost("EXPLAIN (ANALYZE) $read"), normal("1|1|0.5|EXPLAIN (ANALYZE) $read"), 'an EXPLAIN ANALYZE');
$session->query("PREPARE p AS $read");
is(cost('EXECUTE p', 'EXECUTE p'), normal("2|2|1|PREPARE p AS $read"), 'an EXECUTE, by the statement that was prepared');
is(costs_of(sub { $node->command_ok([ 'pgbench', '-n', '-t', '3', '-M', 'prepared', '-f', write_script("$read;"), $node->connstr('postgres') ], 'pgbench') }), "3|3|1.5|$normal", 'prepared by the protocol');
is(cost('BEGIN', "DECLARE c CURSOR FOR $read", 'FETCH c', 'COMMIT'), normal('1|1|0.5|FETCH c'), 'a FETCH that reads');

sub write_script { my ($sql) = @_; my $file = "$PostgreSQL::Test::Utils::tmp_check/script.sql"; append_to_file($file, "$sql\n"); return $file }

# Where nobody computes identifiers there is no row; what was sent is counted all the same.
for ([ 'off', '' ], [ 'on', "1|1|0.5|$normal" ], [ 'auto', "1|1|0.5|$normal" ], [ 'regress', "1|1|0.5|$normal" ])
{
	my ($setting, $expected) = @$_;
	is(cost("SET compute_query_id = $setting; $read"), $expected, "compute_query_id = $setting");
	is(rows('SELECT sum(requests) FROM dynamodb_es_stat'), '1', "compute_query_id = $setting: the request is counted by operation");
}
$session->query('RESET compute_query_id');

# The query of the manual.
my $superuser = $admin->query('SELECT current_user');
my ($joined) = slurp_file("$FindBin::RealBin/../doc/howto/monitor.md") =~ /^```sql\n(SELECT [^`]*JOIN pg_stat_statements[^`]*;)$/m;
cost($read, 'SELECT reads()');
is(normal(rows($joined)), "$superuser|1|1|0|SELECT reads()\n$superuser|1|0.5|0|$normal", 'the manual\'s query shows each statement beside its text');

# Whose it is, and who sees it.
$admin->query(<<SQL);
CREATE ROLE app; CREATE ROLE stranger; CREATE ROLE monitor; GRANT pg_read_all_stats TO monitor;
GRANT SELECT ON commits TO app;
CREATE USER MAPPING FOR PUBLIC SERVER commits_server OPTIONS (access_key_id 'AKIDEXAMPLE', secret_access_key 'hush-secret');
ALTER FUNCTION reads() SECURITY DEFINER;
SQL
is(costs_of(sub { $session->query("SET ROLE app; $read; SELECT reads(); RESET ROLE; $read") }), "1|1|0.5|$normal\n1|1|0.5|$normal\n1|2|1|SELECT reads()", 'of two roles');
is(rows('SELECT role_name, sum(requests) FROM dynamodb_es_stat_statements GROUP BY 1 ORDER BY role_name COLLATE "C"'), join("\n", sort { $a cmp $b } 'app|3', "$superuser|1"), 'a statement is the role\'s that ran it');
is(rows('SELECT role_name, sum(requests) FROM dynamodb_es_stat GROUP BY 1 ORDER BY role_name COLLATE "C"'), join("\n", sort { $a cmp $b } 'app|1', "$superuser|3"), 'a request is the role\'s by whose right it was sent');
for ([ 'app', 'app' ], [ 'stranger', '' ], [ 'monitor', join("\n", sort { $a cmp $b } 'app', $superuser) ])
{
	my ($role, $expected) = @$_;
	$session->query("SET ROLE $role");
	is(rows('SELECT role_name FROM dynamodb_es_stat_statements GROUP BY 1 ORDER BY role_name COLLATE "C"', $session), $expected, "what $role sees of statements");
	is($session->try('SELECT dynamodb_es_stat_reset()')->{error}{sqlstate}, '42501', "$role may not reset them");
	$session->query('RESET ROLE');
}
# Of a role that is dropped the counts stay, without its name.
$admin->query('DROP OWNED BY app; DROP ROLE app');
is(rows('SELECT sum(requests) FROM dynamodb_es_stat_statements WHERE role_name IS NULL AND queryid IS NOT NULL'), '3', 'the counts of a role that was dropped');

$script->stop;
$node->stop;
done_testing();
