# The counts of the whole server are those of the requests that were sent: of several sessions at once, by server, role and operation, with what was
# retried, refused, lost and given up. Each sees those of the roles whose rights it has.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../test/lib";

use Fault;
use JSON::PP;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Session;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init(allows_streaming => 1);
$node->append_conf('postgresql.conf', "shared_preload_libraries = 'dynamodb_es'\nrestart_after_crash = on\nautovacuum = off");
$node->start;

my $fault = Fault->new($ENV{DYNAMODB_ENDPOINT});
my $admin = Session->new($node);
my $superuser = $admin->query('SELECT current_user');
my $keys = q{OPTIONS (access_key_id 'AKIDEXAMPLE', secret_access_key 'hush-secret')};

sub rows { my ($sql, $session) = @_; return join "\n", map { join '|', map { $_ // 'NULL' } @$_ } ($session // $admin)->query($sql) }
sub sum_of { my ($column, $where) = @_; return 0 + $admin->query("SELECT coalesce(sum($column), 0) FROM dynamodb_es_stat WHERE " . ($where // 'true')) }

# What the proxy has seen so far, by operation: {requests, bytes, puts}, where puts are the different bodies.
my %seen;
sub look
{
	for ($fault->events('request'))
	{
		my $of = $seen{ $_->{operation} } //= { requests => 0, bytes => 0, bodies => {} };
		$of->{requests}++;
		$of->{bytes} += $_->{size};
		$of->{bodies}{ $_->{body} } = 1;
	}
	$fault->{events} = [];
	return;
}
sub set_rules { my (@rules) = @_; look(); $fault->rules(@rules); return }
sub agrees
{
	my ($when) = @_;
	look();
	is(rows('SELECT operation, sum(requests), sum(bytes_sent) FROM dynamodb_es_stat GROUP BY operation ORDER BY operation COLLATE "C"'),
		join("\n", map { "$_|$seen{$_}{requests}|$seen{$_}{bytes}" } sort keys %seen), "$when: requests and their bytes are those that the proxy has seen");
	return;
}

$admin->create_table('commits', $fault->endpoint, max_attempts => 2);
$admin->create_table('other', $fault->endpoint);
$admin->query(<<SQL);
CREATE ROLE app; CREATE ROLE stranger; CREATE ROLE monitor;
GRANT pg_monitor TO monitor;
GRANT SELECT, INSERT ON commits TO app;
CREATE USER MAPPING FOR PUBLIC SERVER commits_server $keys;
SQL
is(rows('SELECT * FROM dynamodb_es_stat'), '', 'at first there are no rows');
$admin->query(q{SELECT dynamodb_es_create_tables('commits')});
agrees('tables made');

# Several sessions at once, half of them as another role by one mapping.
my %throttled = (status => 400, body => { __type => 'x#ProvisionedThroughputExceededException', message => 'no' });
my @sessions = map { Session->new($node) } 0 .. 5;
$_->query('SET ROLE app') for @sessions[ 3 .. 5 ];
my $ignore = sub { my ($sql) = @_; return "BEGIN $sql; EXCEPTION WHEN unique_violation OR transaction_resolution_unknown THEN NULL; END;" };
my $work = join ' ', map { my $n = $_; $ignore->(q{INSERT INTO commits (aggregate_id, version, events) VALUES ('shared', } . $n . q{, '[]')}) } 0 .. 19;
set_rules(
	{ operation => 'PutItem', match => 'shared', times => 3, answer => \%throttled },
	{ operation => 'PutItem', match => 'lost', after => 'close' },
	{ operation => 'GetItem', match => 'lost', after => 'close' },
);
for my $i (0 .. 5)
{
	$sessions[$i]->send(qq{DO \$\$ BEGIN $work } . $ignore->(qq{INSERT INTO commits (aggregate_id, version, events) VALUES ('lost-$i', 0, '[]')}) . qq{ END \$\$;
INSERT INTO commits (aggregate_id, version, events) SELECT 'own-$i', n, '[]' FROM generate_series(0, 29) n;
SELECT count(version) FROM commits WHERE aggregate_id = 'own-$i'; SELECT count(*) FROM commits WHERE commit_id > 5 LIMIT 3});
}
is(join(' ', map { my $r = $_->result; $r->{error} ? $r->{error}{message} : $r->{tag} } @sessions), join(' ', ('SELECT 1') x 6), 'six sessions append and read at once');
agrees('six sessions');
is(sum_of('conflicts'), 100, 'each version was taken by one of six: five conflicts for each');
is(sum_of('conflicts', q{operation <> 'PutItem'}), 0, 'which are those of the puts');
is(sum_of('unknown_fates'), 6, 'and as many fates are unknown as answers were lost for good');
is(sum_of('throttles'), 3, 'throttles are counted');
is(sum_of('retries', q{operation = 'PutItem'}), $seen{PutItem}{requests} - keys %{ $seen{PutItem}{bodies} }, 'and the retries: puts that were sent before');
is(rows(q{SELECT database_name, server_name, role_name FROM dynamodb_es_stat GROUP BY 1, 2, 3 ORDER BY role_name COLLATE "C"}), join("\n", sort { $a cmp $b } map { "postgres|commits_server|$_" } 'app', $superuser), 'by server and role');
for my $role ('app', $superuser)
{
	my @own = $role eq 'app' ? @sessions[ 3 .. 5 ] : (@sessions[ 0 .. 2 ], $admin);
	my @columns = qw(requests retries throttles requests_abandoned bytes_sent bytes_received read_units write_units);
	my @sums = (0) x @columns;
	for my $session (@own)
	{
		my ($row) = $session->query('SELECT ' . join(', ', @columns) . ' FROM dynamodb_es_stats()');
		$sums[$_] += $row->[$_] for 0 .. $#columns;
	}
	is(rows('SELECT ' . join(', ', map { "sum($_)" } @columns) . " FROM dynamodb_es_stat WHERE role_name = '$role'"), join('|', @sums), "$role: the sums of its sessions' own counts");
}
cmp_ok(sum_of('read_units', q{operation = 'Query'}), '>', 0, 'queries consume read units');
cmp_ok(sum_of('write_units', q{operation = 'PutItem'}), '>', 0, 'puts consume write units');

# What is given up: a page ahead of a cursor, a statement that is cancelled, a session that is ended.
set_rules();
$fault->limit(10);
$admin->query(q{BEGIN; DECLARE c CURSOR FOR SELECT version FROM commits WHERE aggregate_id = 'own-1' ORDER BY version; FETCH 12 FROM c; CLOSE c; COMMIT});
$fault->finish;
agrees('a cursor that is closed');
$fault->limit(0);
my $given_up = sum_of('requests_abandoned');
my $unknown = sum_of('unknown_fates');
set_rules({ operation => 'Query', before => 'stall' }, { operation => 'PutItem', match => 'given-up', before => 'stall' });
$sessions[0]->send(q{SELECT count(version) FROM commits WHERE aggregate_id = 'own-1'});
$sessions[1]->send(q{INSERT INTO commits (aggregate_id, version, events) VALUES ('given-up', 0, '[]')});
$sessions[2]->send(q{SELECT version FROM commits WHERE commit_id > 3});
my $is_under_way = sub { return scalar(grep { $_->{operation} =~ /Query|PutItem/ } $fault->events('request')) == 3 };
ok(Session::comes($is_under_way), 'three statements wait for an answer');
$admin->query("SELECT pg_cancel_backend($sessions[0]{pid}), pg_cancel_backend($sessions[1]{pid}), pg_terminate_backend($sessions[2]{pid})");
is(join(' ', map { $_->result->{error}{sqlstate} } @sessions[ 0 .. 2 ]), '57014 57014 57P01', 'and are ended');
ok(Session::comes(sub { $admin->query("SELECT count(*) FROM pg_stat_activity WHERE pid = $sessions[2]{pid}") == 0 }), 'one with its session');
agrees('statements that were ended');
is(sum_of('requests_abandoned'), $given_up + 3, 'what was given up is counted');
is(sum_of('unknown_fates'), $unknown + 1, 'so is the append of which nobody knows');
$fault->release;

# Dense appends are decided by transactions, and count there.
if ($ENV{DYNAMODB_ENGINE} ne 'dynalite')
{
	$admin->query(q{CREATE FOREIGN TABLE dense (commit_id bigint, aggregate_id text, version bigint, events jsonb) SERVER commits_server OPTIONS (commit_table 'dense', append_mode 'dense')});
	$admin->query(q{SELECT dynamodb_es_create_tables('dense')});
	set_rules({ operation => 'TransactWriteItems', match => 'lost', after => 'close' }, { operation => 'GetItem', match => 'lost', after => 'close' });
	my @fates = map { ($admin->try("INSERT INTO dense (aggregate_id, version, events) VALUES ('$_', 0, '[]')")->{error} // {})->{sqlstate} // 'stored' } qw(a a lost);
	is(join(' ', @fates), 'stored 23505 08007', 'dense appends: one is stored, one refused, one lost');
	is(rows(q{SELECT sum(conflicts), sum(unknown_fates) FROM dynamodb_es_stat WHERE operation = 'TransactWriteItems'}), '1|1', 'they are counted with their transactions');
	agrees('dense appends');
}

# The time that a backend waits.
my $before = sum_of('wait_ms', q{operation = 'Query'});
set_rules({ operation => 'Query', before => 300 });
$admin->query(q{SELECT count(version) FROM commits WHERE aggregate_id = 'own-1'});
cmp_ok(sum_of('wait_ms', q{operation = 'Query'}) - $before, '>=', 299, 'a wait is counted in milliseconds, for what is waited for');
set_rules();

# Another server; one that is renamed.
$admin->query(q{SELECT dynamodb_es_head('other'); ALTER SERVER other_server RENAME TO renamed; SELECT dynamodb_es_head('other')});
is(rows(q{SELECT server_name, operation, requests FROM dynamodb_es_stat WHERE server_name NOT LIKE 'commits%'}), 'renamed|GetItem|2', 'another server has rows of its own, under its last name');

# Who sees what.
my $reader = Session->new($node);
my $visible = sub { my ($role) = @_; $reader->query("SET ROLE $role"); return rows('SELECT DISTINCT role_name FROM dynamodb_es_stat ORDER BY 1', $reader) };
is($visible->('stranger'), '', 'a role sees nothing of others');
is($visible->('app'), 'app', 'but its own rows');
is($visible->('monitor'), join("\n", sort { $a cmp $b } 'app', $superuser), 'members of pg_monitor see all');
is($reader->try('SELECT dynamodb_es_stat_reset()')->{error}{sqlstate}, '42501', 'and may not reset them');
$admin->query('GRANT EXECUTE ON FUNCTION dynamodb_es_stat_reset() TO monitor');
$reader->query('SELECT dynamodb_es_stat_reset()');
is(rows('SELECT * FROM dynamodb_es_stat'), '', 'where they may there are no rows afterwards');
is(rows('SELECT * FROM dynamodb_es_stat_statements'), '', 'of statements neither');
my $since = $admin->query('SELECT clock_timestamp()');
%seen = ();
$fault->rules;
$admin->query(q{SELECT count(version) FROM commits WHERE aggregate_id = 'own-1'});
agrees('after the reset');
is($admin->query("SELECT bool_and(since BETWEEN '$since' AND clock_timestamp()) FROM dynamodb_es_stat"), 't', 'each row says since when it counts');

# The exporter's queries, as the manual has them.
my $manual = slurp_file("$FindBin::RealBin/../doc/howto/monitor.md");
my @queries = $manual =~ /^    query: \|\n((?:      .*\n)+)/mg;
is(scalar @queries, 2, 'the manual has queries for an exporter');
$admin->query('CREATE ROLE exporter; GRANT pg_read_all_stats TO exporter');
$reader->query('RESET ROLE; SET ROLE exporter');
is(scalar(grep { $reader->try($_)->{error} } @queries), 0, 'which run for a role that may read statistics');
cmp_ok(scalar(my @shown = $reader->query($queries[0])), '>', 0, 'and show what was sent');

# By query identifier: more of them than there is room for.
my $script = Fault->new;
$script->rules({ operation => 'Query', answer => { body => { Items => [], Count => 0, ScannedCount => 0, ConsumedCapacity => { CapacityUnits => 0.5 } } } });
$admin->create_table('scripted', $script->endpoint);
$admin->query('SELECT dynamodb_es_stat_reset(); SET compute_query_id = on');
$admin->query(q{SELECT version FROM scripted WHERE aggregate_id = 'a'}) for 1 .. 3;
$admin->query(q{SET compute_query_id = off; SELECT version FROM scripted WHERE aggregate_id = 'a'; SET compute_query_id = on});
is(rows('SELECT database_name, role_name, queryid IS NOT NULL, executions, requests, read_units FROM dynamodb_es_stat_statements'), "postgres|$superuser|t|3|3|1.5", 'statements that differ in nothing have one row, and none where there is no identifier');
is($admin->query(q{SELECT (EXPLAIN.id)::text FROM (SELECT queryid AS id FROM dynamodb_es_stat_statements) EXPLAIN}),
	decode_json(scalar $admin->query(q{EXPLAIN (VERBOSE, FORMAT JSON) SELECT version FROM scripted WHERE aggregate_id = 'b'}))->[0]{'Query Identifier'}, 'it is that of EXPLAIN VERBOSE');
$admin->query('SELECT dynamodb_es_stat_reset()');
my $count = 2200;
for my $chunk (0 .. $count / 100 - 1)
{
	my @statements = map {
		my $n = $_;
		'SELECT version, ' . join(', ', map { $n >> $_ & 1 ? '-1' : 'abs(1)' } 0 .. 11) . q{ FROM scripted WHERE aggregate_id = 'a'}
	} $chunk * 100 .. $chunk * 100 + 99;
	$admin->query(join '; ', @statements);
}
is(rows(q{SELECT sum(executions), sum(requests), sum(read_units) FROM dynamodb_es_stat_statements}), join('|', $count, $count, $count / 2), 'no count is lost where there are more statements than places');
cmp_ok(scalar(my @kept = $admin->query('SELECT FROM dynamodb_es_stat_statements')), '<=', 2049, 'the table does not grow');
cmp_ok($admin->query('SELECT executions FROM dynamodb_es_stat_statements WHERE queryid IS NULL'), '>=', $count - 2048, 'the rest is in the row of all others');

# A standby reads the store and counts by itself.
$node->backup('backup');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($node, 'backup', has_streaming => 1);
$standby->start;
{
	my $session = Session->new($standby);
	$session->query(q{SELECT version FROM scripted WHERE aggregate_id = 'a'});
	is(rows('SELECT operation, requests FROM dynamodb_es_stat', $session), 'Query|1', 'a standby reads the store, and counts what it reads itself');
	is($session->try(q{INSERT INTO scripted (aggregate_id, version, events) VALUES ('a', 0, '[]')})->{error}{sqlstate}, '25006', 'it does not append');
	$session->query('SELECT dynamodb_es_stat_reset()');
	is(rows('SELECT * FROM dynamodb_es_stat', $session), '', 'its counts are reset by themselves');
	cmp_ok(sum_of('requests'), '>', 1, 'and not those of the primary');
	$session->close;
}
$standby->stop;

# After a crash, as after any start, it begins anew.
$sessions[4]->send('SELECT pg_sleep(60)');
kill 'KILL', $sessions[3]->pid;
ok($sessions[4]->result->{ended_at}, 'a crash ends all sessions');
ok(Session::comes(sub { $admin = eval { Session->new($node) } }), 'the server is back');
is(rows('SELECT * FROM dynamodb_es_stat'), '', 'it begins anew');
$admin->query(q{SELECT version FROM scripted WHERE aggregate_id = 'a'});
is(rows('SELECT operation, requests FROM dynamodb_es_stat'), 'Query|1', 'and counts');

# Where the library does not come with the server.
$node->append_conf('postgresql.conf', "shared_preload_libraries = ''");
$node->restart;
$admin = Session->new($node);
$admin->query(q{SELECT version FROM scripted WHERE aggregate_id = 'a'});
if ($node->pg_version < 17)
{
	is(join(' ', map { $admin->try("SELECT $_")->{error}{sqlstate} } '* FROM dynamodb_es_stat', '* FROM dynamodb_es_stat_statements', 'dynamodb_es_stat_reset()'), '55000 55000 55000', 'where the library was not loaded with the server, an error says so');
	like($admin->try('SELECT * FROM dynamodb_es_stat')->{error}{message}, qr/must be loaded via "shared_preload_libraries"/, 'and what to do');
}
else
{
	is(rows('SELECT operation, requests FROM dynamodb_es_stat'), 'Query|1', 'it counts also where it was not loaded with the server');
	is(rows('SELECT operation, requests FROM dynamodb_es_stat', Session->new($node)), 'Query|1', 'for all sessions');
	$admin->query('SELECT dynamodb_es_stat_reset()');
	is(rows('SELECT operation, requests FROM dynamodb_es_stat'), '', 'and is reset');
}

$script->stop;
$fault->stop;
$node->stop;
done_testing();
