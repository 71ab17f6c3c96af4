# Servers close connections that were idle for a while. The next statement opens a new one, and does not fail.
use strict;
use warnings;

use FindBin;
use lib map { "$FindBin::RealBin/../test/$_" } qw(fault perl);

use Fault;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Session;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->start;

my $fault = Fault->new($ENV{DYNAMODB_ENDPOINT});
my $session = Session->new($node);
my $version = 0;

$session->create_table('commits', $fault->endpoint);
$session->query(q{SELECT dynamodb_es_create_tables('commits')});

# Waits until the backend's kernel knows of the end: nothing established is left.
sub await_end
{
	Session::comes(sub { !grep { $_ eq 'ESTABLISHED' } $session->tcp_states($fault->port) }) or die 'the connection stays';
	return;
}

my %statement = (
	SELECT => sub { return q{SELECT count(*) FROM commits WHERE aggregate_id = 'b'} },
	INSERT => sub { $version++; return "INSERT INTO commits (aggregate_id, version, events) VALUES ('a', $version, '[]')" },
	dynamodb_es_head => sub { return q{SELECT dynamodb_es_head('commits')} },
);
for my $name (sort keys %statement)
{
	my @calls = $name eq 'INSERT' ? qw(UpdateItem PutItem) : $name eq 'SELECT' ? 'Query' : 'GetItem';
	for my $how (qw(close reset))
	{
		$session->query($statement{$name}->());
		is_deeply([ $session->tcp_states($fault->port) ], ['ESTABLISHED'], "after $name one connection is kept");
		$how eq 'close' ? $fault->close_idle : $fault->reset_idle;
		await_end();
		$fault->rules;
		my $result = $session->try($statement{$name}->());
		is($result->{error} && "$result->{error}{message}: $result->{error}{detail}", undef, "$name works after an idle $how");
		is(join(' ', $fault->operations), join(' ', @calls), 'each of its requests was sent once');
	}
}
is($session->query(q{SELECT count(*) FROM commits WHERE aggregate_id = 'a'}), $version, 'each commit is stored once');
is($session->query(q{SELECT dynamodb_es_head('commits')}), $version, 'and took one id');

# A cursor between two pages is no different.
$fault->rules({ operation => 'Query', times => 1, answer => { body => {
	Items => [ { aggregateId => { S => 'a' }, version => { N => '0' } } ],
	LastEvaluatedKey => { aggregateId => { S => 'a' }, version => { N => '0' } },
} } });
$session->query(q{BEGIN; DECLARE c CURSOR FOR SELECT version FROM commits WHERE aggregate_id = 'a' ORDER BY version; FETCH 1 FROM c});
$fault->close_idle;
await_end();
is($session->query('FETCH 1 FROM c'), 1, 'a cursor goes on after an idle close');
$session->query('ROLLBACK');

$fault->stop;
$node->stop;
done_testing();
