# What is wrong with a store is found, each fault by its own row, and of a healthy store there is none. A counter that is behind the commits is raised,
# and never lowered.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../test/lib";

use Fault;
use Interrupt;
use JSON::PP;
use PlainDynamoDB;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Session;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->start;
my $fault = Fault->new($ENV{DYNAMODB_ENDPOINT});
my $session = Session->new($node);
my $plain = PlainDynamoDB->new($ENV{DYNAMODB_ENDPOINT}, 'AKIDEXAMPLE');
$session->create_table('commits', $fault->endpoint);

sub counter { my ($id) = @_; $plain->put('counters', { name => { S => 'commits' }, id => { N => "$id" } }); return }
sub item { my ($aggregate, $version, $id, %other) = @_;
	return { aggregateId => { S => $aggregate }, version => { N => "$version" }, commitId => { N => "$id" }, committedAt => { N => '1' }, events => { S => '[]' }, active => { S => 't' }, %other } }
sub findings { my ($deep) = @_; return [ map { join ' | ', @$_[ 0 .. 2 ] } $session->query("SELECT * FROM dynamodb_es_check('commits'" . ($deep ? ', true' : '') . ')') ] }
sub notices { my ($sql) = @_; my $result = $session->try($sql); return $result->{error} ? $result->{error}{sqlstate} : join "\n", map { $_->{message} } @{ $result->{notices} } }
sub status { my ($column) = @_; return scalar $session->query("SELECT $column FROM dynamodb_es_status('commits')") }

# Before there are tables.
is_deeply(findings(0), [ map { qq{error | there is no such table | DynamoDB table "$_"} } qw(commits counters) ], 'tables that are missing');
is_deeply(findings(1), findings(0), 'tables that are missing, looked at deeply');
is($session->try(q{SELECT dynamodb_es_set_head('commits', 5)})->{error}{sqlstate}, 'HV00R', 'there is no counter to be raised');

# Healthy ones.
$session->query(q{SELECT dynamodb_es_create_tables('commits')});
is_deeply(findings($_), [], 'a new store is healthy' . ($_ ? ', looked at deeply' : '')) for 0, 1;
is(status('max_commit_id'), 0, 'it has no commit');
$session->query(q{INSERT INTO commits (aggregate_id, version, events) SELECT 'a' || n % 7, n / 7, '[1]' FROM generate_series(0, 299) n});
is_deeply(findings($_), [], 'a store with commits is healthy' . ($_ ? ', looked at deeply' : '')) for 0, 1;
is(status('max_commit_id'), 300, 'its largest commit id is shown');
is(status('head'), 300, 'beside its counter');

# A counter that is behind: found, and raised by either function.
for my $how (qw(create_tables set_head))
{
	counter(250);
	is_deeply(findings(0), [ 'error | the counter is at 250, and there are commits up to 300: ids are given out twice | counter "commits" in DynamoDB table "counters"' ], "$how: a counter that is behind");
	like(scalar $session->query(q{SELECT hint FROM dynamodb_es_check('commits')}), qr/SELECT dynamodb_es_set_head\('commits', 300\)/, "$how: the hint says how to raise it");
	is(status('head < max_commit_id'), 't', "$how: the status shows it too");
	is(notices("SELECT dynamodb_es_$how('commits'" . ($how eq 'set_head' ? ', 300)' : ')')),
		$how eq 'set_head' ? '' : qq{DynamoDB table "commits" exists already, kept\nDynamoDB table "counters" exists already, kept\ncounter "commits" is raised from 250 to the largest commit id there is, 300}, "$how: says what it does");
	is($plain->head, 300, "$how: the counter is raised");
	is_deeply(findings(0), [], "$how: then all is well");
}
is(notices(q{SELECT dynamodb_es_create_tables('commits')}), '42P07', 'then there is nothing to do');

# It is never lowered.
is(scalar $session->query(q{SELECT dynamodb_es_set_head('commits', 300)}), 300, 'a head that is as high stays');
is(notices(q{SELECT dynamodb_es_set_head('commits', 299)}), 'counter "commits" is at 300 already, kept', 'one that is higher stays');
is($plain->head, 300, 'and is not lowered');
is($session->try("SELECT dynamodb_es_set_head('commits', $_)")->{error}{sqlstate}, '22023', "a head of $_ is none") for 0, -1;
is($session->try(q{SELECT dynamodb_es_set_head('commits', 9223372036854775807)})->{error}{sqlstate}, '22003', 'one that leaves no commit id is refused');
is($session->try(q{BEGIN READ ONLY; SELECT dynamodb_es_set_head('commits', 400)})->{error}{sqlstate}, '25006', 'nor is it raised in a read-only transaction');
$session->query('ROLLBACK');
is($session->try(q{SELECT dynamodb_es_set_head('commits', NULL)})->{error}{sqlstate}, '22023', 'a head of NULL is none');

