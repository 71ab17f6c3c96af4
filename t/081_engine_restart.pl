# The endpoint restarts while it is in use: for a while it is gone, with every connection. Statements go on when it is back, and nothing is lost or
# stored twice.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../test/lib";

use Checker;
use Fault;
use PlainDynamoDB;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Session;
use Test::More;
use Time::HiRes qw(time);
use Workers;
use Writer;

my $restarts = 4;
my $up_seconds = 0.7;
my $down_seconds = 0.3;
my $writers = 4;
my $seed = $ENV{SEED} // int rand 2**31;
note "SEED=$seed";

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->append_conf('postgresql.conf', 'autovacuum = off');
$node->start;

my $fault = Fault->new($ENV{DYNAMODB_ENDPOINT});
my $plain = PlainDynamoDB->new($ENV{DYNAMODB_ENDPOINT}, 'AKIDEXAMPLE');
my $observer = Session->new($node);
my $session = Session->new($node);
my @aggregates = map { "aggregate-$_" } 1 .. 10;

# Nine pauses of 25 ms and more, each twice the one before at most: long enough for the restarts here.
$session->create_table('commits', $fault->endpoint, max_attempts => 10);
$plain->create_store('commits', 'counters');

# 1. Single statements.
sub count { my ($aggregate) = @_; return $session->query("SELECT count(*) FROM commits WHERE aggregate_id = '$aggregate'") }
$session->query(q{INSERT INTO commits (aggregate_id, version, events) SELECT 'old', n, '[]' FROM generate_series(0, 499) n});

$fault->down;
$fault->up;
is(count('old'), 500, 'the first statement after a restart works');

for my $case (
	[ 'SELECT', q{SELECT count(*) FROM commits WHERE aggregate_id = 'old'}, 500 ],
	[ 'INSERT', q{INSERT INTO commits (aggregate_id, version, events) VALUES ('new', 0, '[]') RETURNING version}, 0 ],
	[ 'dynamodb_es_head', q{SELECT dynamodb_es_head('commits')}, 501 ])
{
	my ($name, $sql, $value) = @$case;
	$fault->down;
	$session->send($sql);
	$session->wait_until_waiting($observer);
	$fault->up;
	my $result = $session->result;
	is($result->{error} ? "$result->{error}{message}: $result->{error}{detail}" : $result->{rows}[0][0], $value, "$name begun during a restart succeeds after it");
}
is(count('new'), 1, 'and the commit is there once');

$session->query(q{BEGIN; DECLARE c CURSOR FOR SELECT version FROM commits WHERE aggregate_id = 'old' ORDER BY version});
my @read = map { $_->[0] } $session->query('FETCH 20 FROM c');
$fault->down;
$fault->up;
push @read, map { $_->[0] } $session->query('FETCH ALL FROM c');
$session->query('COMMIT');
is_deeply(\@read, [ 0 .. 499 ], 'a cursor that is open over a restart returns each row once');

# 2. Under load: backends that append, and one that reads everything again and again.
sub scans
{
	my ($until) = @_;
	my $reader = Session->new($node);
	my @wrong;
	my $last = 0;
	while (time < $until)
	{
		my $result = $reader->try('SELECT count(*), count(DISTINCT commit_id) FROM commits');
		push @wrong, "$result->{error}{message} $result->{error}{detail}" if $result->{error};
		next if $result->{error};
		my ($rows, $ids) = @{ $result->{rows}[0] };
		push @wrong, "$rows rows, $ids ids, after $last" if $rows != $ids || $rows < $last;
		$last = $rows;
	}
	return \@wrong;
}

$session->query('CREATE SERVER loaded FOREIGN DATA WRAPPER dynamodb_es OPTIONS (region \'us-east-1\', endpoint \'' . $fault->endpoint . "', max_attempts '10')");
for my $i (1 .. $writers)
{
	$session->query("CREATE ROLE w$i SUPERUSER LOGIN; CREATE USER MAPPING FOR w$i SERVER loaded OPTIONS (access_key_id 'AKIDEXAMPLE', secret_access_key 'secret', session_token 'w$i')");
}
$session->query(q{CREATE FOREIGN TABLE loaded (commit_id bigint, aggregate_id text, version bigint, events jsonb) SERVER loaded
	OPTIONS (commit_table 'loaded', counter_table 'loaded_counters')});
$plain->create_store('loaded', 'loaded_counters');
$fault->rules;

my $until = time + $restarts * ($up_seconds + $down_seconds) + $up_seconds;
my $workers = Workers->new($fault);
for my $i (1 .. $writers)
{
	$workers->start("w$i", sub {
		srand $seed + $i;
		return Writer->new(name => "w$i", session => Session->new($node, user => "w$i"), table => 'loaded', aggregates => \@aggregates, batch_size => 100)->run($until);
	});
}
$workers->start('scans', sub { return scans($until) });
for (1 .. $restarts)
{
	$fault->listen($up_seconds);
	$fault->down;
	$fault->listen($down_seconds);
	$fault->up;
}
my %returned = $workers->finish;
$fault->finish;

my @statements = map { @{ $returned{"w$_"} // [] } } 1 .. $writers;
my @cut = $fault->events('cut');
my $checker = Checker->new(statements => \@statements, commits => [ $plain->scan('loaded') ], counters => [ $plain->scan('loaded_counters') ],
	events => [ $fault->events('request'), $fault->events('answer'), @cut ]);
my $findings = $checker->check;
is(join("\n", @{ $findings->{$_} }), '', "under load: $_") for sort keys %$findings;
my $counts = $checker->counts;
note join "\n", map { "  $_: $counts->{$_}" } sort keys %$counts;
cmp_ok(scalar @cut, '>', 0, 'requests were under way when the endpoint went');
is_deeply([ map { "$_->{result}{error}{message}: " . ($_->{result}{error}{detail} // '') } grep { $_->{result}{error} && $_->{result}{error}{sqlstate} !~ /^(23505|57014)$/ } @statements ],
	[], 'no append failed for it');
is_deeply($returned{scans}, [], 'nor did a scan, and each returned every row once');

$fault->stop;
$node->stop;
done_testing();
