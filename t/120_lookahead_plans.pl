# A nested loop that looks ahead, wherever a plan may have it and however it is run: the rows are those of a local copy.
# Engine: dynalite
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../test/lib";

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Session;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->append_conf('postgresql.conf', "autovacuum = off\njit = off\nenable_hashjoin = off\nenable_mergejoin = off\nenable_material = off\nenable_memoize = off");
$node->start;

my $session = Session->new($node);
$session->create_table('commits', $ENV{DYNAMODB_ENDPOINT});
$session->query(q{SELECT dynamodb_es_create_tables('commits')});
$session->query(q{INSERT INTO commits (aggregate_id, version, events) SELECT 'a' || n, v, jsonb_build_array(n, v) FROM generate_series(1, 40) n, generate_series(0, n % 3) v});
$session->query(<<'SQL');
CREATE TABLE copied AS SELECT * FROM commits;
CREATE TABLE accounts AS SELECT n, CASE WHEN n % 9 = 0 THEN NULL ELSE 'a' || (n % 45) END AS id, (n % 4)::bigint AS seen FROM generate_series(1, 90) n;
ALTER TABLE accounts ADD PRIMARY KEY (n);
CREATE TABLE parts (n int, id text, seen bigint) PARTITION BY RANGE (n);
CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM (0) TO (30);
CREATE TABLE parts_2 PARTITION OF parts FOR VALUES FROM (30) TO (60);
CREATE TABLE parts_3 PARTITION OF parts FOR VALUES FROM (60) TO (100);
INSERT INTO parts SELECT * FROM accounts;
ANALYZE accounts, parts;
SQL

sub rows { return join "\n", sort map { join '|', map { $_ // 'NULL' } @$_ } $session->query($_[0]) }
sub plan_of { return join "\n", map { $_->[0] } $session->query("EXPLAIN (COSTS OFF) $_[0]") }

sub same
{
	my ($name, $sql, $sees) = @_;
	my ($stored, $copied) = map { $sql =~ s/%T/$_/gr } qw(commits copied);
	like(plan_of($stored), $sees, "$name: the plan") if $sees;
	is(rows($stored), rows($copied), "$name: the same rows");
}
my $ahead = qr/DynamoDB Lookahead/;
my $pairs = 'FROM accounts o LEFT JOIN %T c ON c.aggregate_id = o.id AND c.version = o.seen';
my $lists = 'FROM accounts o JOIN %T c ON c.aggregate_id = o.id';
for my $join ($pairs, $lists)
{
	same('a join', "SELECT n, version $join", $ahead);
	same('anti', 'SELECT n FROM accounts o WHERE NOT EXISTS (SELECT FROM %T c WHERE c.aggregate_id = o.id AND c.version = o.seen)');
	same('semi', 'SELECT n FROM accounts o WHERE EXISTS (SELECT FROM %T c WHERE c.aggregate_id = o.id AND c.version >= o.seen)');
	same('partitions', "SELECT n, version " . $join =~ s/accounts/parts/r, $ahead);
	same('a window', "SELECT n, row_number() OVER (ORDER BY n, version) $join");
	same('a local filter', "SELECT n, version $join WHERE o.n % 3 = 0 AND (c.version IS NULL OR c.version < 2)");
	same('two of them', "SELECT x.n, y.n, x.version FROM (SELECT n, version $join OFFSET 0) x, (SELECT n, version $join OFFSET 0) y WHERE x.n < 9 AND y.n < 9 AND x.version = y.version");
	same('a lateral with a limit', 'SELECT o.n, l.* FROM accounts o LEFT JOIN LATERAL (SELECT i.n AS i, c.version FROM accounts i JOIN %T c ON c.aggregate_id = i.id WHERE i.seen = o.seen ORDER BY 1, 2 LIMIT 3) l ON true WHERE o.n < 9');
	same('a parameter from outside', "SELECT o.n, (SELECT count(c.version) " . $join =~ s/\bo\b/b/gr . " WHERE b.n BETWEEN o.n AND o.n + 7) FROM accounts o WHERE n < 12");
	same('a union', "SELECT n, version $join UNION ALL SELECT n, version $join WHERE n > 70");
	same('a group', "SELECT o.seen, count(c.version) $join GROUP BY 1");
	$session->query('SET enable_memoize = on');
	same('memoize between', "SELECT n, version $join");
	$session->query('RESET enable_memoize');
	$session->query('SET parallel_setup_cost = 0');
	$session->query('SET parallel_tuple_cost = 0');
	$session->query('SET min_parallel_table_scan_size = 0');
	$session->query('SET force_parallel_mode = on') if $node->pg_version < 16;
	same('workers', "SELECT n, version $join");
	$session->query("RESET $_") for qw(parallel_setup_cost parallel_tuple_cost min_parallel_table_scan_size), $node->pg_version < 16 ? 'force_parallel_mode' : ();

	for my $mode (qw(force_generic_plan force_custom_plan))
	{
		$session->query("SET plan_cache_mode = $mode");
		$session->query("PREPARE $_ (int) AS SELECT n, version " . $join =~ s/%T/$_/r . ' WHERE o.n < $1') for qw(commits copied);
		is(rows("EXECUTE commits ($_)"), rows("EXECUTE copied ($_)"), "prepared, $mode, $_: the same rows") for 5, 60;
		$session->query(q{ALTER SERVER commits_server OPTIONS (ADD max_connections '2')});
		is(rows('EXECUTE commits (90)'), rows('EXECUTE copied (90)'), "prepared, $mode, a server's option changed: the same rows");
		$session->query(q{ALTER SERVER commits_server OPTIONS (DROP max_connections)});
		$session->query(q{ALTER FOREIGN TABLE commits OPTIONS (ADD committed_at_slack_ms '1000')});
		is(rows('EXECUTE commits (90)'), rows('EXECUTE copied (90)'), "prepared, $mode, a table's option changed: the same rows");
		$session->query(q{ALTER FOREIGN TABLE commits OPTIONS (DROP committed_at_slack_ms)});
		$session->query('DEALLOCATE ALL');
	}
	$session->query('RESET plan_cache_mode');
	for my $kind ('NO SCROLL CURSOR', 'SCROLL CURSOR', 'SCROLL CURSOR WITH HOLD')
	{
		my @got;
		for my $table (qw(commits copied))
		{
			my $out = '';
			$session->query('BEGIN');
			$session->query("DECLARE p $kind FOR SELECT n, version " . $join =~ s/%T/$table/r . ' ORDER BY n, version');
			$session->query('COMMIT') if $kind =~ /HOLD/;
			$out .= rows("FETCH $_ FROM p") . ";" for 7, 40, $kind =~ /^SCROLL/ ? ('BACKWARD 20', 'FIRST', 'LAST', 'ABSOLUTE 9', 'RELATIVE -3') : (), 'ALL';
			$session->query($kind =~ /HOLD/ ? 'CLOSE p' : 'COMMIT');
			push @got, $out;
		}
		is($got[0], $got[1], "$kind: the same rows");
	}
}
$session->query('SET enable_mergejoin = on');
$session->query('SET enable_nestloop = off');
same('mark and restore', "SELECT x.n, y.seen FROM (SELECT n, version $lists OFFSET 0) x JOIN accounts y ON y.seen = x.version");

$node->stop;
done_testing;
