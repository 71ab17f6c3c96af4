# Conditions on committed_at become a range of commit ids where the table declares how much the times can be out of order: no row is lost or
# added, whatever the order within that, and little is read. What the search does by itself is test_time_bound's.
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
$node->append_conf('postgresql.conf', "autovacuum = off\njit = off\ntimezone = 'UTC'");
$node->start;

my $proxy = Fault->new($ENV{DYNAMODB_ENDPOINT});
my $plain = PlainDynamoDB->new($ENV{DYNAMODB_ENDPOINT}, 'AKIDEXAMPLE');
my $slack = 700;
my $commits = 3000;

srand 3;
my $admin = Session->new($node);
$admin->create_table('commits', $proxy->endpoint);
$admin->query(<<SQL);
SELECT dynamodb_es_create_tables('commits');
CREATE FOREIGN TABLE timed (commit_id bigint, committed_at timestamptz, aggregate_id text, version bigint, events jsonb)
  SERVER commits_server OPTIONS (committed_at_slack_ms '$slack');
CREATE FOREIGN TABLE replaced (commit_id bigint, committed_at timestamptz, aggregate_id text, version bigint, events jsonb)
  SERVER commits_server OPTIONS (committed_at_slack_ms '$slack', unreadable 'replace');
CREATE FOREIGN TABLE guessed (commit_id bigint, committed_at timestamptz, aggregate_id text, version bigint, events jsonb)
  SERVER commits_server OPTIONS (committed_at_slack_ms '$slack', unreadable 'replace');
CREATE FOREIGN TABLE in_ms (commit_id bigint, committed_at bigint, aggregate_id text, version bigint)
  SERVER commits_server OPTIONS (committed_at_slack_ms '$slack');
CREATE FOREIGN TABLE shown (commit_id bigint, committed_at timestamptz, aggregate_id text, version bigint, events jsonb)
  SERVER commits_server OPTIONS (unreadable 'replace');
CREATE FOREIGN TABLE feed (commit_id bigint, committed_at timestamptz, aggregate_id text, version bigint, events jsonb)
  SERVER commits_server OPTIONS (consistent_prefix 'true', committed_at_slack_ms '$slack');
SQL

# Ids with gaps, times that go back by the slack at most, at a pace that changes; of a few commits the time is missing, or none.
my ($id, $highest, @items) = (0, 1_767_225_600_000);
for my $n (1 .. $commits)
{
	$id += 1 + (rand() < 0.1 ? int rand 20 : 0);
	$highest += int rand($n < 1000 ? 2000 : $n < 2000 ? 100 : 20000);
	my $time = $highest - (rand() < 0.3 ? int rand $slack + 1 : 0);
	push @items, { aggregateId => { S => 'a' . $n % 50 }, version => { N => int($n / 50) . '' }, commitId => { N => "$id" }, active => { S => 't' },
		events => { S => "[$n]" }, $n % 500 == 7 ? () : (committedAt => $n % 500 == 8 ? { S => 'yesterday' } : { N => "$time" }) };
}
$plain->put_all(commits => @items);
$plain->put(counters => { name => { S => 'commits' }, id => { N => "$id" } });
$admin->query('CREATE TABLE copied AS SELECT * FROM shown; CREATE INDEX ON copied (committed_at); ANALYZE copied; ANALYZE replaced');
is($admin->query('SELECT count(*) FROM copied'), $commits, 'a local copy of the store');
is($admin->query('SELECT count(*) FROM copied WHERE committed_at IS NULL'), 2 * $commits / 500, 'in which some times are none');
$admin->query('ANALYZE timed');		# the rows that cannot be read are left out, with a WARNING

my $session = Session->new($node);

