# Readers that follow the ids see the commits of an aggregate in the order of their versions: a commit that asked for the next version never has
# an id lower than that of a version before it, whoever has stored that one in between.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../test/lib";

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
$session->query('CREATE FOREIGN TABLE tokens (aggregate_id text, version bigint, events jsonb, token text) SERVER faulty_server '
	. q{OPTIONS (append_token 'token')});
$dynamodb->create_store('commits', 'counters');

# Another client takes an id and stores version 0 while the statement's first put is held up.
sub overtaken
{
	my ($aggregate, $rows, %theirs) = @_;
	$fault->rules({ operation => 'PutItem', before => 'stall', times => 1 });
	$session->send(%theirs ? "INSERT INTO tokens (aggregate_id, version, events, token) VALUES $rows"
		: "INSERT INTO faulty (aggregate_id, version, events) VALUES $rows ON CONFLICT DO NOTHING");
	$fault->wait_for(event => 'request', operation => 'PutItem');
	my $id = $dynamodb->call(UpdateItem => { TableName => 'counters', Key => { name => { S => 'commits' } }, UpdateExpression => 'ADD id :one',
		ExpressionAttributeValues => { ':one' => { N => '1' } }, ReturnValues => 'UPDATED_NEW' })->{Attributes}{id}{N};
	$dynamodb->put('commits', { aggregateId => { S => $aggregate }, version => { N => '0' }, commitId => { N => $id }, active => { S => 't' },
		committedAt => { N => '946684800000' }, events => { S => '["theirs"]' }, %theirs });
	$fault->release;
	my $result = $session->result;
	is($result->{error} && $result->{error}{message}, undef, "$aggregate: the statement succeeds");
	return join ' ', map { "$_->[0]: $_->[1]" } $session->query("SELECT version, events FROM faulty WHERE aggregate_id = '$aggregate' ORDER BY commit_id");
}

is(overtaken('next', q{('next', NULL, '["a"]'), ('next', NULL, '["b"]')}), '0: ["theirs"] 1: ["a"] 2: ["b"]', 'next versions that have lost their race');
is(overtaken('mixed', q{('mixed', 0, '["a"]'), ('mixed', NULL, '["b"]'), ('mixed', NULL, '["c"]')}), '0: ["theirs"] 1: ["b"] 2: ["c"]',
	'next versions after one that was skipped');
is(overtaken('given', q{('given', 0, '["a"]'), ('given', 1, '["b"]'), ('given', 2, '["c"]')}), '0: ["theirs"] 1: ["b"] 2: ["c"]',
	'given versions after one that was skipped');
is(overtaken('twin', q{('twin', 0, '["theirs"]', 'one'), ('twin', NULL, '["b"]', 'two')}, token => { S => 'one' }), '0: ["theirs"] 1: ["b"]',
	'a next version after one that a twin of the statement has stored');
{
	$fault->rules;
	$session->query(q{INSERT INTO faulty (aggregate_id, version, events) SELECT 'old', v, '[]' FROM generate_series(0, 4) v});
	my @before = $fault->operations;
	$session->query(q{INSERT INTO faulty (aggregate_id, version, events) SELECT 'old', nullif(v, 5), '[]' FROM generate_series(0, 5) v ON CONFLICT DO NOTHING});
	my @after = $fault->operations;
	is(scalar(grep { $_ eq 'UpdateItem' } @after[ @before .. $#after ]), 1, 'versions that have been there for long are passed over without further ids');
}
my %stored = map { ($_->{commitId}{N}, 1) } $dynamodb->scan('commits');
my %noted = map { ($_, 1) } $dynamodb->burned;
is(join(' ', grep { !$stored{$_} == !$noted{$_} } 1 .. $session->query(q{SELECT dynamodb_es_head('faulty')})), '', 'every id is stored, or noted as burned');

$fault->stop;
$node->stop;
done_testing();
