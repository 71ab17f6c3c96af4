# What ANALYZE and IMPORT FOREIGN SCHEMA ask of DynamoDB: as little as they can, never more than is promised, and a cancel ends them.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../test/lib";

use Fault;
use Interrupt;
use JSON::PP;
use PlainDynamoDB;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Session;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->start;

my $session = Session->new($node);
my $engine = Fault->new($ENV{DYNAMODB_ENDPOINT});
my $fault = Fault->new;
$session->create_table('commits', $engine->endpoint);
$session->create_table('fake', $fault->endpoint);

# A commits table as DescribeTable has it, and a page of a Scan.
sub table
{
	my ($name, %more) = @_;
	my @types = (active => 'S', aggregateId => 'S', commitId => 'N', version => 'N');
	my (@definitions, %index);
	while (my ($attribute, $type) = splice @types, 0, 2) { push @definitions, { AttributeName => $attribute, AttributeType => $type } }
	%index = (IndexName => 'byId', KeySchema => keys_of('active', 'commitId'), Projection => { ProjectionType => 'ALL' });
	return { Table => { TableName => $name, TableStatus => 'ACTIVE', KeySchema => keys_of('aggregateId', 'version'),
		AttributeDefinitions => \@definitions, GlobalSecondaryIndexes => [ \%index ], %more } };
}
sub keys_of { return [ { AttributeName => $_[0], KeyType => 'HASH' }, { AttributeName => $_[1], KeyType => 'RANGE' } ] }

sub page
{
	my ($units, @more) = @_;
	my @items = map { { aggregateId => { S => 'a' }, version => { N => "$_" }, commitId => { N => "$_" }, committedAt => { N => '0' }, events => { S => '[]' } } } 1, 2;
	return { Items => \@items, Count => 2, ScannedCount => 2, ConsumedCapacity => { TableName => 'commits', CapacityUnits => $units }, @more };
}
my @again = (LastEvaluatedKey => { aggregateId => { S => 'a' }, version => { N => '%n' } });
my $denied = { status => 400, body => { __type => 'com.amazon.coral.service#AccessDeniedException', Message => 'no' } };

sub notices { return map { "$_->{severity}: $_->{message}" } @{ $_[0]{notices} } }
sub scans { return map { decode_json($_->{body}) } grep { $_->{operation} eq 'Scan' } $fault->events('request') }
sub rows_of { return $session->query("SELECT reltuples FROM pg_class WHERE relname = '$_[0]'") }

# A small table is one page, and its price is told.
$session->query(q{SELECT dynamodb_es_create_tables('commits')});
$session->query(q{INSERT INTO commits (aggregate_id, version, events) VALUES ('a', 0, '[]'), ('a', 1, '[]'), ('b', 0, '[]')});
$engine->rules;
my $result = $session->try('ANALYZE VERBOSE commits');
is($result->{error}, undef, 'ANALYZE VERBOSE works');
is(join(' ', $engine->operations), 'DescribeTable DescribeTable Scan', 'a small table is read with one Scan');
ok((grep { $_ eq 'INFO: "commits": 3 requests, 3 items and 0.5 capacity units read; 3 rows in sample, 3 estimated total rows' } notices($result)),
	'ANALYZE VERBOSE tells what it cost') or diag(join "\n", notices($result));

# Whatever the statistics say it costs, commits of aggregates that are named are read from the table, not from the index, which may lag behind:
# here for good, for a commit without "active".
$session->create_table('lagging', $engine->endpoint);
$session->query(q{ALTER FOREIGN TABLE lagging OPTIONS (commit_table 'lagging', counter_table 'lagging-counters')});
$session->query(q{SELECT dynamodb_es_create_tables('lagging')});
$session->query(q{INSERT INTO lagging (aggregate_id, version, events) SELECT 'a' || n, v, '[]' FROM generate_series(0, 9) v, generate_series(1, 200) n});
PlainDynamoDB->new($ENV{DYNAMODB_ENDPOINT}, 'AKIDEXAMPLE')->put(lagging => { aggregateId => { S => 'a1' }, version => { N => '10' }, commitId => { N => '9000' },
	committedAt => { N => '946684800000' }, events => { S => '[]' } });
