# A feed table shows the commits after a position as far as none can be missing, whatever the plan: a gap in the ids ends it until the commit is there, a note
# says that it never will be, or it is old enough to be given up; and it says which.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../test/lib";

use Fault;
use JSON::PP;
use PlainDynamoDB;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Session;
use Test::More;
use Time::HiRes qw(time);

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->start;
my $fault = Fault->new($ENV{DYNAMODB_ENDPOINT});
my $plain = PlainDynamoDB->new($ENV{DYNAMODB_ENDPOINT}, 'AKIDEXAMPLE');
my $session = Session->new($node);
$session->create_table('commits', $fault->endpoint);
$session->query(<<SQL);
SELECT dynamodb_es_create_tables('commits');
CREATE FOREIGN TABLE feed (commit_id bigint, committed_at timestamptz, aggregate_id text, version bigint, events jsonb)
  SERVER commits_server OPTIONS (consistent_prefix 'true');
CREATE FOREIGN TABLE dense_feed (commit_id bigint, committed_at timestamptz, aggregate_id text) SERVER commits_server
  OPTIONS (consistent_prefix 'true', dense_since '0');
CREATE TABLE ids (id bigint, name text);
INSERT INTO ids SELECT n, 'a' || n % 3 FROM generate_series(1, 40) n;
ANALYZE ids;
SQL

# Takes ids, as an appender does that never puts.
sub take_ids { my ($count) = @_; $plain->call(UpdateItem => { TableName => 'counters', Key => { name => { S => 'commits' } }, UpdateExpression => 'ADD #0 :0',
	ExpressionAttributeNames => { '#0' => 'id' }, ExpressionAttributeValues => { ':0' => { N => "$count" } } }); return }
# A commit under an id that was given out, stamped so many seconds ago.
sub put { my ($id, $age) = @_; $plain->put(commits => { aggregateId => { S => 'a' . $id % 3 }, version => { N => "$id" }, commitId => { N => "$id" },
	committedAt => { N => sprintf '%.0f', 1000 * (time - $age) }, events => { S => '[]' }, active => { S => 't' } }); return }
sub burn { my ($first, $count) = @_; $plain->put(counters => { name => { S => "commits#burned#$first" }, n => { N => "$count" } }); return }

