# One session uses a thousand user mappings, one after the other or as many at once as it may: PostgreSQL keeps the file descriptors that it needs, each
# mapping works, and what is closed gives its memory back. Under `ulimit -n 1024`; what a lack of descriptors does to one mapping is t/083_descriptors.pl's.
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

my $mappings = 1000;
my $tables = 1000;              # of PostgreSQL's own: more than it has descriptors for
my $kept = 8;                   # clients that nothing uses
my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->append_conf('postgresql.conf', "autovacuum = off\njit = off\nlog_statement = none\nmax_locks_per_transaction = 1000\nmin_wal_size = 32MB\nmax_wal_size = 64MB");
$node->start;

my $server = Pages->new;
$server->store(streams => { a => [ (2) x 5 ] });
my $admin = Session->new($node);
my $endpoint = $server->endpoint;
my $keys = q{access_key_id ''AKIDEXAMPLE'', secret_access_key ''secret''};    # inside a string of SQL
$admin->query('CREATE EXTENSION dynamodb_es');

# A server, a mapping and a foreign table for each number; of the dead ones nobody listens at the port.
$admin->query(<<"SQL");
CREATE FUNCTION make(name text, endpoint text, how_many int) RETURNS void LANGUAGE plpgsql AS \$\$
BEGIN
  FOR n IN 1 .. how_many LOOP
    EXECUTE format('CREATE SERVER %s%s FOREIGN DATA WRAPPER dynamodb_es OPTIONS (region ''us-east-1'', endpoint %L, max_attempts ''1'')', name, n, endpoint);
    EXECUTE format('CREATE USER MAPPING FOR PUBLIC SERVER %s%s OPTIONS ($keys)', name, n);
    EXECUTE format('CREATE FOREIGN TABLE %s%s (aggregate_id text, version bigint) SERVER %s%s OPTIONS (commit_table ''commits'')', name, n, name, n);
  END LOOP;