# A lost answer does not raise it twice, and others that append meanwhile are no error.
for my $rule ({ after => 'close' }, { again => 0 })
{
	my $head = $plain->head + 1;
	$fault->rules({ operation => 'UpdateItem', times => 1, %$rule });
	is(scalar $session->query("SELECT dynamodb_es_set_head('commits', $head)"), $head, join(' ', %$rule) . ': the head is what was asked for');
	$fault->finish;
	is($plain->head, $head, join(' ', %$rule) . ': and so is the counter');
	counter(300);
}
$fault->rules;

# Who may.
$session->query(q{CREATE ROLE reader; CREATE ROLE stranger; GRANT SELECT ON commits TO reader; CREATE USER MAPPING FOR reader SERVER commits_server OPTIONS (access_key_id 'AKIDEXAMPLE', secret_access_key 'hush-secret');
	CREATE USER MAPPING FOR stranger SERVER commits_server OPTIONS (access_key_id 'AKIDEXAMPLE', secret_access_key 'hush-secret')});
$session->query('SET ROLE reader');
is_deeply(findings(1), [], 'who may read may check');
is($session->try(q{SELECT dynamodb_es_set_head('commits', 400)})->{error}{sqlstate}, '42501', 'but not raise the counter');
$session->query('SET ROLE stranger');
is($session->try(q{SELECT * FROM dynamodb_es_check('commits')})->{error}{sqlstate}, '42501', 'who may not read may not check');
$session->query('RESET ROLE');
is($plain->head, 300, 'the counter is as it was');
is($session->try(q{SELECT * FROM dynamodb_es_check('pg_class')})->{error}{sqlstate}, '42809', 'only foreign tables are checked');

# What is not an integer, or not there.
$plain->put('counters', { name => { S => 'commits' }, id => { S => '300' } });
is_deeply(findings(0), [ 'error | the counter does not hold an integer | counter "commits" in DynamoDB table "counters"' ], 'a counter that is no number');
$plain->call(DeleteItem => { TableName => 'counters', Key => { name => { S => 'commits' } } });
is_deeply(findings(0), [ 'error | the counter is at 0, and there are commits up to 300: ids are given out twice | counter "commits" in DynamoDB table "counters"' ], 'a counter that is missing');

# An id beyond all others hides no other fault.
counter(300);
$plain->put('commits', item('beyond', 0, '100000000000000000000'));
my $beyond = 'error | the largest commit id of the index is no bigint | index "byId" of DynamoDB table "commits"';
is_deeply(findings(0), [ $beyond ], 'a commit id that is no bigint, as the last one');
like(join("\n", @{ findings(1) }), qr/\A\Q$beyond\E\n.*aggregate "beyond", version 0/s, 'the deep check goes on, and names its commit');
$plain->call(DeleteItem => { TableName => 'commits', Key => { aggregateId => { S => 'beyond' }, version => { N => '0' } } });

# Every id, and every commit.
counter(320);
$plain->put('counters', { name => { S => "commits#burned#$_->[0]" }, n => { N => "$_->[1]" } }) for [ 302, 2 ], [ 310, 1 ], [ 299, 1 ], [ 'x', 1 ];
$plain->put('counters', { name => { S => 'others#burned#301' }, n => { N => '20' } });
$plain->put('counters', { name => { S => 'commits#burned#others' }, id => { N => '20' } });
$plain->put_all('commits', item('late', 0, 305), item('late', 1, 310), item('again', 0, 7), item('again', 1, 305),
	item('strange', 0, -1), item('strange', 1, 3.5),
	item('hidden', 0, 400, active => { S => 'f' }), { aggregateId => { S => 'hidden' }, version => { N => '1' }, events => { S => '[]' } });
