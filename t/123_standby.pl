# A hot standby reads a store in every way, and refuses whatever would append or keep something, before any request. Once it is promoted, all of that works.
# Engine: local
# (it has transactions)
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../test/lib";

use Fault;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Session;
use Test::More;

my $columns = '(commit_id bigint, committed_at timestamptz, aggregate_id text, version bigint, events jsonb)';
my $node = PostgreSQL::Test::Cluster->new('main');
$node->init(allows_streaming => 1);
$node->append_conf('postgresql.conf', "shared_preload_libraries = 'dynamodb_es'\nautovacuum = off");
$node->start;
my $fault = Fault->new($ENV{DYNAMODB_ENDPOINT});
my $primary = Session->new($node);
$primary->create_table('commits', $fault->endpoint);
$primary->query("CREATE FOREIGN TABLE $_->[0] $columns SERVER commits_server OPTIONS ($_->[1])")
	for [ 'feed', q{consistent_prefix 'true'} ], [ 'dense', q{append_mode 'dense'} ], [ 'deferred', q{append_mode 'dense', append_at 'commit'} ], [ 'imported', q{append_mode 'import'} ],
	[ 'timed', q{committed_at_slack_ms '1000'} ];
$primary->query(q{SELECT dynamodb_es_create_tables('commits')});
$primary->query(q{INSERT INTO commits (committed_at, aggregate_id, version, events) SELECT timestamptz '2020-01-01Z' + n * interval '1 h', 'a' || n % 20, n / 20, '[]' FROM generate_series(0, 199) n ORDER BY n});
$primary->query('CREATE TABLE accounts (id text)');
$primary->query(q{INSERT INTO accounts SELECT 'a' || n FROM generate_series(0, 19) n});
$primary->query('ANALYZE accounts; ANALYZE timed');
$primary->query('CREATE TABLE sizes (account text PRIMARY KEY, commits bigint)');
$primary->query(<<'SQL');
CREATE FUNCTION apply_sizes(batch commits[]) RETURNS void LANGUAGE sql AS $$
  INSERT INTO sizes AS s SELECT aggregate_id, count(*) FROM unnest(batch) GROUP BY aggregate_id
  ON CONFLICT (account) DO UPDATE SET commits = s.commits + excluded.commits
$$;
SELECT dynamodb_es_create_projection('sizes', 'apply_sizes', batch_size => 50);
SELECT dynamodb_es_run('sizes');
SQL
$node->backup('backup');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($node, 'backup', has_streaming => 1);
$standby->start;
my $session = Session->new($standby);

