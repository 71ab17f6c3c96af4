# Whoever takes few rows pays for few: under a LIMIT above an unnest or a join, by a cursor, with a budget. What the server has counted is what
# EXPLAIN ANALYZE and dynamodb_es_stats say, also where requests were given up.
# Engine: none
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../test/lib";

use JSON::PP;
use Pages;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Session;
use Test::More;
use feature "state";

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->append_conf('postgresql.conf', "autovacuum = off\njit = off");
$node->start;
my $server = Pages->new;
my $session = Session->new($node);
$session->create_table('commits', $server->endpoint);
$session->query(<<'SQL');
CREATE VIEW events AS SELECT commit_id, version, event FROM commits, jsonb_array_elements(events) event;
CREATE VIEW numbered AS SELECT commit_id, row_number() OVER (ORDER BY commit_id) FROM commits;
CREATE TABLE accounts (id text PRIMARY KEY, name text);
INSERT INTO accounts VALUES ('index', 'the aggregate of all commits'), ('other', 'another');
ANALYZE accounts;
SQL

# 65 MB: 100,000 commits of 650 bytes.
my %store = (keys => { index => [ [ 1, 100_000 ] ], a => [ [ 0, 99_999 ] ] }, page => 1613, head => 100_000);

# What the session has spent so far, by its own account.
sub spent { return @{ ($session->query('SELECT coalesce(sum(requests), 0), coalesce(sum(read_units), 0), coalesce(sum(requests_abandoned), 0) FROM dynamodb_es_stats()'))[0] } }