$plain->put('commits', item('odd', 0, 311, events => { S => 'no JSON' }, committedAt => { S => 'yesterday' }));
my %deep = map { $_ => 1 } @{ findings(1) };
for ('error | commit id 7 was given out twice | aggregate "a6", version 0; aggregate "again", version 0|aggregate "again", version 0; aggregate "a6", version 0',
	'error | commit id 305 was given out twice | aggregate "late", version 0; aggregate "again", version 1|aggregate "again", version 1; aggregate "late", version 0',
	'error | commit id 299 is noted as burned, and a commit has it | aggregate "a4", version 42',
	'error | commit id 310 is noted as burned, and a commit has it | aggregate "late", version 1',
	'warning | no commit has commit id 301, and no note says that it was burned | commit id 301',
	'info | no commit has commit ids 302 to 303, noted as burned | commit ids 302 to 303',
	'warning | no commit has commit id 304, and no note says that it was burned | commit id 304',
	'warning | no commit has commit ids 306 to 309, and no note says that they were burned | commit ids 306 to 309',
	'warning | no commit has commit ids 312 to 320, and no note says that they were burned | commit ids 312 to 320',
	'warning | a note of burned ids is none | "commits#burned#x" in DynamoDB table "counters"',
	'error | -1 is no commit id | aggregate "strange", version 0',
	'error | 3.5 is no commit id | aggregate "strange", version 1',
	'error | attribute "commitId" of aggregate "strange", version 1 cannot be read as column "commit_id" of foreign table "commits" | aggregate "strange", version 1',
	'warning | the commit is not in the index: its "commitId" or "active" is missing or of another type | aggregate "hidden", version 0',
	'warning | the commit is not in the index: its "commitId" or "active" is missing or of another type | aggregate "hidden", version 1',
	'error | attribute "events" of aggregate "odd", version 0 cannot be read as column "events" of foreign table "commits" | aggregate "odd", version 0',
	'error | attribute "committedAt" of aggregate "odd", version 0 cannot be read as column "committed_at" of foreign table "commits" | aggregate "odd", version 0')
{
	my ($severity, $what, $places) = split / \| /;
	my @where = split /\|/, $places;
	my ($found) = grep { delete $deep{"$severity | $what | $_"} } @where;
	ok(defined $found, "found: $severity, $what");
}
is_deeply([ sort keys %deep ], [], 'and nothing else');
is_deeply(findings(0), [], 'none of it is seen by a quick check');
$session->query(q{ALTER FOREIGN TABLE commits OPTIONS (ADD unreadable 'replace')});
is(scalar(grep { /cannot be read/ } @{ findings(1) }), 3, 'values that reads replace are found all the same');
$session->query('ALTER FOREIGN TABLE commits OPTIONS (DROP unreadable)');

# In the transaction all goes on: a value that cannot be read is no error of the statement's.
is(scalar $session->query(q{SELECT count(*) > 5 FROM dynamodb_es_check('commits', deep => true) WHERE hint <> ''}), 't', 'each finding has a hint');
is(notices(q{BEGIN; SELECT * FROM dynamodb_es_check('commits', true); SELECT 1; COMMIT}), '', 'a check leaves the transaction as it is');

# Ends when it is cancelled, at each of its reads.
for my $operation (qw(DescribeTable Query Scan))
{
	my $checker = Session->new($node);
	$fault->rules({ operation => $operation, before => 'stall' });
	$checker->send(q{SELECT * FROM dynamodb_es_check('commits', true)});
	$fault->wait_for(operation => $operation);
	$checker->wait_until_waiting($session);
	$session->query('SELECT pg_cancel_backend(' . $checker->pid . ')');
	is($checker->result->{error}{sqlstate}, '57014', "$operation: a check can be cancelled");
	$fault->release;
	$checker->close;
}
$fault->rules;
is($session->try(q{SET dynamodb_es.read_budget = 3; SELECT * FROM dynamodb_es_check('commits', true)})->{error}{sqlstate}, '53400', 'the read budget holds');
$session->query('RESET dynamodb_es.read_budget');

# Over many pages.
$plain->call(DeleteItem => { TableName => 'counters', Key => { name => $_->{name} } }) for $plain->scan('counters');
$session->query(q{SELECT dynamodb_es_drop_tables('commits')});
$session->query(q{SELECT dynamodb_es_create_tables('commits')});
$session->query(q{INSERT INTO commits (aggregate_id, version, events) SELECT 'a' || n % 50, n / 50, to_jsonb(ARRAY[repeat('x', 2000)]) FROM generate_series(0, 2999) n});
$fault->limit(100);
is_deeply(findings(1), [], 'a healthy store of many pages has no findings');
$plain->put('commits', item('again', 0, 1500));
is(scalar @{ findings(1) }, 1, 'an id that is there twice is found among them');

$fault->stop;
$node->stop;
done_testing();
