# A history moves into a store with its ids, its times and its order: a copy is equal to its original, item for item, however often the copying was
# interrupted, and no id is used up by it. COMMITS=50000 copies so many.
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

my $commits = $ENV{COMMITS} // 600;
my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->start;
my $fault = Fault->new($ENV{DYNAMODB_ENDPOINT});
my $plain = PlainDynamoDB->new($ENV{DYNAMODB_ENDPOINT}, 'AKIDEXAMPLE');
my $session = Session->new($node);
my $observer = Session->new($node);
my $json = JSON::PP->new->canonical;
$session->create_table('commits', $ENV{DYNAMODB_ENDPOINT}, max_attempts => 2);
$session->query(<<SQL);
CREATE SERVER faulty FOREIGN DATA WRAPPER dynamodb_es OPTIONS (region 'us-east-1', endpoint '@{[ $fault->endpoint ]}', max_attempts '2');
CREATE USER MAPPING FOR CURRENT_USER SERVER faulty OPTIONS (access_key_id 'AKIDEXAMPLE', secret_access_key 'hush-secret');
SQL

# A store of the 1.x format and two tables for it: through the proxy to import into it, and straight to append to it afterwards.
sub create_store
{
	my ($name) = @_;
	my $columns = '(commit_id bigint, committed_at timestamptz, aggregate_id text, version bigint, events json, author text, "appendedAt" bigint)';
	my $options = "commit_table '$name', counter_table '$name-counters'";
	$session->query("CREATE FOREIGN TABLE $name $columns SERVER faulty OPTIONS ($options, append_mode 'import')");
	$session->query("CREATE FOREIGN TABLE ${name}_open $columns SERVER commits_server OPTIONS ($options)");
	$plain->create_store($name, "$name-counters");
	return;
}

