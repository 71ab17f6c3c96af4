# A handler that appends stores each reaction once, although its batches are killed, rolled back and come again: the one of doc/howto/process_manager.md.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../test/lib";

use PlainDynamoDB;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Session;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->append_conf('postgresql.conf', 'log_min_messages = fatal');
$node->start;
my $admin = Session->new($node);
my $plain = PlainDynamoDB->new($ENV{DYNAMODB_ENDPOINT}, 'AKIDEXAMPLE');
$admin->create_table('commits', $ENV{DYNAMODB_ENDPOINT});
$admin->query(q{SELECT dynamodb_es_create_tables('commits')});

# The manual's block, with this store's names; and one that fails now and then after it has appended.
my ($block) = grep { /CREATE FUNCTION request_payments/ } slurp_file("$FindBin::RealBin/../doc/howto/process_manager.md") =~ /^```sql\n(.*?)^```$/msg;
ok($block, 'the page has its handler');
$block =~ s/SERVER store OPTIONS \(/SERVER commits_server OPTIONS (commit_table 'commits', counter 'commits', /;
$admin->query($block);
$admin->query(<<'SQL');
CREATE TABLE handled (commit_id bigint);
CREATE SEQUENCE tries;
CREATE FUNCTION request_and_count(batch commits[]) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  PERFORM request_payments(batch);
  PERFORM pg_sleep(0.02);
  IF nextval('tries') % 3 = 0 THEN RAISE lock_not_available; END IF;
  INSERT INTO handled SELECT commit_id FROM unnest(batch);
END $$;
SELECT dynamodb_es_alter_projection('request_payments', handler => 'request_and_count', batch_size => 5, poll_interval => '10 ms', gap_timeout => '2 s');
SQL
my $orders = 60;
$admin->query("INSERT INTO commits (aggregate_id, version, events) SELECT 'order-' || n, 0, '[{\"type\": \"placed\", \"amount\": 1}]' FROM generate_series(1, $orders) n");

# Sessions run batches, and are terminated, rolled back or fail, until all is handled.
my ($killed, $failed, $rolled_back) = (0, 0, 0);
my $deadline = time + 120;
my $handled = sub { scalar $admin->query('SELECT count(*) FROM handled h JOIN commits c USING (commit_id) WHERE aggregate_id LIKE \'order-%\'') };
my $session = Session->new($node);
for (my $round = 0; $handled->() < $orders && time < $deadline; $round++)
{
	if ($round % 4 == 1)
	{
		$session->query(q{BEGIN});
		my $run = $session->try(q{SELECT dynamodb_es_run('request_payments')});
		$failed++ if $run->{error};
		$session->try('ROLLBACK');
		$rolled_back++;
		next;
	}
	$session->send(q{SELECT dynamodb_es_run('request_payments')});
	if ($round % 4 == 3)
	{
		select undef, undef, undef, rand 0.1;
		$admin->query("SELECT pg_terminate_backend($session->{pid})");
		my $result = $session->result;
		$killed++ if $result->{error};
		$session = Session->new($node);
		next;
	}
	my $error = $session->result->{error};
	$failed++ if $error;
	is($error->{sqlstate}, '55P03', 'it fails as it is meant to') if $error && $error->{sqlstate} ne '55P03';
}
cmp_ok($killed + $failed, '>', 3, "$killed batches were killed, $failed failed, $rolled_back were rolled back");
$admin->query(q{SELECT dynamodb_es_alter_projection('request_payments', handler => 'request_payments')});
$admin->query(q{CALL dynamodb_es_follow('request_payments', until_caught_up => true)});
my @payments = grep { /^payment-/ } map { $_->{aggregateId}{S} } $plain->scan('commits');
is_deeply([ sort @payments ], [ sort map { "payment-order-$_" } 1 .. $orders ], 'each order has its payment, once');

$node->stop;
done_testing();
