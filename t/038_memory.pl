# Reading a store of 500 MB grows a backend by less than 64 MB, however it is read.
# Engine: none
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../test/lib";

use Fault;
use Pages;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Session;
use Test::More;

my $most_kb = 64 * 1024;
my ($items, $bytes) = (500, 2000);    # of a page, of an item's events: 1 MB, as DynamoDB cuts it
my %pages = (all => 480, some => 160);

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->append_conf('postgresql.conf', "autovacuum = off\nwork_mem = '1MB'");
$node->start;

my $server = Pages->new;
my $observer = Session->new($node);
$observer->create_table('commits', $server->endpoint);
$observer->create_table('segmented', $server->endpoint, scan_segments => 16);

# What ANALYZE would find in 500 MB.
$observer->query(q{UPDATE pg_class SET reltuples = 1e7, relpages = 1000 WHERE oid = 'segmented'::regclass});

sub memory
{
	my ($session, $what) = @_;
	my ($kb) = slurp_file('/proc/' . $session->pid . '/status') =~ /^$what:\s*(\d+) kB/m or die "no $what";
	return $kb;
}

# Reads so many pages in so many streams, in a session of its own, which has run the same on a small page first, so that code and caches are there.
sub stays_small
{
	my ($name, $sql, $size, $streams) = @_;
	my $session = Session->new($node);
	my $pages = $pages{$size};
	$server->store(pages => [10]);
	$session->query($sql);
	my $before = memory($session, 'VmRSS');
	$server->store(bytes => $bytes, pages => [ ($items) x ($pages / $streams) ]);
	my $result = $session->query($sql);
	my ($peak, $after) = (memory($session, 'VmHWM') - $before, memory($session, 'VmRSS') - $before);
	note sprintf '%s: %d pages; grown by %d kB at most, %d kB in the end: %.1f kB per page', $name, $server->counts->{seen}, $peak, $after, $peak / $pages;
	is($result, $pages * $items, "$name: every row");
	is($server->counts->{seen}, $pages, "$name: every page");
	cmp_ok($peak, '<', $most_kb, "$name: grows by less than 64 MB");
	$session->close;
	return;
}

stays_small('a Scan', 'SELECT count(events) FROM commits', all => 1);
stays_small('a Scan in 16 segments', 'SELECT count(events) FROM segmented', all => 16);
stays_small('an aggregate', "SELECT count(events) FROM commits WHERE aggregate_id = 'a'", some => 1);
stays_small('the index, in order', 'SELECT count(events) FROM (SELECT * FROM commits WHERE commit_id > -1 ORDER BY commit_id OFFSET 0) c', some => 1);
stays_small('16 aggregates', 'SELECT count(events) FROM commits WHERE aggregate_id IN (' . join(', ', map { "'$_'" } 1 .. 16) . ')', some => 16);

# In ranges, as many as there are connections at once.
{
	my $session = Session->new($node);
	my $sql = 'SELECT count(events), count(DISTINCT commit_id) FROM (SELECT * FROM commits WHERE commit_id > 0 ORDER BY commit_id OFFSET 0) c';
	my $rows = $items * $pages{some};
	$server->store(pages => [10]);
	$session->query($sql);
	my $before = memory($session, 'VmRSS');
	$server->store(bytes => $bytes, keys => { index => [ [ 1, $rows ] ] }, page => $items, head => $rows);
	my @counts = $session->query($sql);
	my $peak = memory($session, 'VmHWM') - $before;
	note sprintf 'the index in ranges: %d requests; grown by %d kB at most', $server->counts->{seen}, $peak;
	is("@{ $counts[0] }", "$rows $rows", 'the index in ranges: every row once');
	cmp_ok($server->counts->{seen}, '>', $pages{some} + 2, 'the index in ranges: it is read in ranges');
	cmp_ok($peak, '<', $most_kb, 'the index in ranges: grows by less than 64 MB');
	$session->close;
}

# A long list of keys takes its ranges, not what its elements were compared with.
{
	my $session = Session->new($node);
	my $count = sub { "SELECT count(commit_id) FROM commits WHERE commit_id = ANY ((SELECT array_agg(n::numeric) FROM generate_series(1, $_[0]) n)::numeric[])" };
	$server->store(keys => { index => [ [ 1, 200 ] ] }, page => 200, head => 200);
	is($session->query($count->(10)), 10, 'a short list');
	my $before = memory($session, 'VmRSS');
	is($session->query($count->(100_000)), 200, 'a long one');
	my $peak = memory($session, 'VmHWM') - $before;
	note "a list of 100,000 numbers: grown by $peak kB";
	cmp_ok($peak, '<', $most_kb, 'a list of 100,000 numbers grows a session by less than 64 MB');
	$session->close;
}

# What came before an append on condition, which its query sees whole: beyond work_mem it is on disk.
{
	my $fault = Fault->new($server->endpoint);
	my $session = Session->new($node);
	my $rows = $items * $pages{some};
	$observer->create_table('proxied', $fault->endpoint);
	$observer->query(q{ALTER FOREIGN TABLE proxied OPTIONS (append_mode 'dense')});
	my $append = sub {
		my ($came) = @_;
		my $lost = { __type => 'com.amazonaws.dynamodb.v20120810#TransactionCanceledException', Message => 'Transaction cancelled',
			CancellationReasons => [ { Code => 'ConditionalCheckFailed', Item => { name => { S => 'commits' }, id => { N => "$came" } } }, { Code => 'None' } ] };
		$server->store(bytes => $bytes, keys => { index => [ [ 1, $came ] ] }, page => $items, head => $came);
		$fault->rules({ operation => 'TransactWriteItems', times => 1, answer => { status => 400, body => $lost } }, { operation => 'TransactWriteItems', answer => { status => 200, body => {} } });
		return scalar $session->query(q{SELECT commit_id FROM dynamodb_es_append(ARRAY[ROW(NULL, NULL, 'a', 0, '[]')]::proxied[], 0,}
			. qq{ 'SELECT FROM batch HAVING count(events) <> $came OR count(DISTINCT commit_id) <> $came')});
	};
	is($append->(10), 11, 'what came: a little');
	my $before = memory($session, 'VmRSS');
	is($append->($rows), $rows + 1, 'what came: each commit is seen');
	my $peak = memory($session, 'VmHWM') - $before;
	note "what came: grown by $peak kB";
	cmp_ok($peak, '<', $most_kb, 'what came: grows by less than 64 MB');
	$session->close;
	$fault->stop;
}

$server->stop;
$node->stop;
done_testing();