$session->query(q{CREATE TABLE sought AS SELECT 'a1' AS id, 9000::bigint AS position; ANALYZE sought});
for my $when ('before ANALYZE', 'after ANALYZE')
{
	for my $case (
		[ 'by its id', q{SELECT version FROM lagging WHERE aggregate_id = 'a1' AND commit_id = 9000}, 10 ],
		[ 'the last id', q{SELECT max(commit_id) FROM lagging WHERE aggregate_id = 'a1'}, 9000 ],
		[ 'in order', q{SELECT version FROM lagging WHERE aggregate_id = 'a1' ORDER BY commit_id DESC LIMIT 1}, 10 ],
		[ 'of several aggregates', q{SELECT version FROM lagging WHERE aggregate_id IN ('a1', 'a2', 'a3') AND commit_id >= 9000}, 10 ],
		[ 'by a join', 'SELECT version FROM sought JOIN lagging ON aggregate_id = id AND commit_id = position', 10 ],
		[ 'by a join for its id', q{SELECT version FROM sought JOIN lagging ON aggregate_id = 'a1' AND commit_id = position}, 10 ])
	{
		my ($name, $sql, $expected) = @$case;
		$engine->rules;
		is($session->query($sql), $expected, "a commit of an aggregate, $name, $when");
		my @requests = map { decode_json($_->{body}) } $engine->events('request');
		is((grep { $_->{IndexName} || !$_->{ConsistentRead} } @requests), 0, 'from the table, strongly consistent');
	}
	$session->query('ANALYZE lagging');
}

# A large one is read in segments of about 256 KB, as many as the bound allows.
my $large = table('commits', TableSizeBytes => 1 << 30, ItemCount => 3_000_000);
for my $case ([ 33, 32 ], [ 65, 16 ], [ 1, 64 ])
{
	my ($units, $count) = @$case;
	$fault->rules({ operation => 'DescribeTable', answer => { body => $large } }, { operation => 'Scan', answer => { body => page($units) } });
	$session->query('ANALYZE fake');
	my @scans = scans();
	my %segments = map { ($_->{Segment}, 1) } @scans;
	is(scalar @scans, $count, "of segments of $units capacity units, $count are read");
	is(join(' ', scalar keys %segments, grep { $_->{TotalSegments} != 4096 || $_->{ConsistentRead} } @scans), $count,
		'each once, eventually consistent');
	cmp_ok(rows_of('fake'), '==', 3_000_000, 'one aggregate says nothing about the number of rows, so DynamoDB is believed');
}
is($session->query(q{SELECT relpages * current_setting('block_size')::bigint FROM pg_class WHERE relname = 'fake'}), 1 << 30, 'the size is noted');

