# Who appends while a proof is under way: SQL sessions and clients with dynamodb-event-store 1.x, on the same few aggregates, through a fault proxy that keeps
# entries of the index back; sessions that are killed and cancelled between counter and put; and one put that is held back longer than any reader waits.
#
# There are three modes: appenders that take their ids from the counter, beside 1.x clients; dense ones, alone; both, beside 1.x.
package Race;

use strict;
use warnings;

use JSON::PP;
use PlainDynamoDB;
use PlainWriter;
use PostgreSQL::Test::Utils;
use Session;
use Test::More;
use Time::HiRes qw(time);
use Workers;
use Writer;

my $patience = 60;
my $columns = '(commit_id bigint, aggregate_id text, version bigint, events jsonb)';
my @aggregates = map { "aggregate-$_" } 1 .. 12;
my @puts = qw(PutItem TransactWriteItems);

# Race->new(fault =>, node =>, dynamodb => without the proxy, admin => a session, mode =>, seed =>, lag => see index_lag.js, seconds => the least time they append,
# until => a sub that must be true before they stop, if there is one)
sub new
{
	my ($class, %self) = @_;
	my $self = bless { until => sub { return 1 }, %self, writers => Workers->new($self{fault}), dir => PostgreSQL::Test::Utils::tempdir(),
		late => PlainDynamoDB->new($self{fault}->endpoint, 'AKIDEXAMPLE') }, $class;
	my @dense = $self->{mode} eq 'counter' ? (0, 0, 0, 0) : $self->{mode} eq 'dense' ? (1, 1, 1, 1) : (0, 1, 0, 1);
	$self->{dynamodb}->create_store('commits', 'counters');
	$self->{admin}->query("CREATE FOREIGN TABLE append_$_ $columns SERVER commits_server" . ($dense[$_] ? q{ OPTIONS (append_mode 'dense')} : '')) for 0 .. 3;
	return $self;
}

# What a writer's statement is, and whether it was refused.
sub kinds_of
{
	my ($statement) = @_;
	return if !$statement->{rows};
	return ($statement->{skipping} ? 'ON CONFLICT' : @{ $statement->{rows} } > 1 ? 'bulk' : 'single', $statement->{result}{error} ? 'refused' : ());
}

