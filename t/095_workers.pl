# dynamodb_es.workers: which workers run, whatever becomes of them, of their roles and databases, and of the server.
# Engine: dynalite
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../test/lib";

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Session;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init(allows_streaming => 1);
$node->append_conf('postgresql.conf', "shared_preload_libraries = 'dynamodb_es'\nrestart_after_crash = on\nautovacuum = off\nmax_worker_processes = 8\nfsync = off");
$node->start;
my $session = Session->new($node);
$session->query($_) for 'CREATE ROLE app LOGIN', 'CREATE ROLE "Other Role" LOGIN', 'CREATE DATABASE "my base"', 'CREATE DATABASE second';

sub as_sql { my ($text) = @_; return "'" . $text =~ s/'/''/gr . "'" }

# "role@database" of each worker that runs, in order; and their process ids.
my $workers = q{FROM pg_stat_activity WHERE backend_type = 'dynamodb_es projection'};
sub running { return join ', ', map { $_->[0] } $session->query("SELECT usename || '\@' || datname $workers ORDER BY 1") }
sub pids { return map { $_->[0] } $session->query("SELECT pid $workers ORDER BY usename, datname, pid") }
sub launcher { return scalar $session->query(q{SELECT pid FROM pg_stat_activity WHERE backend_type = 'dynamodb_es launcher'}) }
sub comes { my ($holds, $what) = @_; return ok(Session::comes($holds), $what) }
sub runs { my ($expected, $what) = @_; comes(sub { running() eq $expected }, $what) or diag running(); return }

sub reload { return $session->query('SELECT pg_reload_conf()') }
sub set
{
	my ($value) = @_;
	$session->query('ALTER SYSTEM SET dynamodb_es.workers = ' . as_sql($value));
	reload();
	return;
}

# How many lines of the server's log have that.
sub logged
{
	my ($pattern) = @_;
	return scalar(() = slurp_file($node->logfile) =~ /$pattern/g);
}

sub next_session
{
	Session::comes(sub { $session = eval { my $new = Session->new($node); $new->query('SELECT 1'); $new } }) or die 'the server does not come back';
	return;
}

# The setting's text.
{
	my $long = 'x' x 64;
	for my $case (
		[ 'app', 'at its end, there is no "@" behind the role' ],
		[ 'app@', 'at its end, a name is missing' ],
		[ '@postgres', 'at "@postgres", a name is missing' ],
		[ 'app@postgres,', 'at its end, a name is missing' ],
		[ 'app@postgres,,app@postgres', 'at ",app@postgres", a name is missing' ],
		[ 'app@postgres app@postgres', 'at "app@postgres", there is no comma between two workers' ],
		[ 'app@"my base', 'at ""my base", a name has no closing quote' ],
		[ '""@postgres', 'at """@postgres", a name is missing' ],
		[ "app\@$long", qq{at "$long", a name is too long} ],
		[ join(', ', ('app@postgres') x 1001), 'at ", app@postgres", there are too many workers' ])
	{
		my ($value, $detail) = @$case;
		my $error = $session->try('ALTER SYSTEM SET dynamodb_es.workers = ' . as_sql($value))->{error};
		is("$error->{sqlstate} " . lcfirst $error->{detail}, "22023 $detail.", 'refused: ' . substr $value, 0, 40);
	}
	is($session->try(q{SET dynamodb_es.workers = ''})->{error}{sqlstate}, '55P02', 'it is a setting of the server');
}

# Start, and names that take quotes.
comes(\&launcher, 'the launcher runs');
is(running(), '', 'without entries there is no worker');
set(q{app@postgres, "Other Role" @ "my base",APP@second});
runs('Other Role@my base, app@postgres, app@second', 'each entry has its worker');

# The end of a worker, of the launcher, of the server.
{
	my ($pid) = pids();
	$session->query("SELECT pg_terminate_backend($pid)");
	comes(sub { my @now = pids(); @now == 3 && !grep { $_ == $pid } @now }, 'a worker that is terminated comes back');

	my ($launcher, @before) = (launcher(), pids());
	$session->query("SELECT pg_terminate_backend($launcher)");
	comes(sub { my $now = launcher(); $now && $now != $launcher && pids() == 3 }, 'the launcher comes back');
	my %before = map { $_ => 1 } @before;
	is(scalar(grep { $before{$_} } pids()), 0, 'with workers of its own');

	for my $who ([ 'a worker', sub { (pids())[0] } ], [ 'the launcher', \&launcher ])
	{
		my ($name, $pid_of) = @$who;
		my $killed = $pid_of->();
		kill 'KILL', $killed or die "kill: $!";
		$session->result;    # hangs up
		next_session();
		runs('Other Role@my base, app@postgres, app@second', "after $name was killed, all of them run");
	}
	$node->stop('fast');
	$node->start;
	next_session();
	runs('Other Role@my base, app@postgres, app@second', 'they run after a restart');
}

# Entries added and removed; others are left alone.
{
	my ($kept) = map { $_->[0] } $session->query("SELECT pid $workers AND usename = 'app' AND datname = 'postgres'");
	set('app@postgres, app@"my base"');
	runs('app@my base, app@postgres', 'a reload starts and stops workers');
	is(scalar $session->query("SELECT pid $workers AND datname = 'postgres'"), $kept, 'but not the one whose entry stays');
	set('app@postgres, app@postgres');
	runs('app@postgres, app@postgres', 'an entry may be there twice');
	set('');
	runs('', 'without entries there are none');
}

# A role, or a database, with which no session can begin: said once, and tried again.
{
	my $tell = sub { my ($reason) = @_; return sub { logged(qr/cannot start the worker of dynamodb_es for role "\w+" in database "\w+"\n.*The \Q$reason\E\./) } };
	my $login = $node->pg_version >= 17;
	$session->query('CREATE ROLE silent NOLOGIN');
	$session->query('CREATE DATABASE closed ALLOW_CONNECTIONS false');
	for my $case (
		[ 'nobody@postgres', 'role "nobody" does not exist', 'CREATE ROLE nobody LOGIN' ],
		[ 'app@nowhere', 'database "nowhere" does not exist', 'CREATE DATABASE nowhere' ],
		$login ? () : [ 'silent@postgres', 'role "silent" is not permitted to log in', 'ALTER ROLE silent LOGIN' ],
		[ 'app@closed', 'database "closed" is not accepting connections', 'ALTER DATABASE closed ALLOW_CONNECTIONS true' ])
	{
		my ($entry, $reason, $remedy) = @$case;
		set($entry);
		comes($tell->($reason), "$entry: it is said that $reason");
		reload() for 1 .. 3;
		set("$entry, app\@postgres");
		runs('app@postgres', "$entry: others run");
		is($tell->($reason)->(), 1, 'it is said once');
		$session->query($remedy);
		reload();
		runs(join(', ', sort 'app@postgres', $entry), "$entry: it runs once it can");
	}
	set('silent@postgres');
	runs('silent@postgres', 'a role without LOGIN will do in 17 and later') if $login;
	is(logged(qr/FATAL:  (role|database) "(nobody|nowhere|silent|closed)"/), 0, 'no session was tried in vain');
}

# A worker is a session of its database, as any other.
{
	set('app@second');
	runs('app@second', 'a worker in a database');
	is($session->try('ALTER DATABASE second RENAME TO third')->{error}{sqlstate}, '55006', 'its database cannot be renamed');
	is($session->try('CREATE DATABASE copy TEMPLATE second')->{error}{sqlstate}, '55006', 'nor be a template');
	is($session->try('DROP DATABASE second')->{error}{sqlstate}, '55006', 'nor be dropped');
	set('');
	runs('', 'without its entry there is none');
	$session->query($_) for 'ALTER DATABASE second RENAME TO third', 'CREATE DATABASE copy TEMPLATE third', 'DROP DATABASE copy';
	pass('and then all that works');
	set('app@third');
	runs('app@third', 'a worker, again');
	is($session->try('DROP DATABASE nowhere')->{error}, undef, 'other databases can be dropped while it and the launcher wait');
	is($session->try('DROP DATABASE third WITH (FORCE)')->{error}, undef, 'it does not stand in the way of FORCE');
	comes(sub { logged(qr/The database "third" does not exist/) }, 'the launcher says that the database is missing');
}

# Without a slot it is tried again. A query takes the last slot, and gives it back.
{
	my $missing = sub { logged(qr/WARNING:  cannot start the worker of dynamodb_es for role "app" in database "my base"\n.*No slot for background workers is free/) };
	my @others = ('app@postgres') x 5;     # with the launcher, and PostgreSQL's own of logical replication, 7 of 8
	set(join ', ', @others);
	runs(join(', ', @others), 'workers that leave one slot');
	my $taker = Session->new($node);
	$taker->send('SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0; SET min_parallel_table_scan_size = 0; SET max_parallel_workers_per_gather = 1;
		SELECT sum(length(relname)) FROM pg_class WHERE pg_sleep(1000) IS NOT NULL');
	comes(sub { $session->query(q{SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'parallel worker'}) }, 'a query takes it');
	set(join ', ', @others, 'app@"my base"');
	comes($missing, 'one more worker: a WARNING says that there is no slot for it');
	reload() for 1 .. 3;
	is(running(), join(', ', @others), 'the others run');
	$session->query("SELECT pg_cancel_backend($taker->{pid})");
	is($taker->result->{error}{sqlstate}, '57014', 'the slot is free again');
	runs(join(', ', 'app@my base', @others), 'then it runs, without a reload');
	is($missing->(), 1, 'the WARNING was given once');
	set('app@postgres, app@"my base"');
	runs('app@my base, app@postgres', 'with fewer entries all run');
	$taker->close;
}

# A standby has none until it is promoted.
{
	$node->backup('copy');
	my $standby = PostgreSQL::Test::Cluster->new('standby');
	$standby->init_from_backup($node, 'copy', has_streaming => 1);
	$standby->start;
	my $primary = $session;
	$session = Session->new($standby);
	is(launcher() // 'none', 'none', 'a standby runs no launcher');
	is(running(), '', 'and no worker');
	$standby->promote;
	runs('app@my base, app@postgres', 'once it is promoted, they run');
	$session->close;
	$session = $primary;
	$standby->stop('fast');
}

# pg_upgrade's server, and one that does not load the library first, run none.
{
	$session->close;
	$node->append_conf('postgresql.conf', "shared_preload_libraries = ''");
	$node->restart;
	$session = Session->new($node);
	is(running(), '', 'without shared_preload_libraries there is no worker');
	is($session->try('CREATE EXTENSION dynamodb_es')->{error}, undef, 'and the extension works');
	is($session->try(q{LOAD 'dynamodb_es'; SHOW dynamodb_es.workers})->{rows}[0][0], 'app@postgres, app@"my base"', 'the setting can be read');
	$session->close;
}

done_testing();