# The sum of what the scans of a plan show.
sub shown
{
	my ($member, @nodes) = @_;
	my $sum = 0;
	while (my $node = shift @nodes)
	{
		$sum += $node->{$member} // 0;
		push @nodes, @{ $node->{Plans} // [] };
	}
	return $sum;
}

note 'few rows';
my $of_events = 'SELECT c.commit_id, event FROM commits c, jsonb_array_elements(c.events) event';
for my $case (
	[ 'a view that unnests', 'SELECT * FROM events ORDER BY commit_id DESC LIMIT 10', 1, 1 ],
	[ 'the same from the start, with an OFFSET', 'SELECT * FROM events ORDER BY commit_id LIMIT 5 OFFSET 5', 1, 1 ],
	[ 'FROM commits, jsonb_array_elements(events)', "$of_events ORDER BY commit_id DESC LIMIT 10", 1, 1 ],
	[ 'LEFT JOIN LATERAL', 'SELECT c.commit_id, event FROM commits c LEFT JOIN LATERAL jsonb_array_elements(c.events) event ON true ORDER BY commit_id DESC LIMIT 10', 1, 1 ],
	[ 'jsonb_array_elements in the SELECT list', 'SELECT commit_id, jsonb_array_elements(events) FROM commits ORDER BY commit_id DESC LIMIT 10', 1, 1 ],
	[ 'of an aggregate', q{SELECT version, event FROM commits, jsonb_array_elements(events) event WHERE aggregate_id = 'a' ORDER BY version DESC LIMIT 10}, 1, 1 ],
	[ 'a join', 'SELECT commit_id, name FROM commits JOIN accounts ON id = aggregate_id ORDER BY commit_id DESC LIMIT 10', 1, 1 ],
	[ 'EXISTS in a condition', 'SELECT commit_id FROM commits WHERE EXISTS (SELECT FROM accounts WHERE id = aggregate_id) ORDER BY commit_id DESC LIMIT 10', 1, 1 ],
	[ 'DISTINCT', 'SELECT DISTINCT commit_id FROM commits ORDER BY commit_id DESC LIMIT 10', 1, 1 ],
	[ 'an order that the index has only the first part of', 'SELECT * FROM commits ORDER BY commit_id, version LIMIT 10', 2, 5 ],
	[ 'a window in order', 'SELECT * FROM numbered LIMIT 10', 2, 5 ],
	[ 'a subquery with a LIMIT, joined', 'SELECT * FROM (SELECT * FROM commits ORDER BY commit_id LIMIT 10) c, generate_series(1, 3)', 1, 1 ],
	[ 'WITH', 'WITH c AS MATERIALIZED (SELECT * FROM commits ORDER BY commit_id) SELECT * FROM c LIMIT 10', 1, 1 ],
	[ 'an unnest that finds one commit in a hundred', "SELECT * FROM (SELECT * FROM events ORDER BY commit_id OFFSET 0) e WHERE commit_id % 100 = 0 LIMIT 2", 5, 70 ],
  )
{
	my ($name, $sql, $requests, $units) = @$case;
	$server->store(%store);
	my @before = spent();
	my $plan = decode_json(scalar $session->query("EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, FORMAT JSON) $sql"))->[0]{Plan};
	my @after = spent();
	my $counts = $server->counts;
	cmp_ok($counts->{seen}, '<=', $requests, "$name: requests") or diag(join ' ', $server->requests);
	cmp_ok($counts->{units}, '<=', $units, "$name: units");
	is(shown(Requests => $plan), $counts->{seen}, "$name: EXPLAIN ANALYZE says how many requests");
	is(shown('Read Capacity' => $plan), $counts->{units}, "$name: and what they cost");
	is($after[0] - $before[0], $counts->{seen}, "$name: so does dynamodb_es_stats of the requests");
	is($after[1] - $before[1], $counts->{units}, "$name: and of what they cost");
	is($after[2] - $before[2], 0, "$name: none was given up");
	cmp_ok(shown('Actual Rows' => $plan), '>', 0, "$name: there are rows");
}
for my $cursor ('SELECT * FROM events ORDER BY commit_id', "$of_events WHERE c.commit_id > 5 ORDER BY c.commit_id")
{
	$server->store(%store);
	my @rows = $session->query("BEGIN; DECLARE c CURSOR FOR $cursor; FETCH 10 FROM c");
	is(scalar @rows, 10, 'FETCH 10 from a cursor');
	is($server->counts->{seen}, 1, 'takes one request');
	cmp_ok($server->counts->{units}, '<=', 8.5, 'of a hundred commits');
	is(scalar(@rows = $session->query('FETCH ALL FROM c')), ($cursor =~ /> 5/ ? 99_985 : 99_990), 'and all the others can still be fetched');
	$session->query('COMMIT');
}

note 'rows that are all taken';
for my $sql ('SELECT count(event) FROM events', 'SELECT count(*) FROM (SELECT * FROM events ORDER BY commit_id OFFSET 0) e', 'SELECT count(*) FROM commits JOIN generate_series(1, 100000) n ON commit_id = n')
{
	$server->store(%store);
	is($session->query("$sql LIMIT 10"), 100_000, "$sql LIMIT 10: every row") if $sql !~ /SELECT count\(event/;
	is((grep { defined $_->{limit} } $server->events('request')), 0, "$sql: and no small pages on the way");
}

note 'a read that ends at any page';
for my $taken (1, 2, 3, 5, 9)
{
	$server->store(%store);
	my @before = spent();
	$session->query('SET cursor_tuple_fraction = 1; BEGIN; DECLARE c CURSOR FOR SELECT commit_id FROM commits ORDER BY commit_id DESC');
	$session->query('FETCH ' . (($taken - 1) * 1613 + 1) . ' FROM c');
	$session->query('COMMIT');
	$server->wait_for(in_flight => 0);
	my $counts = $server->counts;
	my @after = spent();
	cmp_ok($counts->{seen}, '<=', 2 * $taken + 3, "rows of $taken pages: no more than twice as many have been asked for");
	is($after[0] - $before[0], $counts->{seen}, "rows of $taken pages: all are counted");
	cmp_ok($after[2] - $before[2], '>', 0, "rows of $taken pages: as are those that were given up");
	cmp_ok($after[1] - $before[1], '<=', $counts->{units}, "rows of $taken pages: and what they have cost where that is known");
}

note 'requests that are given up';
my %small = (keys => { index => [ [ 1, 1000 ] ] }, page => 100, head => 1000);
for my $answered (0, 1)
{
	my $name = $answered ? 'an answer that nobody reads' : 'an answer that does not come';
	my @before = spent();
	$server->store(%small);
	$server->hold;
	$session->query('SET cursor_tuple_fraction = 1; BEGIN; DECLARE c CURSOR FOR SELECT commit_id FROM commits ORDER BY commit_id');
	$session->send('FETCH 1 FROM c');
	$server->wait_for(in_flight => 1);
	$server->release(1);
	$session->result;
	$server->wait_for(in_flight => 1);
	$server->release(1) if $answered;
	$server->wait_for(in_flight => 0) if $answered;
	$session->query('COMMIT');
	$server->wait_for(in_flight => 0);
	$server->let_go;
	my @after = spent();
	is($after[0] - $before[0], 2, "$name: its request is counted");
	is($after[2] - $before[2], 1, "$name: as given up");
	is($after[1] - $before[1], $server->counts->{units} / ($answered ? 1 : 2), "$name: " . ($answered ? 'what it has cost, too' : 'what it has cost is not known'));
}
$session->query('SET enable_hashjoin = off; SET enable_nestloop = off');
$server->store(%small);
$server->hold;
$session->send('EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, FORMAT JSON) SELECT count(*) FROM commits JOIN generate_series(1, 5) n ON commit_id = n');
$server->wait_for(in_flight => 1);
$server->release(1);
my $merged = decode_json($session->result->{rows}[0][0])->[0]{Plan};
$server->let_go;
is(join('|', map { shown($_ => $merged) } 'Requests', 'Requests Abandoned', 'Read Capacity'), '2|1|128', 'EXPLAIN ANALYZE shows the page that a merge join did not come to');
$session->query('RESET ALL');

note 'a read budget';
for my $case (
	[ 'the index', 'SELECT commit_id, events FROM commits ORDER BY commit_id', 128 ],
	[ 'an aggregate', q{SELECT version, events FROM commits WHERE aggregate_id = 'a' ORDER BY version}, 256 ],
	[ 'an aggregate, eventually consistent', q{SELECT version, events FROM cheap WHERE aggregate_id = 'a' ORDER BY version}, 128 ],
	[ 'several aggregates', q{SELECT version, events FROM commits WHERE aggregate_id IN ('a', 'b', 'c', 'd')}, 256 ],
	[ 'the events', 'SELECT * FROM events ORDER BY commit_id', 128 ],
	[ 'a count', 'SELECT count(*) FROM commits WHERE commit_id > 0', 128 ],
  )
{
	my ($name, $sql, $page) = @$case;
	state $created = $session->query(q{CREATE FOREIGN TABLE cheap (commit_id bigint, committed_at timestamptz, aggregate_id text, version bigint, events jsonb)
	  SERVER commits_server OPTIONS (consistent_read 'false')});
	$session->query('SET dynamodb_es.read_budget = 500');
	$server->store(%store, keys => { map { ($_, [ [ 0, 99_999 ] ]) } qw(index a b c d) }, units => $page);
	my @before = spent();
	is($session->try($sql)->{error}{sqlstate}, '53400', "$name: the budget ends it");
	$server->wait_for(in_flight => 0);
	my $units = $server->counts->{units};
	cmp_ok($units, '>', 500, "$name: not before it is used up");
	cmp_ok($units, '<=', 500 + $page, "$name: and not more than a page beyond that, by the server's count");
	is((spent())[1] - $before[1], $units, "$name: as dynamodb_es_stats says");
	$session->query('RESET dynamodb_es.read_budget');
}

$server->stop;
$node->stop;
done_testing();
