# pg_upgrade: foreign tables, mappings, views, partitions and projections stay as they are, and a projection goes on in the new cluster where
# it was; it is no restore, after which it would wait for somebody. Workers, set up in both clusters, keep still meanwhile.
# The old cluster is of the same PostgreSQL, or of the one in the folder OLD_INSTALL (script/test --pg 17 --from 15).
# Engine: dynalite
# (what is upgraded has nothing to do with the engine)
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../test/lib";

use File::Basename qw(dirname);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Session;
use Test::More;

my $from = $ENV{OLD_INSTALL};
my $worker = getpwuid($<) . '@postgres';

my $old = PostgreSQL::Test::Cluster->new('old', $from ? (install_path => $from) : ());
$old->init;
$old->append_conf('postgresql.conf', "shared_preload_libraries = 'dynamodb_es'");
$old->start;
my $session = Session->new($old);
my ($version) = $session->query('SHOW server_version_num') =~ /^(\d\d)/;
is($version, ($from =~ m{/(\d+)/?$})[0], 'the old cluster is of the PostgreSQL asked for') if $from;
$session->create_table('commits', $ENV{DYNAMODB_ENDPOINT});
$session->query(<<'SQL');
SELECT dynamodb_es_create_tables('commits');
INSERT INTO commits (aggregate_id, version, events) SELECT 'a', n, '[]' FROM generate_series(0, 4) n;
CREATE TABLE applied (commit_id bigint);
CREATE FUNCTION apply(batch commits[]) RETURNS void LANGUAGE sql BEGIN ATOMIC
  INSERT INTO applied SELECT commit_id FROM unnest(batch);
END;
SELECT dynamodb_es_create_projection('p', 'apply', batch_size => 3);
SELECT dynamodb_es_run('p');
INSERT INTO commits (aggregate_id, version, events) VALUES ('a', 5, '[]');
SELECT dynamodb_es_create_projection('idle', 'apply', start_after => 2, enabled => false);
CREATE FOREIGN TABLE feed (commit_id bigint, aggregate_id text, version bigint) SERVER commits_server OPTIONS (consistent_prefix 'true');
CREATE TABLE everything (LIKE commits) PARTITION BY HASH (aggregate_id);
CREATE FOREIGN TABLE part PARTITION OF everything FOR VALUES WITH (MODULUS 1, REMAINDER 0) SERVER commits_server OPTIONS (commit_table 'commits');
CREATE VIEW health AS SELECT commit_table_status, max_commit_id FROM dynamodb_es_status('commits');
CREATE VIEW lag AS SELECT name, position FROM dynamodb_es_projections;
SQL
# What a session sees, on either side.
my @questions = (
	'SELECT name, owner, source, handler, enabled, state, position, applied FROM dynamodb_es_projections ORDER BY name',
	'SELECT * FROM commits ORDER BY version',
	'SELECT * FROM feed',
	'SELECT * FROM everything ORDER BY version',
	'SELECT * FROM health',
	'SELECT * FROM lag ORDER BY name',
	'SELECT * FROM applied ORDER BY 1',
	q{SELECT extversion FROM pg_extension WHERE extname = 'dynamodb_es'},
	'SELECT ftrelid::regclass::text, ftoptions FROM pg_foreign_table ORDER BY 1',
	'SELECT srvname, usename, umoptions FROM pg_user_mappings',
);
my %before = map { $_ => [ $session->query($_) ] } @questions;
$session->close;
$old->stop;
# Were a worker to run during the upgrade, it would apply the last commit.
$old->append_conf('postgresql.conf', "dynamodb_es.workers = '$worker'");

my $new = PostgreSQL::Test::Cluster->new('new');
# Checksums became the default with 18, and both must be alike.
$new->init($from && $version < 18 && $new->pg_version >= 18 ? (extra => ['--no-data-checksums']) : ());
$new->append_conf('postgresql.conf', "shared_preload_libraries = 'dynamodb_es'\ndynamodb_es.workers = '$worker'");
my ($programs) = grep { -x "$_/pg_upgrade" } split /:/, $ENV{PATH};
chdir PostgreSQL::Test::Utils::tempdir() or die $!;
command_ok([ 'pg_upgrade', '-b', $from ? "$from/bin" : $programs, '-B', $programs, '-d', $old->data_dir, '-D', $new->data_dir, '-p', $old->port, '-P', $new->port, '-s', $new->host, '--no-sync' ],
	'pg_upgrade takes a cluster with a projection');
# Not yet: what the upgrade has kept is seen first.
$new->append_conf('postgresql.conf', "dynamodb_es.workers = ''");
$new->start;
$session = Session->new($new);
is_deeply([ $session->query($_) ], $before{$_}, "as before: $_") for @questions;
cmp_ok(scalar @{ $before{$questions[1]} }, '==', 6, 'which is something');
$session->query(q{CALL dynamodb_es_follow('p', until_caught_up => true)});
is(scalar $session->query(q{SELECT string_agg(commit_id::text, ' ' ORDER BY ctid) FROM applied}), '1 2 3 4 5 6', 'and goes on where it was: each commit once');

# Then a worker follows it, as it did in the old cluster.
$session->query("ALTER SYSTEM SET dynamodb_es.workers = '$worker'");
$session->query('SELECT pg_reload_conf()');
$session->query(q{INSERT INTO commits (aggregate_id, version, events) VALUES ('a', 6, '[]')});
ok(Session::comes(sub { $session->query('SELECT max(commit_id) FROM applied') == 7 }), 'a worker of the new cluster follows it');

$new->stop;
done_testing();
