# What runs out, DynamoDB's patience, this machine's memory or the length that an answer may have, is an error that says so, and the session goes on.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../test/lib";

use Fault;
use Pages;
use PlainDynamoDB;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Session;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->append_conf('postgresql.conf', 'autovacuum = off');
$node->start;

# 1. A transaction of somebody else's that stays on the item.
my $fault = Fault->new($ENV{DYNAMODB_ENDPOINT});
my $session = Session->new($node);
$session->create_table('commits', $fault->endpoint, max_attempts => 2);
PlainDynamoDB->new($ENV{DYNAMODB_ENDPOINT}, 'AKIDEXAMPLE')->create_store('commits', 'counters');
my $conflict = { answer => { status => 400,
	body => { __type => 'com.amazonaws.dynamodb.v20120810#TransactionConflictException', message => 'Transaction is ongoing for the item' } } };
my $insert = q{INSERT INTO commits (aggregate_id, version, events) VALUES ('a', 0, '[]')};
for my $operation (qw(UpdateItem PutItem))
{
	$fault->rules({ operation => $operation, name => 'conflict', match => $operation eq 'PutItem' ? 'aggregateId' : 'ADD', %$conflict });
	my $error = $session->try($insert)->{error};
	is($error->{sqlstate}, '40001', "a conflict at $operation that stays is a serialization failure");
	like($error->{detail}, qr/TransactionConflictException/, 'in DynamoDB\'s own words');
	is(scalar(grep { ($_->{rule} // '') eq 'conflict' } $fault->events('request')), 2, 'after max_attempts tries');
}
$fault->rules({ operation => 'PutItem', times => 1, %$conflict });
is($session->try($insert)->{tag}, 'INSERT 0 1', 'one that passes is none: nothing of the row was stored before, and it is now');
$fault->rules;

# The next version, which somebody else always has already.
my $others = { aggregateId => { S => 'b' }, version => { N => '0' }, commitId => { N => '1000000' }, committedAt => { N => '0' }, events => { S => '[]' }, active => { S => 't' } };
my %taken = (operation => 'PutItem', name => 'taken', answer => { status => 400,
	body => { __type => 'com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException', message => 'The conditional request failed', Item => $others } });
$fault->rules({ %taken, match => 'aggregateId' });
my $lost = $session->try(q{INSERT INTO commits (aggregate_id, events) VALUES ('b', '[]')})->{error};
is($lost->{sqlstate}, '40001', 'a next version that others take again and again is a serialization failure');
like($lost->{detail}, qr/taken by others too often/, 'and says so');
cmp_ok(scalar(grep { ($_->{rule} // '') eq 'taken' } $fault->events('request')), '>', 5, 'after several tries');
$fault->rules;
is($session->query(q{SELECT count(*) FROM commits WHERE aggregate_id = 'b'}), 0, 'and nothing is stored');
$fault->rules(map { { %taken, match => qq("version":{"N":"$_"}), times => 15 } } 0, 1);
is($session->try(q{INSERT INTO commits (aggregate_id, events) VALUES ('c', '[]'), ('c', '[]')})->{tag}, 'INSERT 0 2', 'each row of an aggregate may lose as many');
$fault->rules;

# 2. Memory: the same read with more and more room.
my $server = Pages->new;
my $pages = 6;
my $items = 40;
$session->create_table('large', $server->endpoint);
$server->store(bytes => 50000, streams => { a => [ ($items) x $pages ] });
my $select = q{SELECT count(*), sum(length(events::text)) > 0 FROM large WHERE aggregate_id = 'a' AND length(events::text) > 0};
$session->close;
my %outcomes;
my @wrong;
for (my $megabytes = 0; $megabytes <= 20; $megabytes++)
{
	$session = Session->new($node);
	$session->query('SELECT count(*) FROM large WHERE aggregate_id = \'none\'');    # loads what there is to load
	my ($size) = slurp_file('/proc/' . $session->pid . '/status') =~ /^VmSize:\s*(\d+) kB/m;
	system('prlimit', '--pid', $session->pid, '--as=' . 1024 * ($size + 1024 * $megabytes) . ':') == 0 or die 'prlimit';
	my $result = $session->try($select);
	my $outcome = $result->{ended_at} ? 'the backend has gone' : $result->{error} ? $result->{error}{sqlstate} : $result->{rows}[0][0];
	$outcomes{$outcome}++;
	push @wrong, "$megabytes MB: $outcome " . ($result->{error}{message} // '') . ' ' . ($result->{error}{detail} // '') if $outcome !~ /^(53200|@{[ $items * $pages ]})$/;
	system('prlimit', '--pid', $session->pid, '--as=unlimited:') == 0 or die 'prlimit';
	my $after = $session->try($select);
	push @wrong, "$megabytes MB, and then enough: " . ($after->{error}{message} // 'wrong rows') if ($after->{rows}[0][0] // '') ne $items * $pages;
	$session->close;
}
note "$_: $outcomes{$_}" for sort keys %outcomes;
is_deeply(\@wrong, [], 'a read for which the memory does not suffice is out of memory, and works in the same session when there is enough');
cmp_ok($outcomes{53200} // 0, '>', 0, 'it has seen too little');
cmp_ok($outcomes{ $items * $pages } // 0, '>', 0, 'and enough');

# 3. An answer that is longer than it may be.
$session = Session->new($node);
$session->query(q{ALTER SERVER large_server OPTIONS (ADD max_response_mb '1')});
my $error = $session->try($select)->{error};
is($error->{sqlstate}, 'HV000', 'an answer over max_response_mb is an error');
like($error->{detail}, qr/longer than 1048576 bytes/, 'that names the limit');
$session->query(q{ALTER SERVER large_server OPTIONS (SET max_response_mb '3')});
is($session->query($select), $items * $pages, 'one below it is read');

$server->stop;
$fault->stop;
$node->stop;
done_testing();