# A table without an end, of which DynamoDB says nothing: it is cut ever smaller, and then given up.
for my $answer ({ body => table('commits', ItemCount => 0, TableSizeBytes => 0) }, $denied)
{
	$fault->rules({ operation => 'DescribeTable', answer => $answer }, { operation => 'Scan', answer => { body => page(128, @again) } });
	$session->query('ANALYZE fake');
	my @scans = scans();
	# The last page of each kind of read has its successor under way.
	cmp_ok(scalar @scans, '<=', 8 + 1 + 3 * 2 + 8 + 1 + 1, 'a table of unknown size costs little more than twice the bound');
	my %cuts = map { ($_->{TotalSegments} // 1, 1) } @scans;
	is(join(' ', sort { $a <=> $b } keys %cuts), '1 256 4096 65536 1000000', 'its segments shrink');
	cmp_ok(rows_of('fake'), '>=', 1_000_000, 'and it is known to be large');
}

# Few enormous aggregates: most segments are empty. Something is read all the same.
$fault->rules({ operation => 'DescribeTable', answer => { body => $large } }, { operation => 'Scan', match => 'TotalSegments',
	answer => { body => { Items => [], Count => 0, ScannedCount => 0, ConsumedCapacity => { CapacityUnits => 0.5 } } } },
	{ operation => 'Scan', answer => { body => page(128, @again) } });
$session->query('ANALYZE fake');
cmp_ok(rows_of('fake'), '==', 3_000_000, 'a table whose segments are empty has the rows that DynamoDB says');
is($session->query(q{SELECT count(*) > 0 FROM pg_stats WHERE tablename = 'fake'}), 't', 'and statistics');

# IMPORT lists page by page and describes what is wanted; what is named need not be listed.
my $list = 'IMPORT FOREIGN SCHEMA dynamodb %s FROM SERVER fake_server INTO imported';
my @tables = map { { operation => 'DescribeTable', match => "\"$_\"", answer => { body => table($_) } } } qw(first second);
my @rules = (
	{ operation => 'ListTables', times => 1, answer => { body => { TableNames => [qw(first locked)], LastEvaluatedTableName => 'locked' } } },
	{ operation => 'ListTables', answer => { body => { TableNames => [qw(other second gone)] } } },
	@tables,
	{ operation => 'DescribeTable', match => 'locked', answer => $denied },
	{ operation => 'DescribeTable', match => 'other', answer => { body => { Table => { TableName => 'other', KeySchema => [] } } } },
	{ operation => 'DescribeTable', match => 'gone', answer => { status => 400, body => {
		__type => 'com.amazonaws.dynamodb.v20120810#ResourceNotFoundException', message => 'no' } } });
for my $case (
	[ '', 'first second', { ListTables => 2, DescribeTable => 5 }, qr/\AWARNING: 1 DynamoDB table is left out\nNOTICE: all 2 foreign tables/ ],
	[ 'EXCEPT (first, locked)', 'second', { ListTables => 2, DescribeTable => 3 }, qr/\ANOTICE: 1 foreign table takes/ ],
	[ 'LIMIT TO (second, gone)', 'second', { DescribeTable => 2 }, qr/\ANOTICE: 1 foreign table takes/ ])
{
	my ($which, $names, $operations, $notices) = @$case;
	my %count;
	$session->query('SET client_min_messages = error; DROP SCHEMA IF EXISTS imported CASCADE; CREATE SCHEMA imported; RESET client_min_messages');
	$fault->rules(@rules);
	$result = $session->try(sprintf $list, $which);
	is($result->{error} && $result->{error}{message}, undef, "IMPORT $which works");
	is($session->query(q{SELECT string_agg(relname, ' ' ORDER BY relname) FROM pg_class WHERE relnamespace = 'imported'::regnamespace}), $names,
		'and finds the commits tables');
	$count{$_}++ for $fault->operations;
	is_deeply(\%count, $operations, 'with these requests');
	like(join("\n", notices($result)), $notices, 'and says what it left out');
}

# Both end at once.
my @works = (works => [ 'SELECT count(*) FROM commits', 3 ]);
for my $case ([ ANALYZE => 'ANALYZE fake', 'DescribeTable' ], [ ANALYZE => 'ANALYZE fake', 'Scan' ],
	[ IMPORT => sprintf($list, ''), 'ListTables' ], [ IMPORT => sprintf($list, ''), 'DescribeTable' ])
{
	my ($name, $sql, $operation) = @$case;
	$engine->rules;
	ends_at_once(
		$node, $session, "$name in $operation",
		sql => $sql,
		seen => 1,
		prepare => sub { $fault->rules({ operation => $operation, before => 'stall' }, $rules[1], @tables, { operation => 'DescribeTable', answer => { body => $large } }) },
		reached => sub { $fault->wait_for(event => 'request', operation => $operation) },
		@works);
}

$session->query(q{SELECT dynamodb_es_drop_tables('commits')});
done_testing();