END\$\$;
SQL
$admin->query(q{SELECT make('live', '} . $endpoint . "', $mappings)");
$admin->query(q{SELECT make('dead', 'http://127.0.0.1:1', } . "$mappings)");
$admin->query("DO \$\$BEGIN FOR n IN 1 .. $tables LOOP EXECUTE format('CREATE TABLE file%s AS SELECT 1 AS one', n); END LOOP; END\$\$");
my $read_files = 'SELECT sum(one) FROM (' . join(' UNION ALL ', map { "SELECT one FROM file$_" } 1 .. $tables) . ') files';
my $count = sub { return "SELECT count(*) FROM $_[0] WHERE aggregate_id = 'a'" };

sub limited_session
{
	my $session = Session->new($node);
	system('prlimit', '--pid', $session->pid, '--nofile=1024:1024') == 0 or die 'prlimit';
	return $session;
}

# PostgreSQL opens what it needs: all its files, a new relation's, and segments of the WAL.
sub writes
{
	my ($session, $name) = @_;
	my $result = $session->try($read_files);
	is($result->{error} ? $result->{error}{message} : $result->{rows}[0][0], $tables, "$name: PostgreSQL reads more tables than it has descriptors");
	my @wrong = grep { $_->{error} || $_->{ended_at} } map { $session->try($_) } map { ("CREATE TABLE ${name}_$_ AS SELECT n FROM generate_series(1, 1000) n", 'SELECT pg_switch_wal()', "DROP TABLE ${name}_$_") } 1 .. 5;
	is_deeply([ map { $_->{error}{message} // 'the session has gone' } @wrong ], [], "$name: and writes tables and the WAL");
	return;
}

sub connections { my ($session) = @_; return scalar $session->query('SELECT count(*) FROM dynamodb_es_connections()') }

# What of the data segment is no memory context of PostgreSQL's, kB.
sub memory
{
	my ($session) = @_;
	my $contexts = $session->query('SELECT sum(total_bytes) FROM pg_backend_memory_contexts') / 1024;
	my ($data) = slurp_file('/proc/' . $session->pid . '/status') =~ /^VmData:\s*(\d+) kB/m;
	return $data - $contexts;
}

# A thousand servers, half of them dead, in one session.
{
	my $session = limited_session();
	my (@wrong, $half);
	for my $n (1 .. $mappings)
	{
		my $dead = $session->try($count->("dead$n"));
		push @wrong, "dead$n: " . ($dead->{error} // { sqlstate => 'none' })->{sqlstate} if ($dead->{error}{sqlstate} // '') ne 'HV00N';
		my $live = $session->try($count->("live$n"));
		push @wrong, "live$n: " . ($live->{error} // { message => '' })->{message} if ($live->{rows}[0][0] // '') ne '10';
		$half = memory($session) if $n == $mappings / 2;
		last if @wrong > 5 || $live->{ended_at};
	}
	is_deeply(\@wrong, [], "$mappings servers are read from in one session, and as many do not answer");
	is(connections($session), $kept, 'it keeps a few connections');
	is($session->query(q{SELECT count(*) FROM dynamodb_es_connections() WHERE server_name LIKE 'dead%'}), 0, 'none to what never answered');
	cmp_ok(memory($session) - $half, '<=', 1024, 'the closed ones have given their memory back (kB)');
	cmp_ok(scalar(grep { /^socket:|^anon_inode:\[(eventpoll|timerfd)/ } $session->descriptors), '<=', 10 + 5 * $kept, 'and their descriptors');
	writes($session, 'servers');
	is($session->query($count->("live$_")), 10, "server $_ works again") for 1, $mappings;
	$session->close;
}

# A pooled session takes one role after the other, each with a mapping of its own.
{
	$admin->query("DO \$\$BEGIN FOR n IN 1 .. $mappings LOOP EXECUTE format('CREATE ROLE pooled%s; CREATE USER MAPPING FOR pooled%s SERVER live1 OPTIONS ($keys)', n, n); END LOOP; END\$\$");
	$admin->query('GRANT SELECT ON live1 TO PUBLIC');
	my $session = limited_session();
	my @wrong;
	for my $n (1 .. $mappings, 1 .. 50)
	{
		my $result = $session->try("SET ROLE pooled$n; " . $count->('live1'));
		push @wrong, "pooled$n: " . ($result->{error} // { message => '' })->{message} if ($result->{rows}[0][0] // '') ne '10';
		last if @wrong > 5 || $result->{ended_at};
	}
	is_deeply(\@wrong, [], "$mappings roles read in one session, and the first ones again");
	$session->query('RESET ROLE');
	is(connections($session), $kept, 'it keeps a few connections');
	writes($session, 'roles');
	$session->close;
}

# A session that goes back and forth between a few mappings keeps their connections.
{
	my $session = limited_session();
	my $sockets = sub { return join ' ', sort grep { /^socket:/ } $session->descriptors };
	my $round = sub { $session->query($count->("live$_")) for 1 .. $kept; return $sockets->() };
	my $first = $round->();
	$round->() for 1 .. 3;
	is($sockets->(), $first, "connections of $kept mappings are used again");
	$session->query($count->('live' . ($kept + 1)));
	$session->query($count->("live$_")) for 2 .. $kept;
	is($session->query(q{SELECT count(*) FROM dynamodb_es_connections() WHERE server_name = 'live1'}), 0, 'the one that was not used for the longest time has gone');
	$session->close;
}

# Cursors keep theirs in use: there is an end to them, which is an error, and the session goes on.
{
	my $session = limited_session();
	my $open = 0;
	my $result;
	$session->query('BEGIN');
	for my $n (1 .. $mappings)
	{
		$result = $session->try("SAVEPOINT s; DECLARE c$n CURSOR FOR SELECT version FROM live$n WHERE aggregate_id = 'a'; FETCH c$n");
		last if $result->{error} || $result->{ended_at};
		$open++;
	}
	is($result->{error}{sqlstate}, '53000', 'too many cursors on different mappings are an error');
	like($result->{error}{message}, qr/^no file descriptor is left for connections to server "live\d+"$/, 'which says what is lacking');
	like($result->{error}{detail}, qr/^Connections that are in use have \d+ of the \d+/, 'and how much there is');
	cmp_ok($open, '>=', 30, "$open of them are no problem");
	$session->query('ROLLBACK TO s');
	is($session->query("FETCH ALL c$_") ? 1 : 0, 1, "cursor $_ goes on") for 1, $open;
	$result = $session->try($read_files);
	is($result->{error} ? $result->{error}{message} : $result->{rows}[0][0], $tables, 'PostgreSQL reads its tables beside them');
	$session->query("CREATE TABLE beside_cursors AS SELECT n FROM generate_series(1, 1000) n; SELECT pg_switch_wal(); INSERT INTO beside_cursors SELECT n FROM generate_series(1, 1000) n");
	$session->query('COMMIT');
	is(connections($session), $kept, 'afterwards a few connections are kept');
	is($session->query($count->("live$mappings")), 10, 'and any mapping works');
	writes($session, 'cursors');
	$session->close;
}

# More scans side by side under one Append than there are descriptors for: those that get none wait by themselves.
{
	my $session = limited_session();
	my $all = 'SELECT count(*) FROM (' . join(' UNION ALL ', map { "SELECT version FROM live1 WHERE aggregate_id = 'a'" } 1 .. 500) . ') side_by_side';
	is($session->query($all), 5000, '500 scans of one server side by side');
	writes($session, 'appended');
	$session->close;
}

$server->stop;
$node->stop;
done_testing();
