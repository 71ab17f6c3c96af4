# File descriptors and memory are limited: a backend that has no more of them says so and goes on afterwards, PostgreSQL knows how many the
# connections use, many backends work beside each other, and a thousand changes of the settings leave nothing behind.
# Engine: none
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../test/lib";

use Pages;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Session;
use Test::More;

my $backends = 60;
my $connections = 16;
my $files = 200;                # max_files_per_process
my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->append_conf('postgresql.conf', "autovacuum = off\nmax_connections = " . ($backends + 10) . "\nmax_files_per_process = $files\njit = off\nlog_statement = none");
$node->start;

my $server = Pages->new;
my $observer = Session->new($node);
my @segments = map { $_ => [ 3, 2 ] } 0 .. $connections - 1;
my $rows = 5 * $connections;
$observer->create_table('commits', $server->endpoint, max_connections => $connections, scan_segments => $connections, max_attempts => 2);
$observer->query(q{UPDATE pg_class SET reltuples = 1e7, relpages = 1 WHERE oid = 'commits'::regclass});    # as ANALYZE of a large store does
$server->store(streams => {@segments});
my $select = 'SELECT count(aggregate_id) FROM commits WHERE length(aggregate_id) > 0';

sub limit
{
	my ($session, $limit) = @_;
	system('prlimit', '--pid', $session->pid, "--nofile=$limit:") == 0 or die 'prlimit';
	return;
}

# A descriptor is the lowest number that is free, and the limit is one of numbers: so many of them are to be free below it.
sub leave_free
{
	my ($session, $free) = @_;
	my %used = map { m{/(\d+)$} ? ($1, 1) : () } glob '/proc/' . $session->pid . '/fd/*';
	my $limit = 0;
	for (my $left = $free; $left > 0 || $used{$limit}; $limit++) { $left-- if !$used{$limit} }
	limit($session, $limit);
	return;
}

# 1. Descriptors run out: at the client's own, at any of its sockets, or where one more is needed to wait.
{
	my %outcomes;
	my @wrong;
	my $free = 0;
	for ($free = 0; $free < 40; $free++)
	{
		my $session = Session->new($node);
		$session->query('SELECT count(*) FROM pg_class, pg_foreign_table');    # what a backend opens anyway
		leave_free($session, $free);
		my $result = $session->try($select);
		my $outcome = $result->{ended_at} ? 'the backend has gone' : $result->{error} ? "$result->{error}{sqlstate} $result->{error}{message}" : $result->{rows}[0][0];
		$outcomes{$outcome}++;
		push @wrong, "$free free: $outcome" if $outcome !~ /^(HV00N|53000) / && $outcome ne $rows;
		limit($session, 4096);
		$result = $session->try($select);
		push @wrong, "$free free, and then enough: " . ($result->{error}{message} // 'the backend has gone') if $result->{error} || $result->{ended_at};
		$session->close;
		last if $outcome eq $rows && $free > $connections + 5;
	}
	note "$_: $outcomes{$_}" for sort keys %outcomes;
	is_deeply(\@wrong, [], 'with too few descriptors a statement fails cleanly, and succeeds as soon as there are enough');
	cmp_ok(scalar(grep { /could not connect to server/ } keys %outcomes), '>', 0, 'it has seen: no client could be set up');
	is($outcomes{$rows} > 0 ? 1 : 0, 1, 'and it has seen enough of them');
}

# 2. A session that has as many files open as PostgreSQL allows still has the descriptors that connections need.
{
	my $session = Session->new($node);
	$observer->query("CREATE TABLE file$_ AS SELECT 1 AS one") for 1 .. $files;
	my $open_all = join ' UNION ALL ', map { "SELECT one FROM file$_" } 1 .. $files;
	is($session->query("SELECT count(*) FROM ($open_all) t"), $files, 'a session has opened all the files that it may');
	cmp_ok(scalar $session->descriptors, '>', 0.8 * $files, 'and keeps them open');
	leave_free($session, 10);    # PostgreSQL leaves so many to others (NUM_RESERVED_FDS)
	for my $round (1 .. 2)
	{
		my $result = $session->try($select);
		is($result->{error} ? "$result->{error}{message}: $result->{error}{detail}" : $result->{rows}[0][0], $rows, "it reads with $connections connections all the same");
		is($session->query("SELECT count(*) FROM ($open_all) t"), $files, 'and its files again');
	}
	$session->close;
}

# 3. Many backends, each with as many requests as it may have.
{
	$server->store(streams => {@segments});
	$server->hold;
	my @sessions = map { Session->new($node) } 1 .. $backends;
	$_->send($select) for @sessions;
	$server->wait_for(in_flight => $backends * $connections);
	pass($backends * $connections . ' requests are under way at once');
	$server->let_go;
	my @results = map { $_->result } @sessions;
	is(scalar(grep { !$_->{error} && $_->{rows}[0][0] == $rows } @results), $backends, 'each of the backends has all its rows');
	is(scalar(grep { $_->query($select) == $rows } @sessions), $backends, 'and once more, over the connections that it kept');
	$_->close for @sessions;
}

# 4. A thousand connections, one after the other, in one session.
{
	my $session = Session->new($node);
	my $mapping = q{USER MAPPING FOR CURRENT_USER SERVER commits_server};
	my $keys = q{OPTIONS (access_key_id 'AKIDEXAMPLE', secret_access_key 'secret')};
	my @changes = (
		"ALTER $mapping OPTIONS (SET access_key_id 'AKIDNEXT')",
		q{ALTER SERVER commits_server OPTIONS (SET max_attempts '3')},
		"DROP $mapping; CREATE $mapping $keys",
		q{BEGIN; ALTER SERVER commits_server OPTIONS (SET max_attempts '4'); SELECT count(*) FROM commits WHERE aggregate_id = 'a'; ROLLBACK});
	$server->store(streams => { a => [2] });
	my $change = sub {
		for (1 .. $_[0])
		{
			for my $sql (@changes)
			{
				$session->query($sql);
				return 'wrong rows' if $session->query(q{SELECT count(*) FROM commits WHERE aggregate_id = 'a'}) != 2;
			}
		}
		return '';
	};
	my $measure = sub {
		my $status = slurp_file('/proc/' . $session->pid . '/status');
		my %kinds;
		$kinds{$_}++ for map { /^(anon_inode:\[\w+\]|socket|pipe):?/ ? $1 : () } $session->descriptors;
		return { contexts => $session->query('SELECT sum(total_bytes) FROM pg_backend_memory_contexts') / 1024,
			descriptors => join(' ', map { "$_ $kinds{$_}" } sort keys %kinds), map { ($_ => $status =~ /^$_:\s*(\d+) kB/m) } qw(VmRSS VmData) };
	};
	is($change->(250), '', 'a thousand changes of server and mapping, each with a statement after it (warm-up)');
	my $before = $measure->();
	is($change->(250), '', 'and a thousand more');
	my $after = $measure->();
	note "$_: $before->{$_} before, $after->{$_} after" for sort keys %$before;
	is($after->{descriptors}, $before->{descriptors}, 'sockets and other descriptors stay as many');
	cmp_ok($after->{contexts} - $before->{contexts}, '<=', 16, 'memory contexts do not grow (kB)');
	cmp_ok($after->{VmData} - $before->{VmData}, '<=', 1024, 'data do not grow (kB)');
	cmp_ok($after->{VmRSS} - $before->{VmRSS}, '<=', 1024, 'resident memory does not grow (kB)');
	$session->close;
}

$server->stop;
$node->stop;
done_testing();
