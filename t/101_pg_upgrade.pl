# pg_upgrade: a projection keeps its position, and goes on in the new cluster; it is no restore, after which it would wait for somebody.
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

my $old = PostgreSQL::Test::Cluster->new('old');
$old->init;
$old->start;
my $session = Session->new($old);
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
SQL
my $state = 'SELECT name, owner, source, handler, enabled, state, position, applied FROM dynamodb_es_projections';
my $before = [ $session->query($state) ];
$session->close;
$old->stop;

my $new = PostgreSQL::Test::Cluster->new('new');
$new->init;
my ($programs) = grep { -x "$_/pg_upgrade" } split /:/, $ENV{PATH};
chdir PostgreSQL::Test::Utils::tempdir() or die $!;
command_ok([ 'pg_upgrade', '-b', $programs, '-B', $programs, '-d', $old->data_dir, '-D', $new->data_dir, '-p', $old->port, '-P', $new->port, '-s', $new->host, '--no-sync' ],
	'pg_upgrade takes a cluster with a projection');
$new->start;
$session = Session->new($new);
is_deeply([ $session->query($state) ], $before, 'the projection is as it was, and enabled');
is(scalar $session->query('SELECT extversion FROM pg_extension WHERE extname = \'dynamodb_es\''), '1.1', 'with the extension of that version');
$session->query(q{INSERT INTO commits (aggregate_id, version, events) VALUES ('a', 5, '[]')});
$session->query(q{CALL dynamodb_es_follow('p', until_caught_up => true)});
is(scalar $session->query(q{SELECT string_agg(commit_id::text, ' ' ORDER BY ctid) FROM applied}), '1 2 3 4 5 6', 'and goes on where it was: each commit once');

$new->stop;
done_testing();