sub items { my ($name) = @_; return [ sort map { $json->encode($_) } $plain->scan($name) ] }
sub counters { my ($name) = @_; return [ sort map { $json->encode($_) } $plain->scan("$name-counters") ] }
sub counter { my ($name) = @_; return $plain->head("$name-counters") }
# Runs a long statement, however slow the machine is.
sub run { $session->send($_[0]); return $session->result(90 + $commits / 50) }
sub largest { my ($name) = @_; my ($last) = sort { $b <=> $a } map { $_->{commitId}{N} } $plain->scan($name); return $last // 0 }
sub is_store { my ($name, $original, $what) = @_; is_deeply(items($name), items($original), "$what: every item is the original's"); return }
sub warnings_of { my ($result) = @_; return join '|', map { "$_->{message} ($_->{hint})" } grep { $_->{severity} eq 'WARNING' } @{ $result->{notices} } }

# The original: 1.x wrote it, with gaps, keys in an order of their own, and attributes beside its own.
create_store('original');
my $id = 0;
my (%version, @original);
for my $n (1 .. $commits)
{
	$id += $n % 10 == 0 ? 3 : 1;
	my $aggregate = 'account-' . ($n * 7 % 97);
	push @original, { aggregateId => { S => $aggregate }, version => { N => '' . ($version{$aggregate}++ // 0) }, commitId => { N => "$id" },
		committedAt => { N => '' . (1500000000000 + 1000 * $n + $n % 1000) }, active => { S => 't' },
		events => { S => qq([{"zeta":$n,"type":"d\x{e9}posited","alpha":1.50,"zeta":null}]) }, $n % 3 == 0 ? (author => { S => "user $n" }) : () };
}
$plain->put_all('original', @original);
my $version = $version{'account-7'};
$plain->put('original-counters', { name => { S => 'commits' }, id => { N => "$id" } });
is(scalar @{ items('original') }, $commits, "a store of $commits commits");

# It is copied, cancelled in the middle, and cut off; what is resumed is equal.
create_store('copy');
my $copy = 'INSERT INTO copy SELECT * FROM original_open ORDER BY commit_id';
$fault->rules({ name => 'held', operation => 'PutItem', skip => int($commits / 3), before => 'stall' });
$session->send($copy);
$fault->wait_for(event => 'request', rule => 'held');
$session->wait_until_waiting($observer);
$observer->query("SELECT pg_cancel_backend(@{[ $session->pid ]})");
my $result = $session->result;
is($result->{error}{sqlstate}, '57014', 'cancelled: the statement ends');
like(warnings_of($result), qr/\A\d+ commits of the rolled back transaction stay stored in DynamoDB \(The counter may be behind their ids\. Repeat the import with ON CONFLICT DO NOTHING, or call dynamodb_es_set_head\.\)\z/, 'cancelled: a warning says what stays, and what the counter is');
is(counter('copy'), 0, 'cancelled: the counter was not raised any more');
like(join('|', map { $_->[1] } $session->query(q{SELECT * FROM dynamodb_es_check('copy_open')})), qr/the counter is at 0, and there are commits up to \d+/, 'cancelled: the check says so');
$fault->rules({ operation => 'PutItem', skip => int($commits / 3), before => 'close' });
$result = run("$copy ON CONFLICT DO NOTHING");
is($result->{error}{sqlstate}, '08007', 'cut off: the statement fails');
cmp_ok(counter('copy'), '>=', largest('copy'), 'cut off: the counter is raised to what was stored');
unlike(warnings_of($result), qr/counter/, 'cut off: so the warning does not speak of it');
my $stored = @{ items('copy') };
cmp_ok($stored, '<', $commits, 'cut off: a part is missing');
$fault->rules;
$result = run("$copy ON CONFLICT DO NOTHING");
is($result->{tag}, 'INSERT 0 ' . ($commits - $stored), 'resumed: it appends what was missing');
is_store('copy', 'original', 'resumed');
is_deeply(counters('copy'), counters('original'), 'resumed: the counter is the original\'s, and no id is noted as burned');
is_deeply([ $session->query(q{SELECT * FROM dynamodb_es_check('copy_open')}) ], [], 'resumed: the check finds nothing');
is($session->query(qq{INSERT INTO copy_open (aggregate_id, version, events) VALUES ('account-7', $version, '[]') RETURNING commit_id}), $id + 1, 'the next append gets the next id');

# No counter is asked, and it is raised once.
create_store('small');
sub operations { my @operations = $fault->operations; return join ' ', @operations }
sub try_small { my ($sql) = @_; $fault->rules; return $session->try($sql) }
my $columns = '(commit_id, committed_at, aggregate_id, version, events)';
$result = try_small("INSERT INTO small $columns VALUES (7, '2020-01-01Z', 'a', 0, '[]'), (5, '2019-01-01 00:00:00.123456Z', 'b', 3, '[1]') RETURNING commit_id, version, committed_at AT TIME ZONE 'UTC'");
is_deeply($result->{rows}, [ [ 7, 0, '2020-01-01 00:00:00' ], [ 5, 3, '2019-01-01 00:00:00.123' ] ], 'RETURNING shows what was brought');
is(operations(), 'PutItem PutItem UpdateItem', 'a put for each row, and one for the counter');
is(counter('small'), 7, 'the counter is at the largest id');
is_deeply(items('small'), [ sort map { $json->encode($_) }
	{ aggregateId => { S => 'a' }, version => { N => '0' }, commitId => { N => '7' }, committedAt => { N => '1577836800000' }, events => { S => '[]' }, active => { S => 't' } },
	{ aggregateId => { S => 'b' }, version => { N => '3' }, commitId => { N => '5' }, committedAt => { N => '1546300800123' }, events => { S => '[1]' }, active => { S => 't' } } ],
	'the items have what 1.x writes, and no more');
$result = try_small("INSERT INTO small $columns VALUES (3, '2020-01-01Z', 'a', 1, '[]')");
is(counter('small'), 7, 'the counter is never lowered');
my ($explained) = try_small("EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF) INSERT INTO small $columns VALUES (4, '2020-01-01Z', 'x', 0, '[]'), (6, '2020-01-01Z', 'y', 0, '[]')");
like(join("\n", map { @$_ } @{ $explained->{rows} }), qr/Requests: 3\n/, 'EXPLAIN ANALYZE counts the request for the counter, too');
is(operations(), 'PutItem PutItem UpdateItem', 'which is sent once');
$result = try_small("INSERT INTO small $columns VALUES (7, '2020-01-01Z', 'a', 0, '[]')");
is("$result->{error}{sqlstate} $result->{error}{hint}", '23505 ON CONFLICT DO NOTHING passes over what was imported before.', 'a version that exists, though the row is the same');
$fault->rules({ operation => 'PutItem', times => 1, after => 'close' });
is($session->try("INSERT INTO small $columns VALUES (1, '2020-01-01Z', 'lost', 0, '[]')")->{tag}, 'INSERT 0 1', 'a put whose answer is lost, and which is sent again, is no conflict with itself');
like(operations(), qr/\APutItem PutItem (?:GetItem )?UpdateItem\z/, 'it was sent again');
$fault->rules({ operation => 'PutItem', times => 1, again => 0 });
$result = $session->try("INSERT INTO small $columns VALUES (2, '2020-01-01Z', 'doubled', 0, '[]')");
like("$result->{error}{sqlstate} $result->{error}{hint}", qr/\A23505 ON CONFLICT DO NOTHING passes/, 'one that the network doubles unseen counts as there, and the hint says what to do');
$fault->rules;
is($session->try("INSERT INTO small $columns VALUES (2, '2020-01-01Z', 'doubled', 0, '[]') ON CONFLICT DO NOTHING")->{tag}, 'INSERT 0 0', 'so the statement goes on behind it');
$result = try_small("INSERT INTO small $columns VALUES (7, '2020-01-01Z', 'a', 0, '[]'), (8, '2020-01-01Z', 'a', 2, '[]') ON CONFLICT DO NOTHING");
is($result->{tag}, 'INSERT 0 1', 'ON CONFLICT DO NOTHING passes over it');
is(counter('small'), 8, 'and the counter follows');
is($session->try(qq{COPY small $columns FROM PROGRAM 'printf "9\\t2020-01-01Z\\tc\\t0\\t[]\\n10\\t2020-01-01Z\\td\\t0\\t[]\\n"'})->{tag}, 'COPY 2', 'COPY');
is(counter('small'), 10, 'COPY raises it too');
$result = try_small(qq{INSERT INTO small (commit_id, committed_at, aggregate_id, version, events, "appendedAt") VALUES (11, '2020-01-01Z', 'e', 0, '[]', 1577836800999)});
is_deeply([ map { $_->{appendedAt}{N} // () } $plain->scan('small') ], [ 1577836800999 ], 'the time of the original\'s append is kept where there is a column for it');

# What cannot be imported is refused before any request.
my $before = items('small');
for my $case ([ 'no commit id', '23502', "NULL, now(), 'x', 0, '[]'", qr/null value in column "commit_id"/ ], [ 'no time', '23502', "20, NULL, 'x', 0, '[]'", qr/null value in column "committed_at"/ ],
	[ 'no version', '23502', "20, now(), 'x', NULL, '[]'", qr/null value in column "version"/ ], [ 'a commit id of 0', '22023', "0, now(), 'x', 0, '[]'", qr/cannot be stored as a commit/ ],
	[ 'a commit id below 0', '22023', "-1, now(), 'x', 0, '[]'", qr/cannot be stored as a commit/ ],
	[ 'the last commit id there is', '22003', "9223372036854775807, now(), 'x', 0, '[]'", qr/cannot be stored as a commit/ ],
	[ 'one id twice', '23505', "20, now(), 'x', 0, '[]'), (20, now(), 'y', 0, '[]'", qr/two rows have one commit id/ ])
{
	my ($what, $sqlstate, $row, $message) = @$case;
	for my $more ('', ' ON CONFLICT DO NOTHING')
	{
		$result = try_small("INSERT INTO small $columns VALUES ($row)$more");
		is($result->{error}{sqlstate}, $sqlstate, "$what$more: refused");
		like($result->{error}{message}, $message, "$what$more: the message");
		is(operations(), '', "$what$more: nothing is asked for");
	}
}
is_deeply(items('small'), $before, 'and nothing is stored');

# Rows that do not go together, here since RETURNING looks at each: an id is remembered.
my $far = q{VALUES (20, '2020-01-01Z'::timestamptz, 'far-1', 0, '[]'::json), (21, '2020-01-01Z', 'far-2', 0, '[]'), (20, '2020-01-01Z', };
for my $case ([ 'one id twice, far apart', "'far-3', 0, '[]')", '23505 two rows have one commit id for foreign table "small"' ], [ 'one row twice, far apart', "'far-1', 0, '[]')", '23505 version already exists in foreign table "small"' ])
{
	my ($what, $row, $expected) = @$case;
	$result = try_small("INSERT INTO small $columns $far$row RETURNING version");
	is("$result->{error}{sqlstate} $result->{error}{message}", $expected, "$what: refused");
	is(scalar(grep { $_->{aggregateId}{S} eq 'far-3' } $plain->scan('small')), 0, "$what: it is not stored");
	$plain->call(DeleteItem => { TableName => 'small', Key => { aggregateId => { S => $_ }, version => { N => '0' } } }) for 'far-1', 'far-2';
}
is(try_small("INSERT INTO small $columns ${far}'far-1', 0, '[]') ON CONFLICT DO NOTHING RETURNING version")->{tag}, 'INSERT 0 2', 'one row twice, far apart: ON CONFLICT DO NOTHING passes over it');
is(try_small("INSERT INTO small $columns ${far}'far-3', 0, '[]') ON CONFLICT DO NOTHING RETURNING version")->{error}{sqlstate}, '23505', 'but not over another one, also where the first was there before');
$session->query(q{CREATE FOREIGN TABLE narrow (aggregate_id text, version bigint, events json) SERVER faulty OPTIONS (append_mode 'import')});
is($session->try(q{INSERT INTO narrow VALUES ('a', 0, '[]')})->{error}{sqlstate}, 'HV005', 'a table without the columns for it');
is($session->try(q{INSERT INTO small_open (commit_id, aggregate_id, version, events) VALUES (1, 'a', 9, '[]')})->{error}{sqlstate}, '428C9', 'in other modes the store gives the ids');

# A row that fails behind ones that are stored: the counter has followed. At the end of a statement it must.
$fault->rules;
$result = $session->try("INSERT INTO small $columns SELECT 100 + n, now(), 'f' || n, 0, CASE WHEN n < 401 THEN '[]' ELSE '{}' END::json FROM generate_series(1, 500) n");
is($result->{error}{sqlstate}, '22023', 'a row that is none, behind many');
like(warnings_of($result), qr/\A400 commits .*The counter may be behind/, 'what was stored before it stays, and the counter may be behind');
is(counter('small'), 21, 'it is');
$fault->rules({ operation => 'UpdateItem', answer => { status => 400, body => { __type => 'com.amazonaws.dynamodb.v20120810#AccessDeniedException', message => 'no' } } });
$result = $session->try("INSERT INTO small $columns VALUES (2000, now(), 'g', 0, '[]')");
is($result->{error}{sqlstate}, '42501', 'a counter that cannot be raised is an error');
like(warnings_of($result), qr/\A1 commit .*The counter may be behind/, 'and its commit stays');
$fault->rules;
is($session->try("INSERT INTO small $columns VALUES (2000, now(), 'g', 0, '[]') ON CONFLICT DO NOTHING")->{tag}, 'INSERT 0 0', 'once more: nothing is left to be stored');
is(counter('small'), 2000, 'and the counter is raised to what is there');
$fault->rules({ operation => 'UpdateItem', answer => { status => 400, body => { __type => 'com.amazonaws.dynamodb.v20120810#AccessDeniedException', message => 'no' } } });
is($observer->try("INSERT INTO small $columns VALUES (2000, now(), 'g', 0, '[]') ON CONFLICT DO NOTHING")->{error}{sqlstate}, '42501', 'a session that has stored nothing: its error is the counter\'s');
$fault->rules;
like(warnings_of($observer->try("BEGIN; INSERT INTO small_open (aggregate_id, version, events) VALUES ('h', 0, '[]'); ROLLBACK")), qr/\A1 commit .*\(An append cannot be taken back\.\)/, 'and its next transaction is not told of that');
like(warnings_of($session->try("BEGIN; INSERT INTO small $columns VALUES (2001, now(), 'g', 1, '[]'); ROLLBACK")), qr/\(An append cannot be taken back\.\)/, 'a rollback behind the statement: the counter is not behind');

# A dump of a store is restored into another one.
create_store('restored');
$plain->put_all('original', { aggregateId => { S => 'odd' }, version => { N => '0' }, commitId => { N => '1000000' }, committedAt => { N => '1' }, active => { S => 't' },
	events => { S => qq(["tab\\t, backslash \\\\, new\\nline"]) }, author => { S => "tab\t, backslash \\, new\nline" } });
my $file = "$PostgreSQL::Test::Utils::tmp_check/dump.sql";
my @dump = ('pg_dump', '--dbname', $node->connstr('postgres'), '--include-foreign-data', 'faulty', '--data-only', '--table', 'original', '--file', $file);
sub restore { my $sql = slurp_file($file) =~ s/public\.original\b/public.restored/gr; append_to_file("$file.restored", $sql); $node->command_ok([ 'psql', '-X', '-v', 'ON_ERROR_STOP=1', '--dbname', $node->connstr('postgres'), '-f', "$file.restored" ], $_[0]); unlink "$file.restored"; return }
command_ok(\@dump, 'pg_dump takes what is in the store');
restore('psql restores it');
is_store('restored', 'original', 'a dump that is restored');
is(counter('restored'), 1000000, 'a dump that is restored: the counter is at the largest id');
my @some = (splice(@original, 0, 10));
$plain->call(DeleteItem => { TableName => 'restored', Key => { aggregateId => $_->{aggregateId}, version => $_->{version} } }) for @some;
command_ok([ @dump, '--rows-per-insert', '100', '--on-conflict-do-nothing' ], 'pg_dump with INSERTs that pass over what is there');
restore('psql restores what is missing');
is_store('restored', 'original', 'a dump that is restored once more');

# Whoever follows the copy has not to wait: what is missing is as old as the commits around it.
$session->query(q{CREATE FOREIGN TABLE feed (commit_id bigint, committed_at timestamptz, aggregate_id text, version bigint) SERVER commits_server
  OPTIONS (commit_table 'restored', counter_table 'restored-counters', consistent_prefix 'true')});
is($session->query('SELECT count(*) FROM feed WHERE commit_id > 0'), $commits + 1, 'a feed of the copy shows all of it at once, over the gaps of the original');

# A dense history goes on as a dense store, where there are transactions.
if ($ENV{DYNAMODB_ENGINE} eq 'local')
{
	create_store('dense');
	$session->query(q{INSERT INTO dense (commit_id, committed_at, aggregate_id, version, events) SELECT n, '2020-01-01Z', 'a' || n % 3, n / 3, '[]' FROM generate_series(1, 300) n});
	$session->query(q{ALTER FOREIGN TABLE dense_open OPTIONS (ADD append_mode 'dense')});
	is($session->query(q{INSERT INTO dense_open (aggregate_id, events) VALUES ('a1', '[]'), ('new', '[]') RETURNING commit_id}), 301, 'dense appends go on behind it');
	$session->query(q{CREATE FOREIGN TABLE dense_feed (commit_id bigint, aggregate_id text) SERVER commits_server
	  OPTIONS (commit_table 'dense', counter_table 'dense-counters', consistent_prefix 'true', dense_since '0')});
	is($session->query('SELECT count(*) FROM dense_feed WHERE commit_id > 0'), 302, 'and a feed finds no gap');
}
$session->close;
$observer->close;
done_testing();
