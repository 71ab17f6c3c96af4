# A store whose two tables were restored from different moments: each step of doc/howto/restore.md, run as it stands there on items as a restore leaves
# them, and what comes is what it shows; and what the check finds in each state that the page lists.
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
$node->start;
my $plain = PlainDynamoDB->new($ENV{DYNAMODB_ENDPOINT}, 'AKIDEXAMPLE');
my $session = Session->new($node);
$session->query('SET timezone = UTC');
$session->query(<<SQL);
CREATE EXTENSION dynamodb_es;
CREATE SERVER store FOREIGN DATA WRAPPER dynamodb_es OPTIONS (region 'us-east-1', endpoint '$ENV{DYNAMODB_ENDPOINT}');
CREATE USER MAPPING FOR CURRENT_USER SERVER store OPTIONS (access_key_id 'AKIDEXAMPLE', secret_access_key 'hush-secret');
CREATE FOREIGN TABLE commits (commit_id bigint, committed_at timestamptz, aggregate_id text, version bigint, events jsonb) SERVER store;
SELECT dynamodb_es_create_tables('commits');
CREATE TABLE balances (account text PRIMARY KEY, balance numeric NOT NULL);
CREATE FUNCTION apply_balances(batch commits[]) RETURNS void LANGUAGE sql AS \$\$
  INSERT INTO balances AS b SELECT aggregate_id, count(*) FROM unnest(batch) GROUP BY 1 ON CONFLICT (account) DO UPDATE SET balance = b.balance + excluded.balance \$\$;
CREATE TABLE commits_mirror (commit_id bigint PRIMARY KEY, committed_at timestamptz, aggregate_id text, version bigint, events jsonb);
CREATE FUNCTION mirror_commits(batch commits[]) RETURNS void LANGUAGE sql AS \$\$ INSERT INTO commits_mirror SELECT commit_id, committed_at, aggregate_id, version, events FROM unnest(batch) \$\$;
SELECT dynamodb_es_create_projection('balances', 'apply_balances');
SELECT dynamodb_es_create_projection('mirror', 'mirror_commits');
SQL
sub append { my ($from, $to) = @_; $session->query("INSERT INTO commits (aggregate_id, version, events) SELECT 'account-1', n - 1, '[1]' FROM generate_series($from, $to) n"); return }
sub follow { my ($name, $to) = @_; ok(Session::comes(sub { $session->query("SELECT dynamodb_es_run('$name')"); $session->query("SELECT position FROM dynamodb_es_projections WHERE name = '$name'") == $to }), "$name is at $to"); return }
append(1, 17);
follow('mirror', 17);
append(18, 20);
follow('balances', 20);
my @before = $plain->scan('commits');

# Tables as a restore leaves them: the commits up to an id, and the counter at another one, or without its item.
sub restore
{
	my ($commits, $counters, $upto, $head) = @_;
	$plain->create_store($commits, $counters);
	$plain->put_all($commits, grep { my $id = "$_->{commitId}{N}"; $id <= $upto } @before);      # a text that was compared with a number becomes one in JSON
	$plain->put($counters, { name => { S => 'commits' }, id => { N => "$head" } }) if defined $head;
	return;
}

# What the check finds in each state.
my $n = 0;
for my $case (
	[ 'the counter is older', 15, 12, '', 'error the counter is at 12, and there are commits up to 15: ids are given out twice' ],
	[ 'the counter is missing', 15, undef, '', 'error the counter is at 0, and there are commits up to 15: ids are given out twice' ],
	[ 'the counter is newer', 15, 20, '', '' ],
	[ 'the counter is newer, looked at deeply', 15, 20, ', deep => true', 'warning no commit has commit ids 16 to 20, and no note says that they were burned' ],
	[ 'the counter is older, and somebody has appended', 15, 12, ', deep => true',
		'error the counter is at 14, and there are commits up to 15: ids are given out twice|error commit id 13 was given out twice|error commit id 14 was given out twice',
		q{INSERT INTO state (aggregate_id, version, events) VALUES ('new', 0, '[]'), ('new', 1, '[]')} ])
{
	my ($what, $upto, $head, $deep, $findings, @more) = @$case;
	my ($commits, $counters) = ("state-" . ++$n, "state-counters-$n");
	restore($commits, $counters, $upto, $head);
	$session->query("CREATE FOREIGN TABLE state (commit_id bigint, aggregate_id text, version bigint, events jsonb) SERVER store OPTIONS (commit_table '$commits', counter_table '$counters')");
	$session->query($_) for @more;
	is(join('|', sort map { "$_->[0] $_->[1]" } $session->query("SELECT severity, what FROM dynamodb_es_check('state'$deep)")), join('|', sort split /\|/, $findings), "$what: what the check finds");
	$session->query('DROP FOREIGN TABLE state');
}

