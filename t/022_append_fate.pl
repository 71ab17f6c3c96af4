# An INSERT that is ended, or loses its connection, says what may have become of its commit: nothing is said of one that was
# never put, and one that was put is never reported as refused, nor sent more often than max_attempts says.
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
$node->start;

my $fault = Fault->new($ENV{DYNAMODB_ENDPOINT});
my $observer = Session->new($node);
my $session = Session->new($node);
my $version = 0;

$observer->create_table('direct', $ENV{DYNAMODB_ENDPOINT});
# One attempt, so that a fault is not mended by the next one; t/040_lost_answers.pl has the retries.
$observer->create_table('faulty', $fault->endpoint, max_attempts => 1);
$observer->create_table('slow', $fault->endpoint, request_timeout_ms => 1200);
$observer->query(q{ALTER FOREIGN TABLE slow OPTIONS (ADD append_deadline_ms '1000')});
$observer->create_table('patient', $fault->endpoint, max_attempts => 1, request_timeout_ms => 3_600_000);
$observer->query(q{SELECT dynamodb_es_create_tables('direct')});

sub insert { $version++; return "INSERT INTO faulty (aggregate_id, version, events) VALUES ('a', $version, '[]') RETURNING commit_id" }
sub stored { return $observer->query("SELECT count(*) FROM direct WHERE aggregate_id = 'a' AND version = $version") }
sub head { return $observer->query(q{SELECT dynamodb_es_head('direct')}) }
sub lost { my %fault = @_; return map { { operation => $_, %fault } } qw(PutItem GetItem) }
sub answers_seen { return join ' ', $fault->operations }

# The session goes on, over its connection or a new one.
sub works
{
	my ($name) = @_;
	$fault->rules;
	my $result = $session->try(insert());
	is($result->{error} && $result->{error}{message}, undef, "$name: the next INSERT works");
	is(stored(), 1, "$name: and is stored");
	return;
}

# Cancels an INSERT where the rules stall it.
sub cancel_at
{
	my ($operation, $event, @rules) = @_;
	$fault->rules(@rules);
	$session->send(insert());
	$fault->wait_for(operation => $operation);
	$fault->wait_for(event => $event) if $event ne 'request';
	$observer->query('SELECT pg_cancel_backend(' . $session->pid . ')');
	my $error = $session->result->{error};
	$fault->release;
	return $error;
}

sub may_be_stored { my ($id) = @_; return qq(A commit with aggregate "a", version $version, commit id $id may have been stored all the same.) }

works('a new session');
my ($error, $head);

$error = cancel_at('UpdateItem', 'request', { operation => 'UpdateItem', before => 'stall' });
is($error->{sqlstate}, '57014', 'cancelled before the counter has answered');
is($error->{detail}, undef, 'nothing can be stored, and nothing is said');
is(stored(), 0, 'nothing is stored');
works('cancelled at the counter');

$head = head();
$error = cancel_at('PutItem', 'request', { operation => 'PutItem', before => 'stall' });
is($error->{sqlstate}, '57014', 'cancelled before the put has reached the engine');
is($error->{detail}, may_be_stored($head + 1), 'it may be stored, as far as one can know');
is(stored(), 0, 'it is not');
works('cancelled at a put that did not arrive');

$head = head();
$error = cancel_at('PutItem', 'answer', { operation => 'PutItem', after => 'stall' });
is($error->{sqlstate}, '57014', 'cancelled after the engine has stored it');
is($error->{detail}, may_be_stored($head + 1), 'it may be stored');
is(stored(), 1, 'it is');
works('cancelled at a put that arrived');

# An ended subtransaction says it as well.
$fault->rules({ operation => 'PutItem', before => 'stall' });
$head = head();
my $sql = insert() =~ s/ RETURNING.*//r;
$session->send(<<SQL);
DO \$\$
DECLARE
	words text;
BEGIN
	$sql;
EXCEPTION WHEN query_canceled THEN
	GET STACKED DIAGNOSTICS words = PG_EXCEPTION_DETAIL;
	RAISE NOTICE '%', words;
