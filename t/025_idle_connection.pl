# Servers close connections that were idle for a while. The next statement opens a new one, and does not fail.
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
# From 8.22 on libcurl looks at an idle connection once a second: a request may go out on one that has just been closed, and again.
my $looks_rarely = `curl-config --version` =~ /(\d+)\.(\d+)/ && $1 * 100 + $2 >= 822;
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
		my @seen = $fault->operations;
		shift @seen if $looks_rarely && $how eq 'close' && @seen > @calls;
		is("@seen", "@calls", 'each of its requests was sent once');
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

# A timeout counts waiting alone: not what a session does between two statements, whichever way the last wait ended.
{
	my ($fast, $slow) = (Fault->new, Fault->new);
	$session->create_table('fast', $fast->endpoint);
	$session->create_table('slow', $slow->endpoint, request_timeout_ms => 800, max_attempts => 1);
	my $page = sub {
		my ($id, $more) = @_;
		return { body => { Items => [ map { { aggregateId => { S => $id }, version => { N => "$_" }, events => { S => '[]' } } } 0 .. 4 ],
			$more ? (LastEvaluatedKey => { aggregateId => { S => $id }, version => { N => '4' } }) : () } };
	};
	my $works = sub { my ($sql, $name) = @_; my $result = $session->try($sql); return is($result->{error} && "$result->{error}{message}: $result->{error}{detail}", undef, $name) };

	$fast->rules({ answer => $page->('f') });
	$slow->rules({ before => 1500, answer => $page->('s') });
	$session->query('SET cursor_tuple_fraction = 1');    # so that a cursor asks ahead
	$session->query(q{BEGIN; DECLARE c CURSOR FOR
		SELECT aggregate_id FROM (SELECT * FROM slow UNION ALL SELECT * FROM fast) u WHERE aggregate_id IN ('s', 'f')});
	is($session->query('FETCH 1 FROM c'), 'f', 'an Append has waited for two servers, and one has answered');
	$session->query('SELECT pg_sleep(1.2)');
	$works->('FETCH ALL FROM c', 'the other one has been asked for longer than its timeout, but not waited for');
	$session->query('ROLLBACK');

	for my $then ('FETCH ALL FROM c', q{INSERT INTO slow (aggregate_id, version, events) VALUES ('n', 0, '[]')})
	{
		$slow->rules({ match => '"a"', times => 1, answer => $page->('a', 'and more') }, { match => '"a"', times => 1, before => 1500, answer => $page->('a') },
			{ match => '"a"', answer => { body => { Items => [] } } },
			{ match => '"b"', before => 'stall' }, { operation => 'UpdateItem', before => 100, answer => { body => { Attributes => { id => { N => '7' } } } } },
			{ operation => 'PutItem', before => 100, answer => { body => {} } });
		$session->query(q{BEGIN; DECLARE c CURSOR FOR SELECT version FROM slow WHERE aggregate_id = 'a'; FETCH 1 FROM c; SAVEPOINT s});
		is($session->try(q{SET LOCAL statement_timeout = 200; SELECT * FROM slow WHERE aggregate_id = 'b'})->{error}{sqlstate}, '57014', 'a wait is cancelled');
		$session->query('ROLLBACK TO s; SELECT pg_sleep(1.2)');
		$works->($then, 'and the time since then counts for nothing: ' . substr $then, 0, 6);
		$session->query('ROLLBACK');
		$slow->release;
	}
	$_->stop for $fast, $slow;
}

$fault->stop;
$node->stop;
done_testing();
