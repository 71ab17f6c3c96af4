# A resolver that hangs holds up neither a cancel nor the end of the backend, and its thread takes none of the backend's signals.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../test/lib";

use Interrupt;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Session;
use Test::More;

my $dir = PostgreSQL::Test::Utils::tempdir();
my $resolved = "$dir/resolved";
my $shim = "$dir/slow_resolver.so";
my $source = "$FindBin::RealBin/../test/lib/slow_resolver.c";
system($ENV{CC} // 'cc', '-shared', '-fPIC', '-o', $shim, $source, '-ldl') == 0 or BAIL_OUT('slow_resolver.c does not compile');

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
{
	local $ENV{LD_PRELOAD} = $shim;
	local $ENV{SLOW_RESOLVER_UNTIL} = $resolved;
	$node->start;
}

my $observer = Session->new($node);
my ($port) = $ENV{DYNAMODB_ENDPOINT} =~ /:(\d+)$/;
my $rows = "$dir/rows";
append_to_file($rows, "a\t0\t[]\n");

$observer->create_table('good', $ENV{DYNAMODB_ENDPOINT});
$observer->create_table('slow', "http://dynamodb.slow.test:$port", connect_timeout_ms => 600000, request_timeout_ms => 600000);
$observer->create_table('impatient', "http://dynamodb.slow.test:$port", connect_timeout_ms => 300, max_attempts => 1);
$observer->query(q{SELECT dynamodb_es_create_tables('good')});
$observer->query(q{INSERT INTO good (aggregate_id, version, events) VALUES ('a', 0, '[]')});

# The statement waits, and so does the resolver. (A thread that has only just begun has all signals blocked in any case.)
sub wait_until_resolving
{
	my ($session) = @_;
	$session->wait_until_waiting($observer);
	Session::comes(sub { -e "$resolved." . $session->pid }) or die 'never: a hung resolver';
	return;
}

sub while_resolving
{
	my ($name, $sql, %more) = @_;
	ends_at_once(
		$node, $observer, "$name, slow resolver",
		sql => $sql,
		reached => \&wait_until_resolving,
		works => [ q{SELECT count(*) FROM good WHERE aggregate_id = 'a'}, 1 ],
		%more);
}
while_resolving('SELECT', q{SELECT * FROM slow WHERE aggregate_id = 'a'});
while_resolving('INSERT', q{INSERT INTO slow (aggregate_id, version, events) VALUES ('b', 0, '[]')});
while_resolving('COPY', "COPY slow (aggregate_id, version, events) FROM '$rows'");
while_resolving('FETCH', 'FETCH 1 FROM c', before => 'BEGIN; DECLARE c CURSOR FOR SELECT * FROM slow', after => 'ROLLBACK');
while_resolving('dynamodb_es_create_tables', q{SELECT dynamodb_es_create_tables('slow')});

# The connect timeout holds as well: it is all that can end this, as the resolver never answers.
{
	my $session = Session->new($node);
	my $sent = $session->send(q{SELECT * FROM impatient WHERE aggregate_id = 'a'});
	my $result = $session->result;
	my $ms = 1000 * ($result->{error_at} - $sent);
	is($result->{error}{sqlstate}, 'HV00N', 'connect_timeout_ms ends a wait for the resolver');
	cmp_ok($ms, '>=', 300, 'and not too early');
	$session->close;
}

# Signals go to the main thread; the resolver's has all of them blocked.
my %signals = (HUP => 1, INT => 2, QUIT => 3, USR1 => 10, USR2 => 12, PIPE => 13, ALRM => 14, TERM => 15, CHLD => 17, URG => 23);
my $session = Session->new($node);
my $threads_before = $session->threads;

sub blocked
{
	my ($thread) = @_;
	my ($mask) = slurp_file('/proc/' . $session->pid . "/task/$thread/status") =~ /^SigBlk:\s*([0-9a-f]+)/m;
	return join ' ', sort grep { hex(substr $mask, -8) >> ($signals{$_} - 1) & 1 } keys %signals;
}

$session->query(q{SELECT count(*) FROM good WHERE aggregate_id = 'a'});
$session->send(q{SELECT * FROM slow WHERE aggregate_id = 'a'});
wait_until_resolving($session);
my @resolvers = grep { $_ != $session->pid } $session->threads;    # newer libcurls ask for each address family in one of its own
is($threads_before, 1, 'a backend has one thread until it needs the resolver');
is(blocked($_), join(' ', sort keys %signals), "a resolver's thread takes no signal") for @resolvers;
is(blocked($session->pid), 'URG', "the backend's own takes all; PostgreSQL itself reads SIGURG from a descriptor");

for (1 .. 200)
{
	kill USR1 => $session->pid;
	kill HUP => $session->pid;
	kill URG => $session->pid;
}
$observer->query('SELECT pg_log_backend_memory_contexts(' . $session->pid . ')');
Session::comes(sub { slurp_file($node->logfile) =~ /logging memory contexts of PID ${\$session->pid}/ }) or die 'never: memory contexts in the log';
cmp_ok(scalar $session->threads, '==', 1 + @resolvers, 'signals end neither the wait nor the resolver');
append_to_file($resolved, '');
my $result = $session->result;
is($result->{error}, undef, 'the statement goes on when the name is resolved');
is($result->{rows}[0][2], 'a', 'to its rows');

# Hung resolvers end by themselves, and leave nothing in the backend.
unlink $resolved;
my $observed = $session->descriptors;
$observer->query(q{ALTER SERVER slow_server OPTIONS (SET endpoint 'http://other.slow.test:} . $port . q{')});
my $pooled = @resolvers > 1;    # newer libcurls have a pool of some threads
my $hung = 20;
for (1 .. $hung)
{
	my $before = $session->threads;
	$session->send(q{SELECT * FROM slow WHERE aggregate_id = 'a'});
	wait_until_resolving($session);
	$pooled || Session::comes(sub { $session->threads > $before }) or die 'never: one more resolver thread';
	$observer->query('SELECT pg_cancel_backend(' . $session->pid . ')');
	$session->result;
}
cmp_ok(scalar $session->threads, $pooled ? '<=' : '==', 1 + $hung, 'cancelled statements leave their resolver threads to end by themselves');
append_to_file($resolved, '');
Session::comes(sub { $session->threads == 1 }) or die 'never: a single thread';
pass('and they do');
is($session->query(q{SELECT count(*) FROM slow WHERE aggregate_id = 'a'}), 1, 'the session works');
cmp_ok(scalar $session->descriptors, '<=', $observed, 'no descriptor stays');
$session->close;

unlike(slurp_file($node->logfile), qr/was terminated by signal|PANIC/, 'no backend crashed');
$node->stop;
done_testing();