sub rows { my ($sql) = @_; return join "\n", map { join '|', map { $_ // 'NULL' } @$_ } $session->query($sql) }
sub same_as_primary
{
	my ($what, $sql) = @_;
	my $expected = join "\n", map { join '|', map { $_ // 'NULL' } @$_ } $primary->query($sql);
	is(rows($sql), $expected, "$what: as on the primary");
	cmp_ok(length $expected, '>', 0, "$what: something");
	return;
}

# Every way to read.
my $join = q{SELECT id, commit_id FROM accounts JOIN commits ON aggregate_id = id AND version >= 8 ORDER BY commit_id};
$_->query('SET enable_hashjoin = off; SET enable_mergejoin = off') for $primary, $session;
my $at = q{SELECT dynamodb_es_first_commit('timed', '2020-01-05Z')};
same_as_primary('an aggregate', q{SELECT version, events FROM commits WHERE aggregate_id = 'a7' ORDER BY version});
same_as_primary('all', 'SELECT count(*), sum(commit_id), count(events) FROM commits');
same_as_primary('a range of ids', 'SELECT commit_id, aggregate_id FROM commits WHERE commit_id BETWEEN 30 AND 60 ORDER BY commit_id');
same_as_primary('single commits', q{SELECT commit_id FROM commits WHERE (aggregate_id, version) IN (('a1', 2), ('a3', 4), ('a5', 9)) ORDER BY 1});
same_as_primary('a feed', 'SELECT count(*), max(commit_id) FROM feed WHERE commit_id > 20');
same_as_primary('by time', q{SELECT commit_id FROM timed WHERE committed_at >= '2020-01-08Z' ORDER BY commit_id});
same_as_primary('the first commit at a moment', $at);
same_as_primary('the head', q{SELECT dynamodb_es_head('commits')});
same_as_primary('the state', q{SELECT commit_table_status, head, max_commit_id FROM dynamodb_es_status('commits')});
same_as_primary('the projection', 'SELECT name, position FROM dynamodb_es_projections');
same_as_primary('a join', $join);
like(rows("EXPLAIN (COSTS OFF) $join"), qr/DynamoDB Lookahead/, 'a join: it looks ahead');
is(rows(q{SELECT * FROM dynamodb_es_check('commits')}), '', 'the check finds nothing');
is(rows(q{SELECT * FROM dynamodb_es_check('commits', deep => true) WHERE severity <> 'info'}), '', 'nor does the deep one');
is(rows(q{SELECT count(*) > 0 FROM dynamodb_es_stat WHERE operation = 'Query'}), 't', 'what was asked is counted');
is(rows(q{BEGIN ISOLATION LEVEL REPEATABLE READ; DECLARE c CURSOR FOR SELECT commit_id FROM feed WHERE commit_id > 0 ORDER BY commit_id; FETCH 2 FROM c; COMMIT}), "1\n2", 'a cursor');
$primary->query(q{INSERT INTO commits (aggregate_id, version, events) VALUES ('new', 0, '[]')});
is(rows(q{SELECT commit_id FROM feed WHERE commit_id > 200}), '201', 'what is appended meanwhile is there at once');

# What is refused.
my $row = q{'x', 0, '[]'};
my @refused = (
	[ 'INSERT', "INSERT INTO commits (aggregate_id, version, events) VALUES ($row)" ], [ 'a dense INSERT', "INSERT INTO dense (aggregate_id, version, events) VALUES ($row)" ],
	[ 'an INSERT at commit', "INSERT INTO deferred (aggregate_id, version, events) VALUES ($row)" ], [ 'an import', "INSERT INTO imported VALUES (900, now(), $row)" ],
	[ 'COPY', 'COPY commits (aggregate_id, version, events) FROM STDIN' ], [ 'dynamodb_es_append', "SELECT * FROM dynamodb_es_append(ARRAY[ROW(NULL, NULL, $row)]::dense[], 201)" ],
	[ 'dynamodb_es_expect', q{SELECT dynamodb_es_expect('deferred', 201)} ], [ 'dynamodb_es_create_tables', q{SELECT dynamodb_es_create_tables('commits')} ],
	[ 'dynamodb_es_drop_tables', q{SELECT dynamodb_es_drop_tables('commits')} ], [ 'dynamodb_es_set_head', q{SELECT dynamodb_es_set_head('commits', 500)} ],
	[ 'dynamodb_es_run', q{SELECT dynamodb_es_run('sizes')} ], [ 'dynamodb_es_follow', q{CALL dynamodb_es_follow('sizes', until_caught_up => true)} ],
	[ 'dynamodb_es_reset', q{SELECT dynamodb_es_reset('sizes')} ], [ 'dynamodb_es_skip', q{SELECT dynamodb_es_skip('sizes', 201)} ],
	[ 'dynamodb_es_create_projection', q{SELECT dynamodb_es_create_projection('more', 'apply_sizes')} ], [ 'dynamodb_es_drop_projection', q{SELECT dynamodb_es_drop_projection('sizes')} ],
	[ 'ANALYZE', 'ANALYZE commits' ]);
for (@refused)
{
	my ($name, $statement) = @$_;
	$fault->rules;
	my $error = $session->try($statement)->{error};
	is($error->{sqlstate}, '25006', "$name: 25006") or diag $error->{message};
	like($error->{message}, qr/in a read-only transaction|during recovery/, "$name: it says so");
	is(join(' ', $fault->operations), '', "$name: nothing is asked");
}

# Promoted, under the session.
$standby->promote;
ok(Session::comes(sub { $session->query('SELECT pg_is_in_recovery()') eq 'f' }), 'it is promoted');
is(rows(q{INSERT INTO commits (aggregate_id, version, events) VALUES ('promoted', 0, '[]') RETURNING commit_id}), '202', 'INSERT works');
is(rows(q{INSERT INTO dense (aggregate_id, version, events) VALUES ('promoted', 1, '[]') RETURNING commit_id}), '203', 'a dense INSERT, too');
is(rows(q{SELECT commit_id FROM dynamodb_es_append(ARRAY[ROW(NULL, NULL, 'promoted', 2, '[]')]::dense[], 202, 'SELECT FROM batch WHERE version <> 1')}), '204', 'dynamodb_es_append');
$session->query(q{BEGIN; SELECT dynamodb_es_expect('deferred', 204); INSERT INTO deferred (aggregate_id, version, events) VALUES ('promoted', 3, '[]'); COMMIT});
is(rows(q{SELECT dynamodb_es_head('commits')}), '205', 'dynamodb_es_expect');
$session->query(q{SELECT dynamodb_es_run('sizes')});
$session->query(q{CALL dynamodb_es_follow('sizes', until_caught_up => true)});
is(rows(q{SELECT position, (SELECT sum(commits) FROM sizes), (SELECT commits FROM sizes WHERE account = 'promoted') FROM dynamodb_es_projections}), '205|205|4', 'the projection goes on where it was');
$session->query('ANALYZE commits');
is(rows(q{SELECT * FROM dynamodb_es_check('commits')}), '', 'the check finds nothing');
unlike(slurp_file($standby->logfile), qr/was terminated by signal|PANIC/, 'nothing has crashed');

$standby->stop;
$node->stop;
done_testing();
