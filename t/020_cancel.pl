# A statement that waits for DynamoDB ends within 100 ms of a cancel, a statement_timeout or a termination, whatever the endpoint
# does or does not do. The endpoints of this file are reached by address; a slow resolver is 021's.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../test/lib";

use Fault;
use Interrupt;
use IO::Socket::INET;
use PlainDynamoDB;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Session;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->start;

my $fault = Fault->new;
my $observer = Session->new($node);
my %never = (connect_timeout_ms => 600000, request_timeout_ms => 600000);

$observer->create_table('good', $ENV{DYNAMODB_ENDPOINT});
$observer->query(q{SELECT dynamodb_es_create_tables('good')});
$observer->query(q{INSERT INTO good (aggregate_id, version, events) VALUES ('a', 0, '[]')});
my @works = (works => [ q{SELECT count(*) FROM good WHERE aggregate_id = 'a'}, 1 ]);

my $rows = PostgreSQL::Test::Utils::tempdir() . '/rows';
append_to_file($rows, "a\t0\t[]\n");

my $one_of_many = {
	Items => [ { aggregateId => { S => 'a' }, version => { N => '0' }, commitId => { N => '1' }, committedAt => { N => '0' }, events => { S => '[]' } } ],
	LastEvaluatedKey => { aggregateId => { S => 'a' }, version => { N => '0' } },
};
my $id = { Attributes => { name => { S => 'commits' }, id => { N => '7' } } };
my $creating = { Table => { TableStatus => 'CREATING', KeySchema => PlainDynamoDB::key_schema('aggregateId', 'version'),
	AttributeDefinitions => [ map { { AttributeName => $_->[0], AttributeType => $_->[1] } } [ aggregateId => 'S' ], [ version => 'N' ], [ active => 'S' ], [ commitId => 'N' ] ],
	GlobalSecondaryIndexes => [ { IndexName => 'byId', IndexStatus => 'CREATING', KeySchema => PlainDynamoDB::key_schema('active', 'commitId'), Projection => { ProjectionType => 'ALL' } } ] } };
my $missing = { status => 400, body => { __type => 'com.amazonaws.dynamodb.v20120810#ResourceNotFoundException', message => 'no' } };

# A case at the fault server: rules, and the operation that it is to be caught in.
sub at_fault
{
	my ($name, $sql, $rules, $operation, %more) = @_;
	ends_at_once(
		$node, $observer, $name,
		sql => $sql,
		seen => 1,
		prepare => sub { $fault->rules(@$rules) },
		reached => sub { $fault->wait_for(operation => $operation, rule => 'caught') },
		@works, %more);
}
my %stall = (name => 'caught', before => 'stall');
my %put_out = (detail => qr/^A commit with aggregate "a", version 0, commit id 7 may have been stored all the same\.$/);
my $insert = q{INSERT INTO silent (aggregate_id, version, events) VALUES ('a', 0, '[]')};
my $select = q{SELECT * FROM silent WHERE aggregate_id = 'a'};
my $copy = "COPY silent (aggregate_id, version, events) FROM '$rows'";

$observer->create_table('silent', $fault->endpoint, %never);
at_fault('SELECT by aggregate, silent', $select, [ \%stall ], 'Query');
at_fault('SELECT of all, silent', 'SELECT * FROM silent', [ \%stall ], 'Scan');
at_fault('SELECT, silent in the second page', $select, [ { answer => { body => $one_of_many }, times => 1 }, \%stall ], 'Query');
at_fault('SELECT, a byte now and then', $select, [ { name => 'caught', pace => 20 } ], 'Query');
at_fault('SELECT, silent amid the answer', $select, [ { name => 'caught', bytes => 60 } ], 'Query');
at_fault('INSERT, silent at the counter', $insert, [ \%stall ], 'UpdateItem');
at_fault('INSERT, silent at the put', $insert, [ { operation => 'UpdateItem', answer => { body => $id } }, \%stall ], 'PutItem', %put_out);
at_fault('COPY, silent at the counter', $copy, [ \%stall ], 'UpdateItem');
at_fault('COPY, silent at the put', $copy, [ { operation => 'UpdateItem', answer => { body => $id } }, \%stall ], 'PutItem', %put_out);
at_fault('FETCH, silent', 'FETCH 10 FROM c', [ \%stall ], 'Query',
	before => "BEGIN; DECLARE c CURSOR FOR $select", after => 'ROLLBACK');
