# What a program with dynamodb-event-store 1.x does: it adds one to the counter, then puts its commit on condition that the version is free. It sends
# nothing twice, so that it knows as much as can be known without a look at the commit's id.
package PlainWriter;

use strict;
use warnings;

use JSON::PP;
use PlainDynamoDB;
use Time::HiRes qw(time);

# PlainWriter->new(name =>, endpoint =>, commits =>, counters =>, aggregates =>)
sub new
{
	my ($class, %self) = @_;
	my $client = PlainDynamoDB->new($self{endpoint}, 'AKIDEXAMPLE', session_token => $self{name}, timeout => $self{timeout});
	return bless { %self, client => $client, statements => [], tokens => 0 }, $class;
}

# The record: {writer, plain => 'stored', 'refused', 'unknown' or 'not sent', id => the commit id, if there is one, rows => [{aggregate, version, token, events}]}
sub run
{
	my ($self, $until) = @_;
	while (time < $until)
	{
		$self->_append;
		select undef, undef, undef, 0.02;
	}
	return $self->{statements};
}

sub _append
{
	my ($self) = @_;
	my $aggregate = $self->{aggregates}[ rand @{ $self->{aggregates} } ];
	my $page = eval { $self->{client}->call(Query => { TableName => $self->{commits}, ConsistentRead => JSON::PP::true, Limit => 1,
		ScanIndexForward => JSON::PP::false, KeyConditionExpression => 'aggregateId = :a', ExpressionAttributeValues => { ':a' => { S => $aggregate } } }) }
	  or return;
	my $version = @{ $page->{Items} } ? $page->{Items}[0]{version}{N} + 1 : 0;
	my $token = "$self->{name}." . ++$self->{tokens};
	my %row = (aggregate => $aggregate, version => $version, token => $token, events => qq([{"t":"$token"}]));
	my %statement = (writer => $self->{name}, plain => 'not sent', rows => [ \%row ]);
	push @{ $self->{statements} }, \%statement;
	my $counter = eval { $self->{client}->call(UpdateItem => { TableName => $self->{counters}, Key => { name => { S => 'commits' } },
		UpdateExpression => 'ADD id :one', ExpressionAttributeValues => { ':one' => { N => '1' } }, ReturnValues => 'UPDATED_NEW' }) }
	  or return;
	$statement{id} = $counter->{Attributes}{id}{N};
	$statement{plain} = eval { $self->_put(\%row, $statement{id}); 'stored' } // ($@ =~ /\b400 .*(?:ConditionalCheckFailed|ProvisionedThroughputExceeded)Exception/ ? 'refused' : 'unknown');
	return;
}

sub _put
{
	my ($self, $row, $id) = @_;
	$self->{client}->call(PutItem => { TableName => $self->{commits}, ConditionExpression => 'attribute_not_exists(version)', Item => {
		aggregateId => { S => $row->{aggregate} }, version => { N => "$row->{version}" }, commitId => { N => "$id" },
		committedAt => { N => sprintf '%.0f', 1000 * time }, events => { S => $row->{events} }, active => { S => 't' } } });
	return;
}

1;
