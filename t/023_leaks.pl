# Two thousand statements that fail or are ended, in one session, do not grow its backend.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../test/lib";

use Fault;
use IO::Socket::INET;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Session;
use Test::More;

my $dir = PostgreSQL::Test::Utils::tempdir();
my $resolved = "$dir/resolved";
my $shim = "$dir/slow_resolver.so";
system($ENV{CC} // 'cc', '-shared', '-fPIC', '-o', $shim, "$FindBin::RealBin/../test/lib/slow_resolver.c", '-ldl') == 0
  or BAIL_OUT('slow_resolver.c does not compile');

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->append_conf('postgresql.conf', "autovacuum = off\nlog_min_error_statement = panic\nlog_min_messages = fatal");
{
	local $ENV{LD_PRELOAD} = $shim;
	local $ENV{SLOW_RESOLVER_UNTIL} = $resolved;
	$node->start;
}

my $nobody = IO::Socket::INET->new(Listen => 1, LocalAddr => '127.0.0.1')->sockport;    # closed again
my $fault = Fault->new($ENV{DYNAMODB_ENDPOINT});
my $observer = Session->new($node);
my $session = Session->new($node);
my ($engine_port) = $ENV{DYNAMODB_ENDPOINT} =~ /:(\d+)$/;

append_to_file($resolved, '');
$observer->create_table('good', "http://ready.slow.test:$engine_port");
$observer->create_table('faulty', $fault->endpoint);
$observer->create_table('unreachable', "http://127.0.0.1:$nobody");
$observer->create_table('hung', "http://hung.slow.test:$engine_port");
$observer->query(q{SELECT dynamodb_es_create_tables('good')});
$observer->query(q{INSERT INTO good (aggregate_id, version, events) VALUES ('a', 0, '[]')});

sub item { my ($version) = @_; return { aggregateId => { S => 'a' }, version => { N => "$version" }, events => { S => '[' . '1,' x 2000 . '1]' } } }
my $more = { body => { Items => [ map { item($_) } 0 .. 9 ], LastEvaluatedKey => { aggregateId => { S => 'a' }, version => { N => '9' } } } };
my $select = q{SELECT version, events FROM faulty WHERE aggregate_id = 'a'};
my $insert = q{INSERT INTO faulty (aggregate_id, version, events) VALUES ('b', 0, '[]')};

sub fails { my ($sqlstate, $sql) = @_; return $session->try($sql)->{error}{sqlstate} eq $sqlstate }

sub cancelled
{
	my ($sql, $reached) = @_;
	$session->send($sql);
	$reached->();
	$observer->query('SELECT pg_cancel_backend(' . $session->pid . ')');
	return $session->result->{error}{sqlstate} eq '57014';
}

my %stall = (name => 'stalled', before => 'stall');

sub stalled
{
	my ($operation, @rules) = @_;
	$fault->rules(@rules);
	return sub { $fault->wait_for(rule => 'stalled', operation => $operation) };
}

# Each gives true when the statement ended as it should.
my %kinds = (
	'a taken version' => sub { fails('23505', q{INSERT INTO good (aggregate_id, version, events) VALUES ('a', 0, '[]')}) },
	'an unreachable endpoint' => sub { fails('HV00N', 'SELECT * FROM unreachable') && fails('HV00N', $insert =~ s/faulty/unreachable/r) },
	'tables that exist' => sub { fails('42P07', q{SELECT dynamodb_es_create_tables('good')}) },
	'a SELECT cancelled' => sub { cancelled($select, stalled('Query', \%stall)) },
	'a SELECT cancelled in its second page' =>
	  sub { cancelled($select, stalled('Query', { answer => $more, times => 1 }, \%stall)) && $fault->wait_for(event => 'closed') },
	'an INSERT cancelled at its put' =>
	  sub { cancelled($insert, stalled('PutItem', { %stall, operation => 'PutItem' })) },
	'a statement_timeout' => sub {
		$fault->rules({ before => 'stall' });
		fails('57014', "SET statement_timeout = 5; $select");
	},
	'a cancel while resolving' => sub {
		unlink $resolved;
		my $ended = cancelled('SELECT * FROM hung', sub { $session->wait_until_waiting($observer) });
		append_to_file($resolved, '');
		return $ended;
	},
	'an unreadable value' => sub {
		$fault->rules({ answer => { body => { Items => [ item('1'), item('10.5') ] } } });
		fails('22P02', $select);
	},
	'no answer of DynamoDB' => sub {
		$fault->rules({ answer => { body => '{"Items":[{"a":' } });
		fails('HV000', $select);
	},
	'an aborted cursor' => sub {
		$fault->rules({ answer => $more });
		my $failed = fails('22012', "BEGIN; DECLARE c CURSOR FOR $select; FETCH 3 FROM c; SELECT 1/0");
		$session->query('ROLLBACK');
		return $failed;
	},
	'a cursor rolled back to a savepoint' => sub {
		$fault->rules({ answer => $more });
		$session->query("BEGIN; SAVEPOINT s; DECLARE c CURSOR FOR $select; FETCH 3 FROM c; ROLLBACK TO s; COMMIT");
		return 1;
	},
	'a query left before its end' => sub {
		$fault->rules({ answer => $more });
		return @{ $session->try("$select LIMIT 2")->{rows} } == 2;
	},
	'exception blocks' => sub {
		$fault->rules({ answer => { body => { Items => [ item('10.5') ] } } });
		$session->query(<<SQL);
DO \$\$
DECLARE
	head bigint;
BEGIN
	BEGIN
		INSERT INTO good (aggregate_id, version, events) VALUES ('a', 0, '[]');
	EXCEPTION WHEN unique_violation THEN
	END;
	BEGIN
		PERFORM * FROM unreachable;
	EXCEPTION WHEN fdw_unable_to_establish_connection THEN
	END;
	BEGIN
		head := dynamodb_es_head('unreachable');
	EXCEPTION WHEN fdw_unable_to_establish_connection THEN
	END;
	BEGIN
		FOR head IN SELECT version FROM faulty LOOP
		END LOOP;
	EXCEPTION WHEN invalid_text_representation THEN
	END;
END \$\$
SQL
		return 1;
	},
);

sub run_all
{
	my ($rounds) = @_;
	my %wrong;
	for (1 .. $rounds)
	{
		for my $kind (sort keys %kinds) { $wrong{$kind}++ if !$kinds{$kind}->() }
	}
	return join ', ', sort keys %wrong;
}

# What the backend holds while it is idle. The files that it has open are PostgreSQL's own affair.
sub measure
{
	$session->query(q{SELECT count(*) FROM good WHERE aggregate_id = 'a'});
	Session::comes(sub { $session->threads == 1 });
	my $status = slurp_file('/proc/' . $session->pid . '/status');
	return {
		descriptors => join(' ', sort map { /^(\w+):/ ? $1 : () } $session->descriptors),
		threads => scalar $session->threads,
		map { ($_ => $status =~ /^$_:\s*(\d+) kB/m) } qw(VmRSS VmData),
		contexts => $session->query('SELECT sum(total_bytes) FROM pg_backend_memory_contexts') / 1024,
	};
}

my $rounds = 150;
# The heap takes its last step, of half a megabyte, at some time in the first few thousand: that much is no leak.
is(run_all($rounds), '', 'every kind of statement ends as it should (warm-up)');
my $before = measure();
is(run_all($rounds), '', 'and ' . $rounds * keys(%kinds) . ' more do');
my $after = measure();
for my $what (sort keys %$before) { note "$what: $before->{$what} before, $after->{$what} after" }

is($after->{descriptors}, $before->{descriptors}, 'sockets and other descriptors stay as many');
is($after->{threads}, 1, 'one thread is left');
cmp_ok($after->{contexts} - $before->{contexts}, '<=', 0, 'memory contexts do not grow (kB)');
cmp_ok($after->{VmData} - $before->{VmData}, '<=', 1024, 'data do not grow (kB)');
cmp_ok($after->{VmRSS} - $before->{VmRSS}, '<=', 1024, 'resident memory does not grow (kB)');
is($session->query(q{SELECT count(*) FROM good WHERE aggregate_id = 'a'}), 1, 'the session works');

$fault->stop;
$node->stop;
done_testing();