at_fault('FETCH, silent in the second page', 'FETCH 10 FROM c', [ { answer => { body => $one_of_many }, times => 1 }, \%stall ], 'Query',
	before => "BEGIN; DECLARE c CURSOR FOR $select; FETCH 1 FROM c", after => 'ROLLBACK');
at_fault('dynamodb_es_head, silent', q{SELECT dynamodb_es_head('silent')}, [ \%stall ], 'GetItem');
at_fault('dynamodb_es_create_tables, silent', q{SELECT dynamodb_es_create_tables('silent')}, [ \%stall ], 'DescribeTable');
at_fault('dynamodb_es_create_tables, never ACTIVE', q{SELECT dynamodb_es_create_tables('silent')},
	[
		{ operation => 'DescribeTable', times => 2, answer => $missing },
		{ operation => 'DescribeTable', name => 'polled', times => 1, answer => { body => $creating } },
		{ operation => 'DescribeTable', name => 'caught', answer => { body => $creating } },
		{ operation => 'CreateTable' },
	],
	'DescribeTable');

# An endpoint that the server never gets through to: caught by what pg_stat_activity shows, and the state of the connection.
sub out_of_reach
{
	my ($name, $port, $state, $sql, %more) = @_;
	my $reached = sub {
		my ($session) = @_;
		$session->wait_until_waiting($observer);
		Session::comes(sub { join(' ', $session->tcp_states($port)) eq $state }) or die "no connection is $state";
	};
	ends_at_once($node, $observer, $name, sql => $sql, reached => $reached, @works, %more);
}

# The kernel takes the connections that fit into the backlog, and drops what comes then.
my $full = IO::Socket::INET->new(Listen => 1, LocalAddr => '127.0.0.1') or die $!;
my @deaf = ($full->sockport, 'SYN_SENT');
my @fillers = map { IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $full->sockport, Blocking => 0) } 1 .. 8;
$observer->create_table('deaf', 'http://127.0.0.1:' . $full->sockport, %never);
out_of_reach('SELECT, no connection', @deaf, q{SELECT * FROM deaf WHERE aggregate_id = 'a'});
out_of_reach('INSERT, no connection', @deaf, q{INSERT INTO deaf (aggregate_id, version, events) VALUES ('a', 0, '[]')});
out_of_reach('COPY, no connection', @deaf, "COPY deaf (aggregate_id, version, events) FROM '$rows'");
out_of_reach('FETCH, no connection', @deaf, 'FETCH 1 FROM c', before => 'BEGIN; DECLARE c CURSOR FOR SELECT * FROM deaf', after => 'ROLLBACK');
out_of_reach('dynamodb_es_create_tables, no connection', @deaf, q{SELECT dynamodb_es_create_tables('deaf')});

# Connections are taken, and no TLS handshake is ever answered.
my $mute = IO::Socket::INET->new(Listen => 128, LocalAddr => '127.0.0.1') or die $!;
my @mute = ($mute->sockport, 'ESTABLISHED');
$observer->create_table('mute', 'https://127.0.0.1:' . $mute->sockport, %never);
out_of_reach('SELECT, no TLS handshake', @mute, q{SELECT * FROM mute WHERE aggregate_id = 'a'});
out_of_reach('INSERT, no TLS handshake', @mute, q{INSERT INTO mute (aggregate_id, version, events) VALUES ('a', 0, '[]')});

# Nothing is waited for any more: a page of rows that take long is there, and all are collected before the first one is appended.
my $numbers = '[' . join(',', (1) x 50_000) . ']';
my $many = { Items => [ map { { aggregateId => { S => 'a' }, version => { N => "$_" }, commitId => { N => "$_" }, committedAt => { N => '0' }, events => { S => $numbers } } } 1 .. 100 ] };
sub until_at_work
{
	my ($session) = @_;
	$fault->wait_for(event => 'answer');
	my $since = Session::now();
	while (Session::now() < $since + 0.05)
	{
		$since = Session::now() if $observer->query('SELECT wait_event IS NOT NULL FROM pg_stat_activity WHERE pid = ' . $session->pid) eq 't';
	}
	return;
}
ends_at_once(
	$node, $observer, 'INSERT of what is read, at work on the rows',
	sql => q{INSERT INTO silent (aggregate_id, version, events) SELECT aggregate_id, version + 100, events FROM silent WHERE aggregate_id = 'a'},
	prepare => sub { $fault->rules({ answer => { body => $many } }) },
	reached => \&until_at_work,
	detail => qr/\A(?:Rows of the batch that are stored: 0; .*)?\z/,    # it may have come to the first append
	@works);

$fault->stop;
$node->stop;
done_testing();