# The plan of a statement's scan of a store, as EXPLAIN (ANALYZE) has it.
sub scan_of
{
	my ($sql, $options) = @_;
	my @nodes = decode_json(scalar $session->query("EXPLAIN ($options, FORMAT JSON) $sql"))->[0]{Plan};
	while (my $plan = shift @nodes)
	{
		return $plan if $plan->{'Node Type'} eq 'Foreign Scan';
		push @nodes, @{ $plan->{Plans} // [] };
	}
	return {};
}

sub rows { my ($sql, $table) = @_; return join "\n", map { join '|', map { $_ // 'NULL' } @$_ } $session->query($sql =~ s/%T/$table/gr) }
my $columns = 'commit_id, committed_at, aggregate_id, version, events';

note 'any condition';
my @moments = map { $_->[0] } $session->query('SELECT committed_at FROM copied WHERE committed_at IS NOT NULL ORDER BY md5(commit_id::text) LIMIT 60');
sub moment
{
	my $at = $moments[ rand @moments ];
	my @forms = ("timestamptz '$at'", "timestamptz '$at' + interval '1 microsecond'", "timestamptz '$at' - interval '1 microsecond'",
		"timestamptz '$at' + interval '@{[ int rand 900 ]} ms'", "timestamp '$at'", "'$at'::timestamptz::date", "(timestamptz '$at' - now()) + now()",
		"(SELECT max(committed_at) FROM copied WHERE committed_at <= '$at')", "timestamptz 'infinity'", "timestamptz '-infinity'", "date '2025-12-31'", "timestamptz '2100-01-01'", 'NULL::timestamptz');
	return $forms[ rand() < 0.7 ? rand 5 : rand @forms ];
}
my ($different, $bounded, $spared) = ('', 0, 0);
for my $n (1 .. 120)
{
	my @conditions = (
		sub { 'committed_at ' . (qw(< <= = >= >))[ rand 5 ] . ' ' . moment() },
		sub { moment() . ' ' . (qw(< <= = >= >))[ rand 5 ] . ' committed_at' },
		sub { my @m = sort { $a cmp $b } @moments[ rand @moments, rand @moments ]; "committed_at BETWEEN '$m[0]' AND '$m[1]'" },
		sub { my $m = moment(); "committed_at >= $m AND committed_at < $m + interval '@{[ int rand 5000 ]} s'" },
		sub { 'committed_at IN (' . join(', ', map { "'$_'" } @moments[ rand @moments, rand @moments ]) . ')' },
		sub { '(committed_at < ' . moment() . ' OR committed_at > ' . moment() . ')' },
		sub { '(committed_at, version) > (' . moment() . ', 20)' });
	my $condition = $conditions[ rand @conditions ]->();
	$condition .= ' AND commit_id ' . (qw(< > >=))[ rand 3 ] . ' ' . int rand $id if rand() < 0.2;
	$condition .= ' AND version < 30' if rand() < 0.2;
	my $order = ('ORDER BY commit_id', 'ORDER BY commit_id DESC', 'ORDER BY commit_id LIMIT 5', 'ORDER BY commit_id DESC LIMIT 5')[ rand 4 ];
	my $select = rand() < 0.15 ? 'SELECT count(*)' : rand() < 0.1 ? 'SELECT min(commit_id), max(commit_id)' : '';
	my $statement = $select ? "$select FROM %T WHERE $condition" : "SELECT $columns FROM %T WHERE $condition $order";
	# What is compared here, and not by DynamoDB, would meet the values that are no times.
	my $table = $n % 2 || $condition =~ /version\) >|SELECT/ ? 'replaced' : 'timed';
	my $analyzed = scan_of($statement =~ s/%T/$table/r, 'ANALYZE');
	$bounded++ if $analyzed->{'Time Bound'};
	$spared += $commits - $analyzed->{'Items Read'} if $analyzed->{'Time Bound'};
	my ($stored, $expected) = map { rows($statement, $_) } $table, 'copied';
	$different .= "$statement\n stored: $stored\n expected: $expected\n" if $stored ne $expected;
}
is($different, '', 'rows, order and counts are those of a local copy');
cmp_ok($bounded, '>', 40, 'many of them were bounded');
cmp_ok($spared, '>', 40 * $commits / 2, 'and read far less than all');

note 'how little is read';
my ($late) = $session->query('SELECT committed_at FROM copied WHERE committed_at IS NOT NULL ORDER BY commit_id DESC OFFSET 20 LIMIT 1');
my $statement = "SELECT commit_id FROM timed WHERE committed_at >= '$late->[0]'";
my $fresh = Session->new($node);
sub measured
{
	my ($sql) = @_;
	$proxy->rules;
	my @rows = $fresh->query($sql);
	return { requests => scalar($proxy->events('request')), rows => scalar @rows, items => eval { my $sum = 0; $sum += $_->{scanned} // 0 for $proxy->events('answer'); $sum } };
}
my $first = measured($statement);
cmp_ok($first->{requests}, '<=', 8, 'the last commits by time: few requests');
cmp_ok($first->{items}, '<=', 21 + 20 + 100 + 8, '… for few items');
cmp_ok(measured($statement)->{requests}, '<=', 3, 'and fewer when it is asked again');
is(scan_of("SELECT commit_id FROM timed WHERE committed_at >= '$late->[0]'", 'COSTS OFF')->{'Time Bound'}, "committedAt >= '$late->[0]'::timestamp with time zone", 'EXPLAIN shows the bound');
my $explained = scan_of($statement, 'ANALYZE');
ok($explained->{'Time Bound Requests'} > 0 && $explained->{'Time Bound Requests'} < $explained->{Requests}, 'EXPLAIN ANALYZE shows its requests');
like(scan_of("SELECT commit_id FROM timed WHERE committed_at >= now() - interval '1 hour'", 'COSTS OFF')->{'Time Bound'}, qr/^committedAt >= \(now\(\) - '01:00:00'::interval\)$/, 'so of a moment that is known only then');
is($session->query(q{SELECT count(*) FROM timed WHERE committed_at > now() + interval '1 day'}), 0, 'nothing lies in the future');
is(measured('SELECT commit_id FROM timed WHERE committed_at > NULL::timestamptz OR committed_at < NULL')->{requests}, 0, 'NULL asks nothing');
is(measured(q{SELECT commit_id FROM timed WHERE committed_at > 'infinity'})->{requests}, 0, 'nor does infinity');

note 'where it is worth it';
ok(!scan_of("SELECT * FROM timed WHERE committed_at >= '2026-01-01'", 'COSTS OFF')->{'Time Bound'}, 'not for nearly all of the store');
ok(!scan_of("SELECT * FROM commits WHERE committed_at >= '$late->[0]'", 'COSTS OFF')->{'Time Bound'}, 'not where nothing is declared');
my $of_aggregate = scan_of("SELECT * FROM timed WHERE aggregate_id = 'a3' AND committed_at >= '$late->[0]'", 'COSTS OFF');
is_deeply([ @$of_aggregate{ 'Time Bound', 'Key Condition' } ], [ undef, q{aggregateId = 'a3'::text} ], 'not where an aggregate is read');
ok(!scan_of("SELECT * FROM feed WHERE committed_at >= '$late->[0]'", 'COSTS OFF')->{'Time Bound'}, 'nor in a feed, which is a prefix');
$session->query(q{ALTER FOREIGN TABLE timed OPTIONS (SET committed_at_slack_ms '31536000000')});
ok(!scan_of($statement, 'COSTS OFF')->{'Time Bound'}, 'nor where the slack is longer than the store');
$session->query("ALTER FOREIGN TABLE timed OPTIONS (SET committed_at_slack_ms '$slack')");

note 'other forms';
my ($ms) = map { $_->[0] } $session->query("SELECT (extract(epoch FROM timestamptz '$late->[0]') * 1000)::bigint");
is(rows("SELECT commit_id FROM %T WHERE committed_at >= $ms ORDER BY commit_id", 'in_ms'), rows("SELECT commit_id FROM %T WHERE committed_at >= '$late->[0]' ORDER BY commit_id", 'copied'), 'a column of milliseconds');
ok(scan_of("SELECT commit_id FROM in_ms WHERE committed_at >= $ms", 'COSTS OFF')->{'Time Bound'}, '… is bounded, too');
$session->query("CREATE TEMP TABLE windows AS SELECT n, committed_at AS opened, committed_at + interval '10 s' AS closed FROM (SELECT row_number() OVER (ORDER BY commit_id) n, committed_at FROM copied WHERE committed_at IS NOT NULL) c WHERE n % 250 = 0; ANALYZE windows");
my $join = 'SELECT n, commit_id FROM windows JOIN %T t ON t.committed_at >= opened AND t.committed_at < closed ORDER BY n, commit_id';
my $joined = scan_of($join =~ s/%T/guessed/r, 'ANALYZE');
ok($joined->{'Time Bound'} && $joined->{'Actual Loops'} > 5, 'a join by time is bounded for each row') or diag(explain $joined);
is(rows($join, 'guessed'), rows($join, 'copied'), '… and right');
my $lateral = 'SELECT n, commit_id FROM windows, LATERAL (SELECT commit_id FROM %T WHERE committed_at >= opened ORDER BY commit_id LIMIT 3) t ORDER BY n, commit_id';
ok(scan_of($lateral =~ s/%T/timed/r, 'ANALYZE')->{'Time Bound'}, 'so is a lateral subquery');
is(rows($lateral, 'timed'), rows($lateral, 'copied'), '… and right');
$session->query('SET plan_cache_mode = force_generic_plan; PREPARE since (timestamptz) AS SELECT commit_id FROM timed WHERE committed_at > $1 ORDER BY commit_id');
is(join(' ', map { $_->[0] } $session->query("EXECUTE since ('$late->[0]')")), join(' ', map { $_->[0] } $session->query("SELECT commit_id FROM copied WHERE committed_at > '$late->[0]' ORDER BY commit_id")), 'a parameter');

my $union = join ' UNION ALL ', map { "SELECT commit_id FROM $_ WHERE committed_at >= '$late->[0]'" } qw(timed guessed);
like(join("\n", map { $_->[0] } $session->query("EXPLAIN (COSTS OFF) $union")), qr/(Async Foreign Scan.*Time Bound.*){2}/s, 'two scans side by side, each with a bound');
is(join(' ', sort map { $_->[0] } $session->query($union)), join(' ', sort map { ($_->[0]) x 2 } $session->query("SELECT commit_id FROM copied WHERE committed_at >= '$late->[0]'")), '… return the rows of both');

note 'the option';
for my $value ('-1', '1.5', '', 'a minute', '31536000001')
{
	is($session->try("ALTER FOREIGN TABLE commits OPTIONS (ADD committed_at_slack_ms '$value')")->{error}{sqlstate}, 'HV024', "'$value' is refused");
}
like($session->try(q{ALTER SERVER commits_server OPTIONS (ADD committed_at_slack_ms '1')})->{error}{hint}, qr/belongs to a foreign table/, 'and it is no option of a server');

note 'dynamodb_es_first_commit';
my $wrong = '';
for (1 .. 25)
{
	my $at = moment();
	$at =~ s/^'(.*)'::timestamptz::date$/'$1'::timestamptz/;
	my ($found, $expected) = map { scalar $session->query($_) } "SELECT dynamodb_es_first_commit('timed', $at)", "SELECT min(commit_id) FROM copied WHERE committed_at >= $at";
	$wrong .= "$at: " . ($found // 'NULL') . ' for ' . ($expected // 'NULL') . "\n" if ($found // 'NULL') ne ($expected // 'NULL');
}
is($wrong, '', 'is the first commit at a moment or after it');
sub first_commit { my ($at) = @_; return scalar $session->query("SELECT dynamodb_es_first_commit('timed', $at)") }
my $first_timed = $session->query('SELECT commit_id FROM copied WHERE committed_at IS NOT NULL ORDER BY commit_id LIMIT 1');
is(first_commit($_), $first_timed, "… before all: $_") for q{'-infinity'}, q{'1970-01-01Z'};
is(first_commit($_), undef, "… after all, none: $_") for q{'infinity'}, q{now() + interval '1 year'}, 'NULL';
is($session->query(q{SELECT dynamodb_es_first_commit('feed', '-infinity')}), $session->query('SELECT min(commit_id) FROM copied WHERE committed_at IS NOT NULL'), '… also of a feed table');
is($session->try(q{SELECT dynamodb_es_first_commit('commits', now())})->{error}{sqlstate}, '55000', '… not where nothing is declared');
is($session->try(q{SELECT dynamodb_es_first_commit('copied', now())})->{error}{sqlstate}, '42809', '… nor of a local table');
$session->query('CREATE ROLE nobody; SET ROLE nobody');
is($session->try(q{SELECT dynamodb_es_first_commit('timed', now())})->{error}{sqlstate}, '42501', '… nor without SELECT');
$session->query('RESET ROLE');

note 'what was known of another store misleads nobody';
$session->query(q{SELECT dynamodb_es_drop_tables('timed')});
$session->query(q{SELECT dynamodb_es_create_tables('timed')});
is(first_commit(q{'-infinity'}), undef, 'an empty store has no first commit');
$plain->put_all(commits => map { { aggregateId => { S => 'b' }, version => { N => "$_" }, commitId => { N => "$_" }, active => { S => 't' }, events => { S => '[]' },
	committedAt => { N => '' . (1_900_000_000_000 + 1000 * $_) } } } 1 .. 500);
is($session->query(q{SELECT count(*) FROM timed WHERE committed_at >= '2030-03-17 17:46:41Z'}), 500, 'later commits with lower ids are all found');
is($session->query(q{SELECT min(commit_id) FROM timed WHERE committed_at > '2030-03-17 17:50:00Z'}), 201, '… and where a moment lies among them');

note 'what was declared wrongly';
$plain->put(commits => { aggregateId => { S => 'c' }, version => { N => '0' }, commitId => { N => '501' }, active => { S => 't' }, events => { S => '[]' }, committedAt => { N => '1' } });
is($session->query(q{SELECT count(*) FROM timed WHERE committed_at < '2000-01-01'}), 0, 'a commit that is earlier than the declaration allows is not found by time');
is($session->query(q{SELECT count(*) FROM commits WHERE committed_at < '2000-01-01'}), 1, '… where nothing is declared it is');

note 'while it waits';
$session->create_table('silent', $proxy->endpoint, connect_timeout_ms => 600000, request_timeout_ms => 600000);
$session->query(q{ALTER FOREIGN TABLE silent OPTIONS (ADD committed_at_slack_ms '0')});
ends_at_once($node, $session, 'a search for a bound', sql => 'SELECT * FROM silent WHERE committed_at >= now()', seen => 1,
	works => [ 'SELECT count(*) FROM copied', $commits ],
	prepare => sub { $proxy->rules({ name => 'caught', before => 'stall' }) },
	reached => sub { $proxy->wait_for(operation => 'Query', rule => 'caught') });
$node->stop;
$proxy->stop;
done_testing();
