# Readers that follow the ids see the commits of an aggregate in the order of their versions: a commit that asked for the next version never has
# an id lower than that of a version before it, whoever has stored that one in between.
use strict;
use warnings;

use FindBin;
use lib map { "$FindBin::RealBin/../test/$_" } qw(fault perl);

use Fault;
use PlainDynamoDB;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Session;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->start;
my $fault = Fault->new($ENV{DYNAMODB_ENDPOINT});
my $dynamodb = PlainDynamoDB->new($ENV{DYNAMODB_ENDPOINT}, 'AKIDEXAMPLE');
my $session = Session->new($node);
$session->create_table('faulty', $fault->endpoint);
$dynamodb->create_store('commits', 'counters');

# Another client takes an id and stores version 0 while the statement's first put is held up.
sub overtaken
{
	my ($aggregate, $rows) = @_;
	$fault->rules({ operation => 'PutItem', before => 'stall', times => 1 });
	$session->send("INSERT INTO faulty (aggregate_id, version, events) VALUES $rows ON CONFLICT DO NOTHING");
	$fault->wait_for(event => 'request', operation => 'PutItem');
	my $id = $dynamodb->call(UpdateItem => { TableName => 'counters', Key => { name => { S => 'commits' } }, UpdateExpression => 'ADD id :one',
		ExpressionAttributeValues => { ':one' => { N => '1' } }, ReturnValues => 'UPDATED_NEW' })->{Attributes}{id}{N};
	$dynamodb->put('commits', { aggregateId => { S => $aggregate }, version => { N => '0' }, commitId => { N => $id }, active => { S => 't' },
		committedAt => { N => '946684800000' }, events => { S => '["theirs"]' } });
	$fault->release;
	my $result = $session->result;
	is($result->{error} && $result->{error}{message}, undef, "$aggregate: the statement succeeds");
	return join ' ', map { "$_->[0]: $_->[1]" } $session->query("SELECT version, events FROM faulty WHERE aggregate_id = '$aggregate' ORDER BY commit_id");
}

is(overtaken('next', q{('next', NULL, '["a"]'), ('next', NULL, '["b"]')}), '0: ["theirs"] 1: ["a"] 2: ["b"]', 'next versions that have lost their race');
is(overtaken('mixed', q{('mixed', 0, '["a"]'), ('mixed', NULL, '["b"]'), ('mixed', NULL, '["c"]')}), '0: ["theirs"] 1: ["b"] 2: ["c"]',
	'next versions after one that was skipped');
my %stored = map { ($_->{commitId}{N}, 1) } $dynamodb->scan('commits');
my %noted = map { ($_, 1) } $dynamodb->burned;
is(join(' ', grep { !$stored{$_} == !$noted{$_} } 1 .. $session->query(q{SELECT dynamodb_es_head('faulty')})), '', 'every id is stored, or noted as burned');

$fault->stop;
$node->stop;
done_testing();
