# INSERTs whose requests, or the answers to them, get lost on the way; and whether what each of them says is true, then and in the end.
package LostAnswers;

use strict;
use warnings;

use Fault;
use JSON::PP;
use PlainDynamoDB;
use PostgreSQL::Test::Cluster;
use Session;
use Test::More;

my $attempts = 2;
my $timeout_ms = 500;
my $server_error = { status => 500, body => { __type => 'com.amazonaws.dynamodb.v20120810#InternalServerError', message => 'no' } };

# What may happen to a request: is it carried out all the same, how often, and with which SQLSTATE does a request that stores nothing end when that
# goes on?
my @faults = (
	[ 'cut before the request', { before => 'close' }, 0, 'HV00N' ],
	[ 'reset before the request', { before => 'reset' }, 0, 'HV00N' ],
	[ 'cut after the request', { after => 'close' }, 1, 'HV00N' ],
	[ 'reset after the request', { after => 'reset' }, 1, 'HV00N' ],
	[ 'cut in the header of the answer', { bytes => 40, then => 'close' }, 1, 'HV000' ],      # as good as an empty answer
	[ 'cut in the body of the answer', { bytes => -1, then => 'close' }, 1, 'HV00N' ],
	[ 'timeout before the request', { before => 'stall' }, 0, 'HV00N' ],
	[ 'timeout after the request', { after => 'stall' }, 1, 'HV00N' ],
	[ 'timeout, and carried out later', { late => 3 * $timeout_ms }, 1, 'HV00N' ],
	[ '500 without having done it', { answer => $server_error }, 0, 'HV000' ],
	[ '500 after having done it', { answer => $server_error, carried_out => JSON::PP::true }, 1, 'HV000' ],
);

# A PostgreSQL with three foreign tables for one store, which is yet to be made: "direct" goes to the engine, "faulty" through the proxy, and
# "impatient" too, with a short request_timeout_ms.
sub new
{
	my ($class) = @_;
	my $node = PostgreSQL::Test::Cluster->new('main');
	$node->init;
	$node->start;
	my $fault = Fault->new($ENV{DYNAMODB_ENDPOINT});
	my $admin = Session->new($node);
	$admin->create_table('direct', $ENV{DYNAMODB_ENDPOINT});
	$admin->create_table('faulty', $fault->endpoint, max_attempts => $attempts);
	$admin->create_table('impatient', $fault->endpoint, max_attempts => $attempts, request_timeout_ms => $timeout_ms);
	return bless { node => $node, fault => $fault, plain => PlainDynamoDB->new($ENV{DYNAMODB_ENDPOINT}, 'AKIDEXAMPLE'), admin => $admin, promised => {} }, $class;
}

sub node { return $_[0]{node} }
sub fault { return $_[0]{fault} }
sub plain { return $_[0]{plain} }
sub admin { return $_[0]{admin} }
sub faults { return @faults }
sub attempts { return $attempts }

# An INSERT under these rules, of rows as SQL has them, in a session of its own: its client's quota of retries is full, and it knows nothing of the
# counter.
sub insert
{
	my ($self, $rows, @rules) = @_;
	my $session = Session->new($self->{node});
	my $stalls = grep { $_->{late} || grep { ($_ // '') eq 'stall' } @$_{qw(before after)} } @rules;
	my $table = $stalls ? 'impatient' : 'faulty';
	$self->{fault}->rules(@rules);
	my $result = $session->try("INSERT INTO $table (aggregate_id, version, events) $rows");
	$self->{fault}->release;
	$session->close;
	$self->{fault}->finish;
	return $result;
}

sub _outcome
{
	my ($result) = @_;
	return $result->{error} ? $result->{error}{sqlstate} : $result->{tag} eq 'INSERT 0 0' ? 'skipped' : 'stored';
}

# What the store holds of a case, whose commits all have its name as their only event; in the order of their ids.
sub stored
{
	my ($self, $case) = @_;
	my $events = encode_json([$case]);
	return sort { $a->{commitId}{N} <=> $b->{commitId}{N} } grep { ($_->{events}{S} // '') eq $events } $self->{plain}->scan('commits');
}

# Does a case's INSERT say what it should? $count is how many commits that leaves in the store, the first one under $id.
sub check
{
	my ($self, $name, $case, $result, $outcome, $count, $id) = @_;
	is(_outcome($result), $outcome, "$name: $outcome") or diag($result->{error}{message}, ' ', $result->{error}{detail} // '');
	like($result->{error}{detail}, qr/aggregate "$case", version \d+, commit id $id\b/, "$name: the DETAIL names it") if $outcome eq '08007';
	$self->{promised}{$case} = $count;
	return;
}

# All that happened late has happened: does what was said still hold? Returns how many commits have each id.
sub check_again
{
	my ($self) = @_;
	my (%count, %used);
	$self->{fault}->stop;
	for my $item ($self->{plain}->scan('commits'))
	{
		next if $item->{active}{S} ne 't';
		$count{ decode_json($item->{events}{S})->[0] }++;
		$used{ $item->{commitId}{N} }++;
	}
	is_deeply({ map { ($_, $count{$_} // 0) } keys %{ $self->{promised} } }, $self->{promised}, 'what was said of each commit still holds');
	return %used;
}

1;