# The page, block by block.
restore('commits-restored', 'counters-restored', 15, 12);
my $page = do { open my $file, '<', "$FindBin::RealBin/../doc/howto/restore.md" or die $!; local $/; <$file> };
my @blocks;
push @blocks, [ $1, $2 ] while $page =~ /^```sql\n(.*?)^```\n(?:\n```\n(.*?)^```\n)?/msg;
cmp_ok(scalar @blocks, '>=', 7, 'the page has steps');
my ($end, $came) = ('the block has ended');
{
	local $ENV{PGOPTIONS} = '-c timezone=UTC';
	my $sql = join '', map { "$_->[0]\\echo $end\n" } @blocks;
	IPC::Run::run([ 'psql', '-X', '-d', $node->connstr('postgres') ], '<', \$sql, '>', \$came, '2>&1', IPC::Run::timeout(180));
}
my @came = split /^$end\n/m, $came, -1;
for my $i (0 .. $#blocks)
{
	my ($first) = $blocks[$i][0] =~ /\A(.*)/;
	my $shown = $blocks[$i][1];
	if (!defined $shown)
	{
		unlike($came[$i], qr/^(?:ERROR|WARNING|psql)/m, "$first …: runs");
		next;
	}
	s/[ \t]+$//mg, s/\s+\z// for $came[$i], $shown;
	my $pattern = join '', map { $_ eq "…\n" ? '(?:.*\n)*' : quotemeta } split /(^…\n)/m, "$shown\n";
	like("$came[$i]\n", qr/\A$pattern\z/, "$first …: shows what the page does");
}

# What has come of it: what the copy had is as it was, what nobody had is lost, and the projection is what the store makes of it.
my %is_back = map { ($_->{commitId}{N}, $_) } $plain->scan('commits-restored');
is(join(' ', sort { $a <=> $b } keys %is_back), join(' ', 1 .. 17, 21), 'the store has the restored commits, those of the copy, and the new one');
my @same = grep { my $now = $is_back{ $_->{commitId}{N} }; $now && !grep { $now->{$_->[0]}{ $_->[1] } ne $_->[2] } ([ version => 'N', $_->{version}{N} ], [ committedAt => 'N', $_->{committedAt}{N} ], [ events => 'S', $_->{events}{S} ]) } @before;
is(scalar @same, 17, 'each as it was');
is($session->query('SELECT balance FROM balances'), 17, 'the projection has applied what is there, once');

# A dense store: what was lost is an error of its feeds, until dense_since says that ids up to the counter may be missing.
if ($ENV{DYNAMODB_ENGINE} eq 'local')
{
	restore('dense', 'dense-counters', 17, 20);
	my $names = q{commit_table 'dense', counter_table 'dense-counters'};
	$session->query(qq{CREATE FOREIGN TABLE dense (commit_id bigint, committed_at timestamptz, aggregate_id text, version bigint, events jsonb) SERVER store OPTIONS ($names, append_mode 'dense');
		CREATE FOREIGN TABLE feed (commit_id bigint, aggregate_id text) SERVER store OPTIONS ($names, consistent_prefix 'true', dense_since '0', gap_timeout_ms '1000')});
	is($session->query(q{INSERT INTO dense (aggregate_id, version, events) VALUES ('account-1', 17, '[]') RETURNING commit_id}), 21, 'dense: the next append has the id above the counter');
	ok(Session::comes(sub { $session->query(q{SELECT clock_timestamp() > committed_at + '2 seconds' FROM dense WHERE aggregate_id = 'account-1' AND version = 17}) eq 't' }), 'dense: when that is older than the time-out');
	my $error = $session->try('SELECT max(commit_id) FROM feed WHERE commit_id > 0')->{error};
	is("$error->{sqlstate} $error->{message}", '55000 commit ids of foreign table "feed" are missing: 18-20', 'dense: a feed does not pass over what is lost');
	$session->query(q{ALTER FOREIGN TABLE feed OPTIONS (SET dense_since '20')});
	is($session->query('SELECT max(commit_id) FROM feed WHERE commit_id > 0'), 21, 'dense: dense_since lets it go on');
	is($session->query(q{SELECT commit_id FROM dynamodb_es_append(ARRAY[ROW(NULL, NULL, 'other', 0, '[]')::dense], 20, 'SELECT FROM batch WHERE false')}), 22, 'dense: an append on condition looks at what came behind the gap');
	is($session->query(q{INSERT INTO dense (aggregate_id, events) VALUES ('account-1', '[]') RETURNING commit_id}), 23, 'dense: as the store does');
	ok(Session::comes(sub { $session->query('SELECT count(*) FROM feed WHERE commit_id > 17') == 3 }), 'dense: and shows all once the commits above are old enough');
}
$session->close;
done_testing();