END \$\$
SQL
$fault->wait_for(operation => 'PutItem');
$observer->query('SELECT pg_cancel_backend(' . $session->pid . ')');
is($session->result->{notices}[0]{message}, may_be_stored($head + 1), 'an exception handler reads the same DETAIL');
$fault->release;
works('cancelled in a subtransaction');

# A connection that breaks at the counter leaves nothing behind but an id.
for my $how (qw(close reset))
{
	for my $when (qw(before after))
	{
		$fault->rules({ operation => 'UpdateItem', $when => $how });
		$error = $session->try(insert())->{error};
		is($error->{sqlstate}, 'HV00N', "$how at the counter, $when it counts: the endpoint is unreachable");
		is(answers_seen(), 'UpdateItem', 'the request was sent once');
		is(stored(), 0, 'nothing is stored');
		works("$how at the counter, $when");
	}
}

# One that breaks at the put, and at the look for its commit, leaves the fate open, and the message says so.
for my $how (qw(close reset))
{
	for my $when (qw(before after))
	{
		$fault->rules(lost($when => $how));
		$head = head();
		$error = $session->try(insert())->{error};
		is($error->{sqlstate}, '08007', "$how at the put, $when the engine stores it: its fate is unknown");
		my $names = 'aggregate "a", version ' . $version . ', commit id ' . ($head + 1);
		like($error->{detail}, qr/^The answer to \Q$names\E, was lost: /, 'the DETAIL names it');
		is(answers_seen(), 'UpdateItem PutItem GetItem', 'the put was sent once');
		is(stored(), $when eq 'after' ? 1 : 0, 'what became of it');
		works("$how at the put, $when");
	}
}

# So does an answer that stops half-way, or is no answer of DynamoDB's.
$fault->rules(lost(bytes => 40, then => 'close'));
is($session->try(insert())->{error}{sqlstate}, '08007', 'half an answer to the put: its fate is unknown');
is(stored(), 1, 'it is stored');
works('half an answer');
$fault->rules({ operation => 'PutItem', answer => { status => 502, headers => { 'content-type' => 'text/html' }, body => '<h1>Bad Gateway</h1>' } });
is($session->try(insert())->{error}{sqlstate}, '08007', 'a gateway answers the put: its fate is unknown');
works('a gateway');

# Where one row of a batch is refused and then the answer to another is lost, the fate that is open is what the SQLSTATE tells of.
$fault->rules({ operation => 'PutItem', match => '"open"', late => 300, after => 'reset' }, { operation => 'GetItem', match => '"open"', before => 'reset' });
$error = $session->try("INSERT INTO faulty (aggregate_id, version, events) VALUES ('a', $version, '[]'), ('open', 0, '[]')")->{error};
is($error->{sqlstate}, '08007', 'one row is refused, the fate of another unknown');
like($error->{detail}, qr/^The answer to aggregate "open", version 0, commit id \d+, was lost: .* stored: 0; not stored: 1; unknown: 1\./, 'the DETAIL names it, and counts the other');
works('a batch of two fates');

# A put that may not be sent again, since by the time that its answer is given up its id is too old, is looked for.
for my $when (qw(before after))
{
	$fault->rules({ operation => 'PutItem', times => 1, $when => 'stall' });
	my $result = $session->try(insert() =~ s/faulty/slow/r);
	is($result->{error} ? $result->{error}{sqlstate} : $result->{tag}, $when eq 'after' ? 'INSERT 0 1' : '08007', "a put of whose answer nothing is heard, $when the engine stores it");
	is(answers_seen(), 'UpdateItem PutItem GetItem', 'it is looked for');
	$fault->release;
	$fault->finish;
}

# The look is not waited for longer than some seconds.
$fault->rules({ operation => 'PutItem', before => 'reset' }, { operation => 'GetItem', before => 'stall' });
is($session->try(insert() =~ s/faulty/patient/r)->{error}{sqlstate}, '08007', 'an endpoint that falls silent after the put: its fate is unknown');
$fault->release;

$fault->stop;
$node->stop;
done_testing();
