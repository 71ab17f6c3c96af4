# Random statements return from a store what they return from a local table with the same rows, whatever the plan.
# The seeds are fixed here; script/fuzz takes others, by DIFFER_SEED=n and DIFFER_STATEMENTS=n. Half of the statements are planned with statistics.
use strict;
use warnings;

use FindBin;
use lib map { "$FindBin::RealBin/../test/$_" } qw(lib differ);

use Differ;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Session;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init(extra => [ '--locale=C', '--encoding=UTF8' ]);
$node->append_conf('postgresql.conf', "autovacuum = off\njit = off");
$node->start;

my $session = Session->new($node);
$session->create_table('store', $ENV{DYNAMODB_ENDPOINT});
$session->query(<<'SQL');
CREATE FOREIGN TABLE commits (commit_id bigint, committed_at timestamptz, aggregate_id text, version bigint, events jsonb, kind text, amount numeric,
  flag boolean) SERVER store_server;
SQL
$session->query(q{SELECT dynamodb_es_create_tables('commits')});
$session->query('INSERT INTO commits (aggregate_id, version, events, kind, amount, flag, committed_at) ' . Differ->rows_sql . ' ORDER BY v, a');
$session->query('CREATE TABLE copied AS SELECT * FROM commits');
is($session->query('SELECT count(*) FROM copied'), 80, 'a local copy of the store');

$session->query('SET plan_cache_mode = force_generic_plan');

# The rows, or the error; those in no order are sorted. What has a parameter is planned without its value.
sub outcome
{
	my ($statement, $table, $ordered, $parameter) = @_;
	$statement =~ s/%T/$table/g;
	my $prepared = $statement =~ /\$1/;
	$session->query("PREPARE p (bigint) AS $statement") if $prepared;
	my $result = $session->try($prepared ? "EXECUTE p ($parameter)" : $statement);
	$session->query('DEALLOCATE p') if $prepared;
	return "error $result->{error}{sqlstate}" if $result->{error};
	my @rows = map { join '|', map { $_ // 'NULL' } @$_ } @{ $result->{rows} };
	return join "\n", $ordered ? @rows : sort @rows;
}

my %error;
for my $seed ($ENV{DIFFER_SEED} ? ($ENV{DIFFER_SEED}) : 1 .. 4)
{
	my $differ = Differ->new($seed);
	# From half of the seeds on it goes by time, too: commits of one day are out of order by milliseconds.
	$session->query(q{ALTER FOREIGN TABLE commits OPTIONS (ADD committed_at_slack_ms '3')}) if $seed == 3;
	my ($returned, @different) = (0);
	$session->query('ANALYZE commits') if $seed % 2 == 0;
	for my $number (1 .. $ENV{DIFFER_STATEMENTS} // 150)
	{
		my ($statement, $ordered) = $differ->statement;
		my $parameter = $differ->one_of(3, 7, 40, 'NULL');
		my ($stored, $expected) = map { outcome($statement, $_, $ordered, $parameter) } qw(commits copied);
		$error{$expected}++ if $expected =~ /^error/;
		$returned++ if $expected ne '' && $expected !~ /^error/;
		push @different, "$number: $statement\n   stored: " . ($stored =~ s/\n/, /gr) . "\n expected: " . ($expected =~ s/\n/, /gr) if $stored ne $expected;
	}
	is_deeply(\@different, [], "seed $seed: the same from the store and from the copy");
	cmp_ok($returned, '>', 60, "seed $seed: most statements return rows");
}
is_deeply(\%error, {}, 'and none is an error');

$node->stop;
done_testing;
