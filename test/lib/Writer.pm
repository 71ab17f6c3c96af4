# A backend that appends to the aggregates of a round at random, and keeps a record of what it sent and what it was told.
#
# It goes by a writer's rules: an explicit version follows one that it knows to be stored, and the versions that a statement has of an aggregate follow
# each other without a gap. So the aggregates have no gaps either, unless the store makes one.
package Writer;

use strict;
use warnings;

use List::Util qw(shuffle);
use Time::HiRes qw(time);

my $reading = 0.1;              # of the statements
my $cancelled = 0.04;           # have a statement_timeout that they may well meet
my $skipping = 0.3;             # are ON CONFLICT DO NOTHING
my $stale = 0.25;               # of the explicit versions are chosen without a look at the store

# Writer->new(name => its session token at the proxy, session =>, table =>, aggregates => [ids], batch_size =>)
sub new
{
	my ($class, %self) = @_;
	return bless { %self, known => {}, statements => [], tokens => 0 }, $class;
}

# Appends until then. The record is a list of statements:
#   {writer, sent_at, ended_at, result (Session's), skipping, returning, batch_size, rows => [{aggregate, version (none: the next), token, events}]}
# or, for one that reads, {writer, read => [[aggregate, version, commit id, events]]}
sub run
{
	my ($self, $until) = @_;
	while (time < $until)
	{
		rand() < $reading ? $self->_read : $self->_append;
	}
	return $self->{statements};
}

sub _any { return $_[ int rand @_ ] }

# The first ones are the busy ones.
sub _aggregate
{
	my ($self) = @_;
	return $self->{aggregates}[ @{ $self->{aggregates} } * rand()**2 ];
}

sub _read
{
	my ($self) = @_;
	my $aggregate = $self->_aggregate;
	my $result = $self->{session}->try(
		"SELECT aggregate_id, version, commit_id, events FROM $self->{table} WHERE aggregate_id = '$aggregate' ORDER BY version");
	push @{ $self->{statements} }, { writer => $self->{name}, read => $result->{rows} } if !$result->{error};
	return;
}

# The last version that is known to be stored, -1 for none; undef where it cannot be read.
sub _last_version
{
	my ($self, $aggregate) = @_;
	my $known = $self->{known}{$aggregate};
	return $known if defined $known && rand() < $stale;
	my $result = $self->{session}->try("SELECT max(version) FROM $self->{table} WHERE aggregate_id = '$aggregate'");
	return undef if $result->{error};
	return $self->{known}{$aggregate} = $result->{rows}[0][0] // -1;
}

# In the text that jsonb has, compact.
sub _row
{
	my ($self, $aggregate, $version) = @_;
	my $token = "$self->{name}." . ++$self->{tokens};
	my $events = qq([{"t":"$token","pad":") . 'x' x rand(200) . '"}]';
	return { aggregate => $aggregate, version => $version, token => $token, events => $events };
}

# Rows of one to three aggregates; those that have a version follow the last one known. Nothing where that cannot be read.
sub _rows
{
	my ($self, $count) = @_;
	my $explicit = _any(0, 0.5, 1, 1);
	my @aggregates = map { $self->_aggregate } 1 .. _any(1, 1, 2, 3);
	my %last;
	my @rows;
	for (1 .. $count)
	{
		my $aggregate = _any(@aggregates);
		my $version;
		if (rand() < $explicit)
		{
			$last{$aggregate} //= $self->_last_version($aggregate) // return;
			$version = ++$last{$aggregate};
		}
		push @rows, $self->_row($aggregate, $version);
	}
	return @rows;
}

sub _append
{
	my ($self) = @_;
	my $kind = rand;
	my $returning = $kind < 0.55 && rand() < 0.6;
	my @rows = $self->_rows($kind < 0.45 ? 1 : $kind < 0.55 ? _any(2 .. 4) : _any(2 .. 9)) or return;
	# In the order of versions where they go one by one, or in several batches; otherwise that is the store's business.
	@rows = shuffle(@rows) if !$returning && @rows <= $self->{batch_size} && rand() < 0.3;
	push @rows, $self->_row($rows[0]{aggregate}, $rows[0]{version}) if @rows > 1 && defined $rows[0]{version} && rand() < 0.05;
	$self->_send({ writer => $self->{name}, rows => \@rows, skipping => rand() < $skipping, returning => $returning,
		batch_size => $returning ? 1 : $self->{batch_size} });
	return;
}

sub _send
{
	my ($self, $statement) = @_;
	my $session = $self->{session};
	my $timeout = rand() < $cancelled ? 1 + int rand 100 : 0;
	my $values = join ', ', map { "('$_->{aggregate}', " . ($_->{version} // 'NULL') . ", '$_->{events}')" } @{ $statement->{rows} };
	my $sql = "INSERT INTO $self->{table} (aggregate_id, version, events) VALUES $values"
	  . ($statement->{skipping} ? ' ON CONFLICT DO NOTHING' : '')
	  . ($statement->{returning} ? ' RETURNING aggregate_id, version, commit_id, events' : '');
	$session->query("SET statement_timeout = $timeout") if $timeout;
	$statement->{sent_at} = time;
	$statement->{result} = $session->try($sql);
	$statement->{ended_at} = time;
	1 while $timeout && $session->try('SET statement_timeout = 0')->{error};   # which holds for this statement as well
	die "$self->{name}: the backend has gone" if $statement->{result}{ended_at};
	push @{ $self->{statements} }, $statement;
	$self->_learn($statement);
	return;
}

# After a success every version that was given exists, whoever has stored it.
sub _learn
{
	my ($self, $statement) = @_;
	my @versions = ((map { [ $_->{aggregate}, $_->{version} ] } @{ $statement->{rows} }), @{ $statement->{result}{rows} });
	for (@versions)
	{
		my ($aggregate, $version) = @$_;
		delete $self->{known}{$aggregate} if $statement->{result}{error};
		next if $statement->{result}{error} || !defined $version || !defined $self->{known}{$aggregate};
		$self->{known}{$aggregate} = $version if $version > $self->{known}{$aggregate};
	}
	return;
}

1;