# The ids that a statement shows, and what EXPLAIN says of the feed.
sub ids { my ($sql) = @_; return join ' ', map { $_->[0] // 'NULL' } $session->query($sql) }
sub explained
{
	my ($sql) = @_;
	my $plan = decode_json(scalar $session->query("EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, FORMAT JSON) $sql"))->[0]{Plan};
	$plan = $plan->{Plans}[0] while $plan->{Plans};
	return { map { ($_, $plan->{$_}) } grep { defined $plan->{$_} } 'Complete To', 'Waiting For', 'Passed', 'Note Reads', 'Requests' };
}
my $all = 'SELECT commit_id FROM feed WHERE commit_id > 0 ORDER BY commit_id';
$session->query($all);	# which also looks at the counter, once a minute

is(ids($all), '', 'an empty store');
take_ids(6);
put($_, 0) for 1, 2, 3, 6;
is(ids($all), '1 2 3', 'a young gap ends the feed');
is_deeply(explained($all), { 'Complete To' => 3, 'Waiting For' => '4-5', 'Note Reads' => 1, Requests => 2 }, 'EXPLAIN ANALYZE says where, and what it cost');
is(ids('SELECT commit_id FROM commits WHERE commit_id > 0 ORDER BY commit_id'), '1 2 3 6', 'the table that is no feed shows what is there');

# Every plan over the feed has the same prefix.
for my $case (
	[ 'in no order', 'SELECT commit_id FROM feed' ],
	[ 'downwards', 'SELECT commit_id FROM feed ORDER BY commit_id DESC', '3 2 1' ],
	[ 'the highest', 'SELECT max(commit_id) FROM feed', '3' ],
	[ 'the lowest', 'SELECT min(commit_id) FROM feed', '1' ],
	[ 'a count', 'SELECT count(*) FROM feed', '3' ],
	[ 'a count above an id', 'SELECT count(*) FROM feed WHERE commit_id > 1', '2' ],
	[ 'of an aggregate', q{SELECT commit_id FROM feed WHERE aggregate_id = 'a0'}, '3' ],
	[ 'of an aggregate, from an id on', q{SELECT commit_id FROM feed WHERE aggregate_id = 'a0' AND commit_id > 3}, '' ],
	[ 'by a time', q{SELECT commit_id FROM feed WHERE committed_at > now() - interval '1 hour'} ],
	[ 'a list of ids', 'SELECT commit_id FROM feed WHERE commit_id IN (1, 3, 6)', '1 3' ],
	[ 'ranges of ids', 'SELECT commit_id FROM feed WHERE commit_id = ANY (ARRAY[2, 6])', '2' ],
	[ 'above the gap', 'SELECT commit_id FROM feed WHERE commit_id > 5', '6' ],
	[ 'a LIMIT', 'SELECT commit_id FROM feed ORDER BY commit_id LIMIT 2', '1 2' ],
	[ 'a LIMIT beyond the prefix', 'SELECT commit_id FROM feed ORDER BY commit_id LIMIT 10' ],
	[ 'an OFFSET', 'SELECT commit_id FROM feed ORDER BY commit_id LIMIT 10 OFFSET 2', '3' ],
	[ 'no columns', 'SELECT 1 FROM feed', '1 1 1' ],
	[ 'EXISTS', 'SELECT EXISTS (SELECT FROM feed WHERE commit_id > 3 AND commit_id < 6)', 'f' ],
	[ 'a position from a table', q{SELECT commit_id FROM feed WHERE commit_id > (SELECT min(id) FROM ids) ORDER BY commit_id}, '2 3' ],
	[ 'UNION ALL', 'SELECT commit_id FROM feed UNION ALL SELECT commit_id FROM feed ORDER BY 1', '1 1 2 2 3 3' ],
	[ 'a hash join', 'SELECT commit_id FROM feed JOIN ids ON id = commit_id', undef, 'enable_nestloop = off; SET enable_mergejoin = off' ],
	[ 'a merge join', 'SELECT commit_id FROM feed JOIN ids ON id = commit_id', undef, 'enable_nestloop = off; SET enable_hashjoin = off' ],
	[ 'a nested loop, the feed outside', 'SELECT commit_id FROM feed JOIN ids ON id = commit_id', undef, 'enable_hashjoin = off; SET enable_mergejoin = off' ],
	[ 'a nested loop, the feed inside', 'SELECT commit_id FROM (SELECT * FROM ids OFFSET 0) i LEFT JOIN feed ON commit_id = id WHERE id < 5 ORDER BY id', '1 2 3 NULL',
		'enable_hashjoin = off; SET enable_mergejoin = off; SET enable_material = off' ],
	[ 'a correlated subquery', 'SELECT (SELECT max(commit_id) FROM feed WHERE commit_id <= id) FROM ids WHERE id < 6 ORDER BY id', '1 2 3 3 3' ],
	[ 'a lateral one', 'SELECT f.commit_id FROM ids, LATERAL (SELECT commit_id FROM feed WHERE commit_id >= id ORDER BY commit_id LIMIT 1) f WHERE id IN (2, 4) ORDER BY id', '2' ],
)
{
	my ($what, $sql, $expected, $settings) = @$case;
	$session->query("SET $settings") if $settings;
	is(ids($sql), $expected // '1 2 3', $what);
	$session->query('RESET ALL');
}
$session->query('PREPARE follow (bigint) AS SELECT commit_id FROM feed WHERE commit_id > $1 ORDER BY commit_id');
is(ids('EXECUTE follow (1)'), '2 3', 'prepared') for 1 .. 7;
$session->query('BEGIN; DECLARE c SCROLL CURSOR FOR SELECT commit_id FROM feed ORDER BY commit_id');
is(ids('FETCH 2 FROM c'), '1 2', 'a cursor');
put(4, 0), put(5, 0);
is(ids('FETCH ALL FROM c'), '3', 'goes on in the prefix that it began');
is(ids('FETCH BACKWARD 2 FROM c'), '3 2', 'and goes back in it');
$session->query('COMMIT');
is(ids($all), '1 2 3 4 5 6', 'what was missing is delivered when it is there');
$session->query('SET enable_async_append = on');
is(join(' ', sort split / /, ids('SELECT commit_id FROM feed WHERE commit_id > 4 UNION ALL SELECT commit_id FROM feed WHERE commit_id > 4')), '5 5 6 6', 'an asynchronous Append');

# Burned and old gaps.
take_ids(6);
burn(7, 2);
put($_, 0) for 9, 12;
is(ids('SELECT commit_id FROM feed WHERE commit_id > 6'), '9', 'burned ids are not waited for');
burn(10, 2);
is_deeply(explained('SELECT commit_id FROM feed WHERE commit_id > 6'), { 'Complete To' => 12, 'Note Reads' => 2, Requests => 3 }, 'one small request for each look at a gap');
take_ids(8);
put($_, 7200) for 14, 16, 17, 18;
is_deeply(explained('SELECT commit_id FROM feed WHERE commit_id > 12'), { 'Complete To' => 18, Requests => 1 }, 'old gaps cost nothing');
put(20, 600);
is_deeply(explained('SELECT commit_id FROM feed WHERE commit_id > 18'), { 'Complete To' => 20, Passed => '19', 'Note Reads' => 1, Requests => 3 },
	'one that is older than the time-out is looked at twice, and passed');
$session->query(q{ALTER FOREIGN TABLE feed OPTIONS (ADD gap_timeout_ms '1200000')});
is_deeply(explained('SELECT commit_id FROM feed WHERE commit_id > 18'), { 'Complete To' => 18, 'Waiting For' => '19', 'Note Reads' => 1, Requests => 2 }, 'gap_timeout_ms');
$session->query(q{ALTER FOREIGN TABLE feed OPTIONS (DROP gap_timeout_ms)});
is_deeply(explained('SELECT commit_id FROM feed WHERE commit_id > 20'), { 'Complete To' => 20, Requests => 1 }, 'an idle poll is one request');

# Dense stores.
my $error = $session->try('SELECT commit_id FROM dense_feed WHERE commit_id > 18')->{error};
is("$error->{sqlstate} $error->{message}", '55000 commit ids of foreign table "dense_feed" are missing: 19-19', 'a dense store never passes an id');
is(ids('SELECT commit_id FROM dense_feed WHERE commit_id < 7'), '1 2 3 4 5 6', 'below the gap it is read');

# What is wrong with a store.
$error = $session->try('SELECT commit_id FROM feed WHERE commit_id > 100')->{error};
is($error, undef, 'a position beyond the counter is looked for once a minute only');
my $new = Session->new($node);
$error = $new->try('SELECT commit_id FROM feed WHERE commit_id > 100')->{error};
is("$error->{sqlstate} $error->{message}; $error->{detail}",
	'55000 foreign table "feed" has not reached the position 100; The last commit id that was given out is 20.', 'a store that is behind the position');
$plain->put(commits => { aggregateId => { S => 'twice' }, version => { N => '0' }, commitId => { N => '6' }, committedAt => { N => '5' }, events => { S => '[]' }, active => { S => 't' } });
$error = $session->try($all)->{error};
is("$error->{sqlstate} $error->{message}", 'XX001 commit id 6 of foreign table "feed" was given out twice', 'an id that was given out twice');
$plain->call(DeleteItem => { TableName => 'commits', Key => { aggregateId => { S => 'twice' }, version => { N => '0' } } });

# Appends go to the store's own table.
for my $sql (q{INSERT INTO feed (aggregate_id, version, events) VALUES ('x', 0, '[]')}, q{COPY feed (aggregate_id, version, events) FROM PROGRAM 'printf "x\\t0\\t[]\\n"'})
{
	$error = $session->try($sql)->{error};
	is("$error->{sqlstate} $error->{message}", '0A000 cannot insert into feed table "feed"', 'no append to a feed');
}
is(scalar($session->query(q{WITH i AS (INSERT INTO commits (aggregate_id, version, events) SELECT 'copy', commit_id, events FROM feed WHERE commit_id < 4 RETURNING 1) SELECT count(*) FROM i})),
	3, 'a statement may append what it reads from the feed');

# Notes that may not be read.
$fault->rules({ operation => 'GetItem', match => '#burned#', answer => { status => 400, body => { __type => 'x#AccessDeniedException', message => 'no' } } });
my $result = $session->try('SELECT commit_id FROM feed WHERE commit_id > 6 AND commit_id < 13');
is(join(' ', map { $_->[0] } @{ $result->{rows} }), '', 'a gap whose note is denied is waited for');
like($result->{notices}[0]{message} // '', qr/burn notes of foreign table "feed" cannot be read/, 'with a WARNING');
$fault->rules();

$session->query('CREATE SCHEMA imported; IMPORT FOREIGN SCHEMA dynamodb FROM SERVER commits_server INTO imported OPTIONS (feeds \'true\')');
is(ids('SELECT commit_id FROM imported.commits_feed WHERE commit_id < 4'), '1 2 3', 'IMPORT FOREIGN SCHEMA makes a feed table beside each');

$new->close;
$session->close;
done_testing();
