# What a request asks of DynamoDB, in one line that reads the same on every engine; and what a statement asks, as a list of them.
package Record;

use strict;
use warnings;

use JSON::PP;

my $json = JSON::PP->new->utf8;

# With the values and names of a request in the place of their placeholders.
sub _expression
{
	my ($body, $text) = @_;
	return $text =~ s/(#\d+|:\d+)/_placeholder($body, $1)/egr;
}

sub _placeholder
{
	my ($body, $placeholder) = @_;
	return $body->{ExpressionAttributeNames}{$placeholder} if $placeholder =~ /^#/;
	return _value($body->{ExpressionAttributeValues}{$placeholder});
}

sub _value
{
	my ($value) = @_;
	my ($type) = keys %$value;
	return $type eq 'N' ? $value->{N} =~ s/\.9{19,}\z/.9…/r : $type eq 'S' ? "'" . $value->{S} =~ s/'/''/gr . "'" : lc $type;
}

# The attributes that are fetched; the two of the key, which nearly every read fetches, as "key".
sub _projection
{
	my ($body) = @_;
	my %fetched = map { ($_, 1) } split /, /, _expression($body, $body->{ProjectionExpression});
	my @key = grep { $fetched{$_} } qw(aggregateId version);
	delete @fetched{@key};
	return join ', ', @key == 2 ? 'key' : @key, sort keys %fetched;
}

sub _read
{
	my ($operation, $body) = @_;
	my @parts;
	push @parts, _expression($body, $body->{KeyConditionExpression}) if $body->{KeyConditionExpression};
	push @parts, "segment $body->{Segment} of $body->{TotalSegments}" if $body->{TotalSegments};
	push @parts, 'filter ' . _expression($body, $body->{FilterExpression}) if $body->{FilterExpression};
	push @parts, "Limit $body->{Limit}" if $body->{Limit};
	push @parts, 'backward' if exists $body->{ScanIndexForward} && !$body->{ScanIndexForward};
	push @parts, "Select $body->{Select}" if $body->{Select};
	push @parts, 'fetch ' . _projection($body) if $body->{ProjectionExpression};
	push @parts, 'eventually consistent' if !$body->{IndexName} && !$body->{ConsistentRead};
	push @parts, 'the next page' if $body->{ExclusiveStartKey};
	return "$operation $body->{TableName}" . ($body->{IndexName} ? ".$body->{IndexName}" : '') . ': ' . join '; ', @parts;
}

# The keys of a BatchGetItem, in their order; many of them as a number.
sub _batch
{
	my ($body) = @_;
	my ($table, $asked) = %{ $body->{RequestItems} };
	my @keys = sort map { '(' . _value($_->{aggregateId}) . ', ' . _value($_->{version}) . ')' } @{ $asked->{Keys} };
	my @parts = @keys > 5 ? @keys . ' keys' : join ', ', @keys;
	push @parts, 'fetch ' . _projection($asked) if $asked->{ProjectionExpression};
	push @parts, 'eventually consistent' if !$asked->{ConsistentRead};
	return "$table: " . join '; ', @parts;
}

sub _key
{
	my (%attributes) = @_;
	return join ', ', map { "$_ = " . _value($attributes{$_}) } sort keys %attributes;
}

my %rest = (
	GetItem => sub { my ($body) = @_; return _key(%{ $body->{Key} }) },
	UpdateItem => sub {
		my ($body) = @_;
		return _key(%{ $body->{Key} }) . '; ' . _expression($body, $body->{UpdateExpression})
		  . ($body->{ConditionExpression} ? '; if ' . _expression($body, $body->{ConditionExpression}) : '');
	},
	PutItem => sub {
		my ($body) = @_;
		my %key = map { exists $body->{Item}{$_} ? ($_, $body->{Item}{$_}) : () } qw(aggregateId version name);
		return _key(%key) . ($body->{ConditionExpression} ? '; if ' . _expression($body, $body->{ConditionExpression}) : '');
	},
);

# Its actions, each as the request by itself would be described.
sub _transaction
{
	my ($body) = @_;
	my @actions;
	for my $action (@{ $body->{TransactItems} })
	{
		my ($kind, $parts) = %$action;
		my $what = $kind eq 'Put' ? $rest{PutItem}->($parts) : _key(%{ $parts->{Key} });
		$what .= '; ' . _expression($parts, $parts->{UpdateExpression}) if $parts->{UpdateExpression};
		$what .= '; if ' . _expression($parts, $parts->{ConditionExpression}) if $kind ne 'Put';
		push @actions, "$kind $parts->{TableName}: $what";
	}
	return join ' + ', @actions;
}

# One request, as the proxy tells of it: "Query commits: aggregateId = 'a' AND version >= 3; Limit 1; fetch key".
sub describe
{
	my ($request) = @_;
	my $operation = $request->{operation};
	my $body = $json->decode($request->{body});
	return _read($operation, $body) if $operation =~ /^(?:Query|Scan)$/;
	return "$operation " . _batch($body) if $operation eq 'BatchGetItem';
	return "$operation: " . _transaction($body) if $operation eq 'TransactWriteItems';
	return $operation . ($body->{TableName} ? " $body->{TableName}" : '') . ($rest{$operation} ? ': ' . $rest{$operation}->($body) : '');
}

# Equal lines that follow each other as one: "3 × …".
sub summary
{
	my (@lines) = @_;
	my @summary;
	while (@lines)
	{
		my ($line, $times) = (shift @lines, 1);
		while (@lines && $lines[0] eq $line) { shift @lines; $times++ }
		push @summary, ($times > 1 ? "$times × " : '') . $line;
	}
	return @summary;
}

1;
