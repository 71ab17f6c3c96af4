# Commits that are named by their keys are read a hundred in a request: each of them once, for no more than by themselves, and whatever
# happens to the requests.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../test/lib";

use Fault;
use JSON::PP;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Session;
use Test::More;

my $proxy = Fault->new($ENV{DYNAMODB_ENDPOINT});
my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->append_conf('postgresql.conf', "autovacuum = off\njit = off");
$node->start;

my $session = Session->new($node);
$session->create_table('commits', $proxy->endpoint);
$session->query(q{SELECT dynamodb_es_create_tables('commits')});
$session->query(q{INSERT INTO commits (aggregate_id, version, events) SELECT 'a' || n, v, jsonb_build_array(n, v) FROM generate_series(1, 300) n, generate_series(0, 3) v});
$session->query('CREATE TABLE copied AS SELECT * FROM commits');

# A thousand keys, of which 600 have a commit; none has a neighbour.
$session->query(q{CREATE TABLE keys AS SELECT 'a' || n AS a, v FROM generate_series(1, 250) n, unnest('{0,2,5,7}'::bigint[]) v});

sub rows { return join "\n", sort map { join '|', map { $_ // 'NULL' } @$_ } $session->query($_[0]) }

# What EXPLAIN ANALYZE says of the one scan of a statement.
sub explained
{
	my ($sql) = @_;
	my @nodes = decode_json(scalar $session->query("EXPLAIN (ANALYZE, FORMAT JSON) $sql"))->[0]{Plan};
	while (my $node = shift @nodes)
	{
		return $node if $node->{'DynamoDB Operation'};
		push @nodes, @{ $node->{Plans} // [] };
	}
	return {};
}

sub same_rows
{
	my ($name, $sql) = @_;
	my $expected = rows($sql =~ s/%T/copied/gr);
	is(rows($sql =~ s/%T/commits/gr), $expected, $name);
	return length $expected;
}

my $list = $session->query(q{SELECT string_agg(format('(%L, %s)', a, v), ', ') FROM keys});
my $listed = "SELECT * FROM %T WHERE (aggregate_id, version) IN ($list)";
my $versions = q{SELECT * FROM %T WHERE aggregate_id = ANY (ARRAY(SELECT a FROM keys)) AND version IN (0, 2, 5, 7)};

note 'a thousand keys';
for my $case ([ 'pairs', $listed ], [ 'lists of both', $versions ],
	[ 'rows of a subquery', 'SELECT * FROM %T WHERE (aggregate_id, version) = ANY (ARRAY(SELECT (a, v) FROM keys))' ],
	[ 'in the other order', 'SELECT * FROM %T WHERE (version, aggregate_id) = ANY (ARRAY(SELECT (v, a) FROM keys))' ])
{
	my ($name, $sql) = @$case;
	$proxy->rules;
	ok(same_rows("$name: each commit once", $sql), "$name: there are some");
	is_deeply([ $proxy->operations ], [ ('BatchGetItem') x 10 ], "$name: ten requests");
	my $scan = explained($sql =~ s/%T/commits/r);
	is($scan->{'DynamoDB Operation'}, 'BatchGetItem, Query', "$name: shown");
	is($scan->{Requests}, 10, "$name: and counted");
	is($scan->{'Items Read'}, 500, "$name: with the items");
	# DynamoDB bills keys without a commit as well; DynamoDB Local does not.
	is($scan->{'Read Capacity'}, $ENV{DYNAMODB_ENGINE} eq 'local' ? 500 : 1000, "$name: a unit for each key, as by a Query");
}
$session->query(q{SET dynamodb_es.read_budget = 150});
is($session->try($listed =~ s/%T/commits/r)->{error}{sqlstate}, '53400', 'more than the budget is an error');
$session->query(q{RESET dynamodb_es.read_budget});

note 'faults';
for my $case (
	[ 'lost requests', { operation => 'BatchGetItem', before => 'close', times => 3 } ],
	[ 'lost answers', { operation => 'BatchGetItem', after => 'close', times => 3 } ],
	[ 'cut answers', { operation => 'BatchGetItem', bytes => 2000, then => 'close', times => 3 } ],
	[ 'flipped bits', { operation => 'BatchGetItem', flip => 100, times => 3 } ],
	[ 'throttling', { operation => 'BatchGetItem', times => 2,
			answer => { status => 400, body => { __type => 'com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException', message => 'no' } } } ])
{
	my ($name, $rule) = @$case;
	$proxy->rules($rule);
	same_rows("$name: each commit once", $listed);
	cmp_ok(scalar($proxy->operations), '>', 10, "$name: there were some");
}

# What is not read is asked for again, until it is.
my @left_out = map { { aggregateId => { S => 'a1' }, version => { N => "$_" } } } 0, 2;
my $few = q{SELECT version FROM %T WHERE aggregate_id = 'a1' AND version IN (0, 2)};
$proxy->rules({ operation => 'BatchGetItem', times => 1, answer => { status => 200, body => {
			Responses => { commits => [] }, UnprocessedKeys => { commits => { Keys => \@left_out } } } } });
same_rows('keys that were left out come', $few);
is_deeply([ $proxy->operations ], [ ('BatchGetItem') x 2 ], 'by one more request');
my $item = { aggregateId => { S => 'a1' }, version => { N => '0' } };
for my $case ([ 'of another key', [ { aggregateId => { S => 'a1' }, version => { N => '1' } } ] ], [ 'that comes twice', [ $item, $item ] ])
{
	my ($name, $items) = @$case;
	$proxy->rules({ operation => 'BatchGetItem', answer => { status => 200, body => { Responses => { commits => $items }, UnprocessedKeys => {} } } });
	is($session->try($few =~ s/%T/commits/r)->{error}{sqlstate}, 'HV000', "an item $name is an error");
}
$proxy->rules({ operation => 'BatchGetItem', answer => { status => 400, body => { __type => 'com.amazon.coral.service#AccessDeniedException', Message => 'no' } } });
same_rows('where only Query is allowed', $few);
is_deeply([ $proxy->operations ], [ qw(BatchGetItem Query Query) ], 'each key is a Query');
$proxy->rules;
same_rows('and again', $few);
is_deeply([ $proxy->operations ], [ qw(Query Query) ], 'which the session remembers');
$session->query(q{ALTER SERVER commits_server OPTIONS (ADD max_attempts '9')});
$proxy->rules;
same_rows('and with other options', $few);
is_deeply([ $proxy->operations ], ['BatchGetItem'], 'it asks for a batch again');
$proxy->rules;

note 'gaps';
my $gaps = q{SELECT aggregate_id, version FROM %T WHERE aggregate_id = 'a7' AND version IN (0, 2, 3)};
my $ids = q{SELECT commit_id FROM %T WHERE commit_id IN (3, 5, 9, 600)};
is(explained($gaps =~ s/%T/commits/r)->{'Read Capacity'}, 2, 'without statistics nothing is known of gaps');
$session->query('ANALYZE commits');
for my $case ([ 'versions', $gaps, 1, 1 ], [ 'commit ids', $ids, 2, 1 ], [ 'under a LIMIT', "$ids LIMIT 4", 4, 2 ])
{
	my ($name, $sql, $requests, $units) = @$case;
	same_rows("gaps in $name: the rows", $sql);
	my $scan = explained($sql =~ s/%T/commits/r);
	is($scan->{Requests}, $requests, "gaps in $name: the requests");
	is($scan->{'Read Capacity'}, $units, "gaps in $name: the units");
}
$session->query(q{UPDATE pg_statistic SET stawidth = 3700 WHERE starelid = 'commits'::regclass AND staattnum = (SELECT attnum FROM pg_attribute WHERE attrelid = 'commits'::regclass AND attname = 'events')});
$session->query('DISCARD PLANS');
is(explained($gaps =~ s/%T/commits/r)->{Requests}, 1, 'large items are not read along: a batch');
$proxy->rules;
same_rows('and the rows are the same', $gaps);
is_deeply([ $proxy->operations ], ['BatchGetItem'], 'of keys alone');

note 'rows of values';
my $rows = sub { my ($array) = @_; return "SELECT aggregate_id, version FROM %T WHERE (aggregate_id, version) = ANY ($array)" };
for my $case (
	[ 'NULLs', q{ARRAY(SELECT (a, v) FROM (VALUES ('a1', 0::bigint), ('a1', NULL), (NULL, 0), ('a2', 1), ('a1', 0)) k (a, v))} ],
	[ 'a NULL row', q{ARRAY(SELECT CASE WHEN n = 1 THEN ('a1'::text, 0::bigint) END FROM generate_series(1, 2) n)} ],
	[ 'no row', q{ARRAY(SELECT ('a1'::text, 0::bigint) WHERE false)} ],
	[ 'no array', q{(SELECT array_agg(('a1'::text, 0::bigint)) WHERE false)::record[]} ],
	[ 'one row', q{ARRAY(SELECT ('a1'::text, 2::bigint))} ],
	[ 'neighbours', q{ARRAY(SELECT ('a1'::text, n::bigint) FROM generate_series(-1, 7) n)} ])
{
	my ($name, $array) = @$case;
	same_rows("$name: the same rows", $rows->($array));
}
same_rows('with another condition', $rows->(q{ARRAY(SELECT (a, v) FROM keys)}) . q{ AND version > 0 AND events @> '[7]'});
same_rows('counted', 'SELECT count(*) FROM %T WHERE (aggregate_id, version) = ANY (ARRAY(SELECT (a, v) FROM keys))');
same_rows('not any of them', 'SELECT aggregate_id, version FROM %T WHERE NOT (aggregate_id, version) = ANY (ARRAY(SELECT (a, v) FROM keys))');
same_rows('or something else', $rows->(q{ARRAY(SELECT ('a1'::text, 2::bigint))}) . q{ OR commit_id < 5});
for my $row (q{('a1'::text, 0)}, q{('a1'::varchar, 0::bigint)}, q{('a1'::text, 0::bigint, 1)})
{
	my ($stored, $expected) = map { $session->try($rows->("ARRAY(SELECT $row)") =~ s/%T/$_/r)->{error} } qw(commits copied);
	is("$stored->{sqlstate} $stored->{message}", "$expected->{sqlstate} $expected->{message}", "$row: the error that PostgreSQL has for it");
}

note 'one range that an OR leaves';
same_rows('a long aggregate, open at its end', q{SELECT version FROM %T WHERE (aggregate_id = 'a9' AND version >= 1) OR (aggregate_id = 'a9' AND version > 1)});

$node->stop;
$proxy->stop;
done_testing;
