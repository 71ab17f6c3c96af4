# Each commit is applied exactly once by one statement over a feed table and a position table, whoever runs it, and whatever becomes of the sessions: the statement
# is the one of doc/howto/follow.md.
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
my $observer = Session->new($node);
my $plain = PlainDynamoDB->new($ENV{DYNAMODB_ENDPOINT}, 'AKIDEXAMPLE');
$observer->create_table('commits', $ENV{DYNAMODB_ENDPOINT});
$observer->query(<<SQL);
SELECT dynamodb_es_create_tables('commits');
CREATE FOREIGN TABLE commits_feed (commit_id bigint, committed_at timestamptz, aggregate_id text, version bigint, events jsonb)
  SERVER commits_server OPTIONS (consistent_prefix 'true');
SQL

# The manual's blocks.
open my $page, '<', "$FindBin::RealBin/../doc/howto/follow.md" or die "doc/howto/follow.md: $!";
my @blocks = do { local $/; <$page> } =~ /^```sql\n(.*?)^```$/msg;
my ($tables) = grep { /CREATE TABLE my_position/ } @blocks;
my ($statement) = grep { /^WITH batch/m } @blocks;
ok($tables && $statement, 'the page has its tables and its statement');
$observer->query($tables);

sub appended { my ($rows, $sql) = @_; my $result = $observer->try("INSERT INTO commits (aggregate_id, version, events) $sql"); return $result->{error} ? 0 : $rows }

# Three sessions follow while commits come in; now and then one is terminated in whatever it does, or rolls back.
for my $isolation ('read committed', 'repeatable read', 'serializable')
{
	my %busy;
	my ($ended, $killed, $rolled_back, $failed) = (0, 0, 0, 0);
	my $connect = sub { my $session = Session->new($node, default_transaction_isolation => $isolation); return $session };
	my @sessions = map { $connect->() } 1 .. 3;
	for my $round (1 .. 40)
	{
		appended(5, "SELECT '$isolation', n, '[]' FROM generate_series($round * 10, $round * 10 + 4) n");
		appended(0, "VALUES ('$isolation', $round * 10, '[]')") if $round % 4 == 0;    # the version is taken: its id is burned
		for my $session (@sessions)
		{
			next if $busy{$session}++;
			my $rolls_back = $round % 5 == 0 && $session == $sessions[1];
			$session->send($rolls_back ? "BEGIN; $statement; ROLLBACK" : $statement);
			$rolled_back += $rolls_back;
		}
		if ($round % 3 == 0)
		{
			$observer->query("SELECT pg_terminate_backend($sessions[0]{pid})");
			delete $busy{ $sessions[0] };
			$sessions[0]->result;	# the end of it
			$sessions[0] = $connect->();
			$killed++;
		}
		for my $session (@sessions)
		{
			next if !$busy{$session};
			my $result = $session->result;
			delete $busy{$session};
			$ended++;
			next if !$result->{error};
			$failed++;
			$result->{error}{sqlstate} eq '40001' or is($result->{error}{sqlstate}, '40001', "$isolation: $result->{error}{message}");
			$session->try('ROLLBACK');
		}
	}
	my $last = $sessions[1]->try($statement);
	$sessions[1]->try($statement) while $last->{error} || ($last = $sessions[1]->try($statement))->{tag} ne 'INSERT 0 0';
	cmp_ok($ended, '>', 60, "$isolation: sessions took turns, $killed were terminated, $rolled_back rolled back, $failed had to try again");
	is($failed, 0, "$isolation: none had to try again") if $isolation eq 'read committed';
	$_->close for @sessions;
	my ($row) = $observer->query('SELECT count(*), count(DISTINCT commit_id), max(commit_id) FROM applied');
	my @ids = sort { $a <=> $b } map { $_->{commitId}{N} } $plain->scan('commits');
	is("@$row", scalar(@ids) . " " . scalar(@ids) . " $ids[-1]", "$isolation: each commit was applied once");
}

$observer->close;
done_testing();
