# A DynamoDB client that shares nothing with the extension: what it reads and writes is what any other program would.
package PlainDynamoDB;

use strict;
use warnings;

use Carp;
use HTTP::Tiny;
use JSON::PP;

my $json = JSON::PP->new->utf8->canonical;

# PlainDynamoDB->new($endpoint, $access_key_id, session_token =>, timeout => seconds): the engines look at no signature, and one keeps
# a store for each key id.
sub new
{
	my ($class, $endpoint, $access_key_id, %options) = @_;
	my $authorization = "AWS4-HMAC-SHA256 Credential=$access_key_id/20000101/us-east-1/dynamodb/aws4_request, SignedHeaders=host, Signature=0";
	my $http = HTTP::Tiny->new(timeout => $options{timeout} // 60, default_headers => {
		'Content-Type' => 'application/x-amz-json-1.0', 'X-Amz-Date' => '20000101T000000Z', Authorization => $authorization,
		$options{session_token} ? ('X-Amz-Security-Token' => $options{session_token}) : () });
	return bless { endpoint => "$endpoint/", http => $http }, $class;
}

# The answer whatever it is, as HTTP::Tiny has it. The body is a structure, or JSON as text where a structure cannot say it.
sub answer
{
	my ($self, $operation, $body) = @_;
	my $content = ref $body ? $json->encode($body) : $body;
	return $self->{http}->post($self->{endpoint}, { content => $content, headers => { 'X-Amz-Target' => "DynamoDB_20120810.$operation" } });
}

# The answer's JSON as text.
sub raw
{
	my ($self, $operation, $body) = @_;
	my $answer = $self->answer($operation, $body);
	croak "$operation: $answer->{status} $answer->{content}" if !$answer->{success};
	return $answer->{content};
}

sub call { my ($self, $operation, $body) = @_; return $json->decode($self->raw($operation, $body)) }

sub put { my ($self, $table, $item) = @_; return $self->call(PutItem => { TableName => $table, Item => $item }) }

# Writes many items, 25 a request.
sub put_all
{
	my ($self, $table, @items) = @_;
	while (my @batch = splice @items, 0, 25)
	{
		my $requests = { $table => [ map { { PutRequest => { Item => $_ } } } @batch ] };
		$requests = $self->call(BatchWriteItem => { RequestItems => $requests })->{UnprocessedItems} while %{ $requests // {} };
	}
	return;
}

# All items of a table, every page of it.
sub scan
{
	my ($self, $table) = @_;
	my @items;
	my $start;
	do
	{
		my $page = $self->call(Scan => { TableName => $table, ConsistentRead => JSON::PP::true, $start ? (ExclusiveStartKey => $start) : () });
		push @items, @{ $page->{Items} };
		$start = $page->{LastEvaluatedKey};
	} while ($start);
	return @items;
}

# The last id that the store has given out, 0 before the first; its counters table is called as it is where no option says otherwise, or as said.
sub head
{
	my ($self, $counters) = @_;
	my $request = { TableName => $counters // 'counters', Key => { name => { S => 'commits' } }, ConsistentRead => JSON::PP::true };
	return $self->call(GetItem => $request)->{Item}{id}{N} // 0;
}

# The ids of that store that are noted as burned, each as often as it is.
sub burned
{
	my ($self) = @_;
	return map { $_->{name}{S} =~ /\Acommits#burned#([1-9]\d*)\z/ ? $1 .. $1 + $_->{n}{N} - 1 : () } $self->scan('counters');
}

# The two tables of an event store, as dynamodb-event-store 1.x has them; or with another type of commitId (S is that of 2.x), and other
# attributes in the index.
sub create_store
{
	my ($self, $commits, $counters, %other) = @_;
	my %capacity = (ReadCapacityUnits => 1000, WriteCapacityUnits => 1000);
	$self->call(CreateTable => {
		TableName => $commits,
		AttributeDefinitions => [ map { { AttributeName => $_->[0], AttributeType => $_->[1] } }
			[ aggregateId => 'S' ], [ version => 'N' ], [ active => 'S' ], [ commitId => $other{commit_id} // 'N' ] ],
		KeySchema => key_schema('aggregateId', 'version'),
		GlobalSecondaryIndexes => [ { IndexName => 'byId', KeySchema => key_schema('active', 'commitId'),
			Projection => { ProjectionType => $other{projection} // 'ALL' }, ProvisionedThroughput => \%capacity } ],
		ProvisionedThroughput => \%capacity });
	$self->call(CreateTable => {
		TableName => $counters, AttributeDefinitions => [ { AttributeName => 'name', AttributeType => 'S' } ],
		KeySchema => key_schema('name'), ProvisionedThroughput => \%capacity });
	for my $table ($commits, $counters)
	{
		1 while $self->call(DescribeTable => { TableName => $table })->{Table}{TableStatus} ne 'ACTIVE';
	}
	return;
}

sub key_schema
{
	my ($hash, $range) = @_;
	return [ { AttributeName => $hash, KeyType => 'HASH' }, $range ? { AttributeName => $range, KeyType => 'RANGE' } : () ];
}

1;