# A writer appends until it is told to stop, and tells meanwhile what kinds of statements it has sent.
sub _write
{
	my ($self, $writer, $kinds_of) = @_;
	my ($deadline, $told) = (time + $self->{seconds} + 2 * $patience, 0);
	until (-e "$self->{dir}/stop" || time > $deadline)
	{
		my @statements = @{ $writer->run(time + 0.2) };
		my @kinds = map { $kinds_of->($_) } @statements[ $told .. $#statements ];
		append_to_file("$self->{dir}/kinds", join '', map { ref $writer, " $_\n" } @kinds);
		$told = @statements;
	}
	return \1;
}

# The kinds that Writers (or PlainWriters) have told of, each once.
sub _told
{
	my ($self, $writers) = @_;
	my %told = map { $_ => 1 } split /\n/, slurp_file("$self->{dir}/kinds");
	return join ', ', sort map { /\A$writers (.*)/ ? $1 : () } keys %told;
}

sub _has_all_ways { return $_[0]->_told('Writer') eq 'ON CONFLICT, bulk, refused, single' }

sub _has_conflicts { return $_[0]{mode} eq 'dense' || $_[0]->_told('PlainWriter') =~ /refused/ }

# Lets all of them append.
sub start
{
	my ($self) = @_;
	my ($fault, $node) = @$self{ 'fault', 'node' };
	$self->{started} = time;
	append_to_file("$self->{dir}/kinds", '');
	$fault->lag($self->{lag});
	$fault->limit(40);
	$fault->rules((map { { name => 'held', operation => $_, match => '"held"', late => 'stall', times => 1 } } @puts),
		(map { my $name = $_; map { { name => $name, operation => $_, match => qq("$name"), before => 'stall', times => 1 } } @puts } qw(killed cancelled)),
		{ name => 'a put that takes its time', operation => 'PutItem', chance => 0.5, late => 30 });
	for my $i (0 .. 7)
	{
		$self->{writers}->start("backend-$i" => sub {
			srand $self->{seed} + $i;
			my $writer = Writer->new(name => "backend-$i", session => Session->new($node), table => 'append_' . $i % 4, aggregates => \@aggregates, batch_size => 25);
			return $self->_write($writer, \&kinds_of);
		});
	}
	for my $i ($self->{mode} eq 'dense' ? () : (1, 2))
	{
		$self->{writers}->start("plain-$i" => sub {
			srand $self->{seed} + 10 + $i;
			my $writer = PlainWriter->new(name => "plain-$i", endpoint => $fault->endpoint, commits => 'commits', counters => 'counters', aggregates => [ @aggregates[ 0, 1 ] ]);
			return $self->_write($writer, sub { $_[0]{plain} });
		});
	}
	return;
}

# While one waits, the proxy must be listened to.
sub comes
{
	my ($self, $holds) = @_;
	my $deadline = time + $patience;
	until ($holds->())
	{
		return 0 if time > $deadline;
		$self->{fault}->listen(0.05);
	}
	return 1;
}

sub _take_id
{
	my ($self) = @_;
	return $self->{dynamodb}->call(UpdateItem => { TableName => 'counters', Key => { name => { S => 'commits' } }, UpdateExpression => 'ADD #0 :0', ReturnValues => 'UPDATED_NEW',
		ExpressionAttributeNames => { '#0' => 'id' }, ExpressionAttributeValues => { ':0' => { N => '1' } } })->{Attributes}{id}{N};
}

sub _put
{
	my ($client, $id, $aggregate) = @_;
	$client->put(commits => { aggregateId => { S => $aggregate }, version => { N => '0' }, commitId => { N => "$id" },
		committedAt => { N => sprintf '%.0f', 1000 * time }, events => { S => '[]' }, active => { S => 't' } });
	return;
}

# The held back put's id, which must be known to be given up before `release` lets it go on. In dense mode id and put are one: there it is a statement that is
# asked for twice, the first time late.
sub hold_back
{
	my ($self) = @_;
	my ($writers, $fault, $node) = @$self{ 'writers', 'fault', 'node' };
	if ($self->{mode} eq 'dense')
	{
		$writers->start(held => sub { Session->new($node)->query(q{INSERT INTO append_0 (aggregate_id, version, events) VALUES ('held', 0, '[]')}); return \1 });
		$fault->wait_for(event => 'request', rule => 'held');
		my $key = { aggregateId => { S => 'held' }, version => { N => '0' } };
		ok($self->comes(sub { $self->{dynamodb}->call(GetItem => { TableName => 'commits', Key => $key, ConsistentRead => JSON::PP::true })->{Item} }),
			"$self->{mode}: an append is carried out while its first request is held back");
		return;
	}
	my $id = $self->_take_id;
	$writers->start(held => sub { _put($self->{late}, $id, 'held'); return \1 });
	$fault->wait_for(event => 'request', rule => 'held');
	return $id;
}

# An INSERT whose put never reaches the engine, since its session meets this in between.
sub interrupt
{
	my ($self, $table, $name, $function) = @_;
	my $session = Session->new($self->{node});
	$session->send("INSERT INTO $table (aggregate_id, version, events) VALUES ('$name', 0, '[]')");
	$self->{fault}->wait_for(event => 'request', rule => $name);
	$self->{admin}->query("SELECT $function($session->{pid})");
	my $error = $session->result->{error};
	like($error->{sqlstate} // '', qr/\A57/, "an INSERT is $name between counter and put");
	return;
}

# They go on until all that a proof rests on has happened; then one more commit is appended, to the aggregate "last".
sub finish
{
	my ($self) = @_;
	my $mode = $self->{mode};
	$self->{fault}->listen(0.1) while time < $self->{started} + $self->{seconds};
	ok($self->comes(sub { $self->_has_all_ways && $self->_has_conflicts && $self->{until}->() }),
		"$mode: 8 backends append in all ways, 1.x appenders have conflicts, and what else is waited for has happened")
	  or diag 'told: ', slurp_file("$self->{dir}/kinds");
	append_to_file("$self->{dir}/stop", '');
	$self->{writers}->finish;
	$self->{admin}->query(q{INSERT INTO append_0 (aggregate_id, version, events) VALUES ('last', 0, '[]')});
	return;
}

# The store and its tables go.
sub end
{
	my ($self) = @_;
	$self->{fault}->lag(undef);
	$self->{fault}->rules;
	$self->{dynamodb}->call(DeleteTable => { TableName => $_ }) for 'commits', 'counters';
	$self->{admin}->query('DROP FOREIGN TABLE append_0, append_1, append_2, append_3');
	return;
}

1;
