# Does a store hold what its writers were told? It compares their records (Writer, PlainWriter) with the items of the store, read by a client that knows
# nothing of the extension, and with what the fault proxy has seen.
#
# What has to hold:
#   stored    every commit that was acknowledged is stored once, under its id and with its events, and nothing else is stored but rows of unknown fate
#   refused   no row that was reported refused, or not stored, is stored; a version that was reported taken is
#   versions  those of an aggregate have no gap, and none of one statement is stored without the lower ones of the same aggregate and batch
#   order     ids are unique, and rise with the versions of an aggregate, since each writer takes its id when it knows the version before to be stored.
#             One kind of row is excepted: an explicit version whose own batch, being ON CONFLICT DO NOTHING, has skipped a lower version
#             of the aggregate, for another's commit that took its id later. A row that asks for the next version is never excepted.
#   ids       every id up to the counter is stored, or noted as burned by the backend that it was given to, never both, or has an excuse: its counter
#             request met a fault, its put, or the look at what stands there, did and the writer was told so, the note's write did, the statement was cancelled, or it was the
#             plain client's, which writes no notes. Where all backends are dense, every id is stored, without exception.
package Checker;

use strict;
use warnings;

use JSON::PP;
use List::Util qw(max min sum0);

my $json = JSON::PP->new->utf8;
my $slow_ms = 500;              # an answer that took longer may have been given up by its client
my $lag = 0.5;                  # s: between a cancel and the proxy's reading of what was sent before it

# Checker->new(dense => are all backends, statements => [the writers' records], commits => [items], counters => [items], events => [the proxy's])
sub new
{
	my ($class, %self) = @_;
	my $self = bless { %self, findings => {}, count => {} }, $class;
	$self->{findings}{$_} = [] for qw(stored refused versions order ids);
	$self->_read_store;
	$self->_read_statements;
	$self->_read_events;
	return $self;
}

# What was found, as {stored => [texts], refused => …}; all empty when everything holds.
sub check
{
	my ($self) = @_;
	$self->_check_items;
	$_->{plain} ? $self->_check_plain($_) : $_->{read} ? $self->_check_read($_) : $self->_check_statement($_) for @{ $self->{statements} };
	$self->_check_aggregates;
	$self->_check_ids;
	return $self->{findings};
}

# How often what has happened, as {words => number}.
sub counts { return $_[0]{count} }

sub _find { my ($self, $kind, $text) = @_; push @{ $self->{findings}{$kind} }, $text; return }
sub _count { my ($self, $what, $number) = @_; $self->{count}{$what} += $number // 1; return }

sub _read_store
{
	my ($self) = @_;
	for my $item (@{ $self->{commits} })
	{
		my ($token) = $item->{events}{S} =~ /"t":"([^"]+)"/;
		my %commit = (aggregate => $item->{aggregateId}{S}, version => $item->{version}{N}, id => $item->{commitId}{N}, events => $item->{events}{S},
			token => $token // 'none');
		my $place = "$commit{aggregate} $commit{version}";
		$commit{text} = "$place (id $commit{id}, row $commit{token})";
		$self->{at}{$place} = \%commit;
		$self->_find(stored => "$commit{text} is stored as $self->{by_token}{$commit{token}}{text} as well") if $self->{by_token}{ $commit{token} };
		$self->{by_token}{ $commit{token} } = \%commit;
		$self->_find(order => "$commit{text} has the id of $self->{by_id}{$commit{id}}{text}") if $self->{by_id}{ $commit{id} };
		$self->{by_id}{ $commit{id} } = \%commit;
	}
	for my $item (@{ $self->{counters} })
	{
		my ($first) = $item->{name}{S} =~ /#burned#(\d+)$/;
		$self->{head} = $item->{id}{N} if $item->{name}{S} eq 'commits';
		next if !$first;
		$self->{notes}{$_}++ for $first .. $first + $item->{n}{N} - 1;
	}
	$self->{head} //= 0;
	return;
}

sub _read_statements
{
	my ($self) = @_;
	for my $statement (@{ $self->{statements} })
	{
		for my $row (@{ $statement->{rows} // [] })
		{
			$self->{row}{ $row->{token} } = $row;
			$self->{statement}{ $row->{token} } = $statement;
		}
		push @{ $self->{cancelled}{ $statement->{writer} } }, $statement if $statement->{result} && _sqlstate($statement) eq '57014';
	}
	return;
}

sub _sqlstate { return ($_[0]{result}{error} // {})->{sqlstate} // '' }

# Which request gave an id out, which put it, which noted it.
sub _read_events
{
	my ($self) = @_;
	my %request;
	for my $event (@{ $self->{events} })
	{
		if ($event->{event} eq 'request')
		{
			$request{ $event->{n} } = $event;
			$self->_count("fault: $event->{rule}") if $event->{rule};
			$self->_count('requests');
			$self->_read_request($event);
		}
		elsif ($event->{event} eq 'answer')
		{
			my $request = $request{ $event->{n} };
			$request->{slow} = 1 if $event->{ms} > $slow_ms;
			push @{ $request->{counted} }, $event->{counted} if $event->{counted};
			# The answer shows the counter only where that was not as expected.
			$self->_count('races for an id that were lost') if $event->{counted} && $request->{operation} eq 'TransactWriteItems';
		}
		elsif ($event->{event} eq 'cut')
		{
			$request{ $event->{n} }{rule} //= 'cut by a restart';
			$self->_count('fault: cut by a restart');
		}
	}
	for my $request (grep { $_->{ids} } values %request)
	{
		$self->_count('unanswered') if !$request->{counted} && !$request->{rule};
		for my $last (@{ $request->{counted} // [] })
		{
			for my $id ($last - $request->{ids} + 1 .. $last)
			{
				$self->_find(ids => "id $id was given out twice") if $self->{given}{$id};
				$self->{given}{$id} = $request;
			}
		}
	}
	return;
}

sub _read_request
{
	my ($self, $request) = @_;
	$self->_count('transactions') if $request->{operation} eq 'TransactWriteItems';
	return if $request->{operation} !~ /^(UpdateItem|PutItem|GetItem)$/;
	my $body = $json->decode(delete $request->{body});
	my $item = $body->{Item};
	if ($body->{Key} && $body->{Key}{version})
	{
		push @{ $self->{looks}{"$body->{Key}{aggregateId}{S} $body->{Key}{version}{N}"} }, $request;
	}
	elsif (!$item)
	{
		($request->{ids}) = map { $_->{N} } values %{ $body->{ExpressionAttributeValues} };
	}
	elsif ($item->{commitId})
	{
		($request->{token}) = $item->{events}{S} =~ /"t":"([^"]+)"/;
		$request->{place} = "$item->{aggregateId}{S} $item->{version}{N}";
		push @{ $self->{puts}{ $item->{commitId}{N} } }, $request;
	}
	elsif ($item->{name}{S} =~ /#burned#(\d+)$/)
	{
		push @{ $self->{noting}{$_} }, $request for $1 .. $1 + $item->{n}{N} - 1;
	}
	return;
}

# Every item is a row that was sent, as it was sent.
sub _check_items
{
	my ($self) = @_;
	for my $commit (values %{ $self->{by_token} })
	{
		my $row = $self->{row}{ $commit->{token} };
		$self->_find(stored => "$commit->{text} was never sent") if !$row;
		next if !$row;
		$self->_find(stored => "$commit->{text} was to be in $row->{aggregate}") if $row->{aggregate} ne $commit->{aggregate};
		$self->_find(stored => "$commit->{text} was to have version $row->{version}") if defined $row->{version} && $row->{version} != $commit->{version};
		$self->_find(stored => "$commit->{text} holds other events than were sent") if $row->{events} ne $commit->{events};
	}
	$self->_count(commits => scalar keys %{ $self->{by_token} });
	return;
}

# The item of a row, if it is stored.
sub _item { my ($self, $row) = @_; return $self->{by_token}{ $row->{token} } }
sub _stored { my ($self, @rows) = @_; return scalar grep { $self->_item($_) } @rows }

sub _check_plain
{
	my ($self, $statement) = @_;
	my ($row) = @{ $statement->{rows} };
	my $item = $self->_item($row);
	$self->_count("plain client: $statement->{plain}");
	$self->{plain_id}{ $statement->{id} } = 1 if $statement->{id};
	$self->_find(stored => "the plain client's $row->{aggregate} $row->{version} (row $row->{token}) is lost") if $statement->{plain} eq 'stored' && !$item;
	# Where its put was sent twice it takes its own commit for another's, as 1.x does.
	$self->_find(refused => "the plain client's $item->{text} was $statement->{plain}")
	  if $item && $statement->{plain} =~ /^(refused|not sent)$/ && !grep { $_->{rule} } @{ $self->{puts}{ $item->{id} } };
	$self->_find(stored => "the plain client's $item->{text} was to have id $statement->{id}") if $item && $item->{id} != $statement->{id};
	return;
}

# Commits are immutable: what somebody has read is there for good.
sub _check_read
{
	my ($self, $statement) = @_;
	$self->_count('reads');
	for my $row (@{ $statement->{read} })
	{
		$self->_find(stored => "$statement->{writer} has read $row->[0] $row->[1] (id $row->[2]), which is not stored so") if !$self->_is_stored_so(@$row);
	}
	return;
}

sub _is_stored_so
{
	my ($self, $aggregate, $version, $id, $events) = @_;
	my $item = $self->{at}{"$aggregate $version"};
	return $item && $item->{id} == $id && $item->{events} eq ($events =~ s/": "/":"/gr =~ s/", "/","/gr);
}

sub _check_statement
{
	my ($self, $statement) = @_;
	my $result = $statement->{result};
	my @rows = @{ $statement->{rows} };
	my $name = "$statement->{writer}'s statement with row $rows[0]{token}";
	$self->_count('statements');
	for my $row (@{ $result->{rows} })
	{
		$self->_find(stored => "$name returned $row->[0] $row->[1] (id $row->[2]), which is not stored so") if !$self->_is_stored_so(@$row);
	}
	$result->{error} ? $self->_check_failed($statement, $name) : $self->_check_done($statement, $name);
	$self->_check_batch_order($_, $name) for _batches($statement);
	return;
}

sub _batches
{
	my ($statement) = @_;
	my @rows = @{ $statement->{rows} };
	my @batches;
	push @batches, { rows => [ splice @rows, 0, $statement->{batch_size} ], skipping => $statement->{skipping} } while @rows;
	return @batches;
}

sub _check_done
{
	my ($self, $statement, $name) = @_;
	my ($tag) = $statement->{result}{tag} =~ /^INSERT 0 (\d+)$/;
	my @rows = @{ $statement->{rows} };
	my $stored = $self->_stored(@rows);
	$self->_count(acknowledged => $tag);
	$self->_find(stored => "$name reported $tag rows, of which $stored are stored") if $tag > $stored;
	$self->_find(refused => "$name reported $tag rows, but $stored are stored") if $tag < $stored;
	$self->_find(stored => "$name reported $tag rows and returned " . @{ $statement->{result}{rows} })
	  if $statement->{returning} && $tag != @{ $statement->{result}{rows} };
	for my $row (grep { !$self->_item($_) } @rows)
	{
		$self->_count('skipped');
		$self->_find(stored => "$name succeeded without row $row->{token}") if !$statement->{skipping} || !defined $row->{version};
		$self->_find(refused => "$name skipped $row->{aggregate} $row->{version}, which does not exist")
		  if defined $row->{version} && !$self->{at}{"$row->{aggregate} $row->{version}"};
	}
	return;
}

sub _check_failed
{
	my ($self, $statement, $name) = @_;
	my $error = $statement->{result}{error};
	my $detail = $error->{detail} // '';
	my $stored = $self->_stored(@{ $statement->{rows} });
	my ($warned) = map { $_->{message} =~ /^(\d+) commits? of the rolled back transaction/ ? $1 : () } @{ $statement->{result}{notices} };
	my @fates = $detail =~ /Rows of the batch that are stored: (\d+); not stored: (\d+); unknown: (\d+)\./;
	my $unknown = @fates ? $fates[2] : $error->{sqlstate} eq '08007' || $detail =~ /may have been stored all the same/ ? 1 : 0;
	$warned //= 0;
	$statement->{unknown} = $unknown;
	$self->_count("failed: $error->{sqlstate}" . ($unknown ? ', fate unknown' : ''));
	$self->_count(acknowledged => $warned);
	$self->_find(stored => "$name ($error->{sqlstate}) said that $warned rows stay, of which $stored are stored") if $stored < $warned;
	$self->_find(refused => "$name ($error->{sqlstate}: $detail) left $stored rows, and warned of $warned") if $stored > $warned + $unknown;
	$self->_find(refused => "$name failed with $error->{sqlstate}, which is no error of an append: $error->{message} $detail")
	  if $error->{sqlstate} !~ /^(23505|08007|57014|HV00N|53400|HV000|40001)$/;
	$self->_find(refused => "$name failed with $error->{sqlstate}, though fates are unknown: $detail") if $unknown && $error->{sqlstate} !~ /^(08007|57014)$/;
	$self->_check_fates($statement, $name, $warned, @fates) if @fates;
	my ($aggregate, $version, $id) = $detail =~ /aggregate "([^"]+)", version (\d+)(?:, commit id (\d+))?/ or return;
	my $item = $self->{at}{"$aggregate $version"};
	my $is_own = $item && grep { $_->{token} eq $item->{token} } @{ $statement->{rows} };
	$self->_find(refused => "$name reported $aggregate $version taken, which does not exist") if $detail =~ /^There is a commit/ && !$item;
	return if !$is_own || $self->_has_twin($statement, $item);
	$self->_find(refused => "$name reported $item->{text} taken, which is its own") if $detail =~ /^There is a commit/;
	$self->_find(stored => "$name reported $aggregate $version of unknown fate with id $id: it is $item->{text}") if $id && $item->{id} != $id;
	return;
}

# Did the statement send a second row with that version?
sub _has_twin
{
	my ($self, $statement, $item) = @_;
	return 1 < grep { $_->{aggregate} eq $item->{aggregate} && (!defined $_->{version} || $_->{version} == $item->{version}) } @{ $statement->{rows} };
}

# What a failed batch says of its rows. The batches before it are stored, or the statement had not come so far.
sub _check_fates
{
	my ($self, $statement, $name, $warned, $stored, $not_stored, $unknown) = @_;
	my $before = $warned - $stored;
	my @rows = @{ $statement->{rows} };
	return if $statement->{skipping};
	$self->_find(refused => "$name says that $before rows were stored before its batch")
	  if $before < 0 || $before % $statement->{batch_size} || $self->_stored(@rows[ 0 .. $before - 1 ]) != $before;
	$self->_find(refused => "$name says $stored, $not_stored, $unknown of a batch of other size")
	  if $stored + $not_stored + $unknown != min($statement->{batch_size}, @rows - $before);
	return;
}

# No version is stored without the lower ones of the same aggregate and batch, nor a next version without those before it.
sub _check_batch_order
{
	my ($self, $batch, $name) = @_;
	my %highest;
	my %next_missing;
	for my $row (@{ $batch->{rows} })
	{
		my $stored = $self->_item($row);
		my $aggregate = $row->{aggregate};
		$highest{$aggregate} = max($highest{$aggregate} // -1, $row->{version}) if $stored && defined $row->{version};
		next if defined $row->{version};
		$self->_find(versions => "$name: row $row->{token} is stored without the one before it, $next_missing{$aggregate}")
		  if $stored && $next_missing{$aggregate};
		$next_missing{$aggregate} = $row->{token} if !$stored;
	}
	return if $batch->{skipping};
	for my $row (@{ $batch->{rows} })
	{
		$self->_find(versions => "$name: $row->{aggregate} $highest{$row->{aggregate}} is stored without $row->{version}")
		  if defined $row->{version} && !$self->_item($row) && $row->{version} < ($highest{ $row->{aggregate} } // -1);
	}
	return;
}

sub _check_aggregates
{
	my ($self) = @_;
	my %versions;
	push @{ $versions{ $_->{aggregate} } }, $_ for values %{ $self->{at} };
	for my $aggregate (sort keys %versions)
	{
		my $before;
		for my $commit (sort { $a->{version} <=> $b->{version} } @{ $versions{$aggregate} })
		{
			my $expected = $before ? $before->{version} + 1 : 0;
			$self->_find(versions => "$aggregate has no version $expected") if $commit->{version} != $expected;
			$self->_find(order => "$before->{text} has a higher id than $commit->{text}, " . $self->_describe_origin($commit))
			  if $before && $before->{id} > $commit->{id} && !$self->_follows_skipped($commit);
			$before = $commit;
		}
	}
	return;
}

# How a commit was asked for.
sub _describe_origin
{
	my ($self, $commit) = @_;
	my $row = $self->{row}{ $commit->{token} } // {};
	my $statement = $self->{statement}{ $commit->{token} } // { rows => [] };
	return (defined $row->{version} ? 'whose version was given' : 'which asked for the next version') . ', of ' . @{ $statement->{rows} } . ' rows'
	  . ($statement->{skipping} ? ' ON CONFLICT DO NOTHING' : '');
}

# See "order" above.
sub _follows_skipped
{
	my ($self, $commit) = @_;
	my $statement = $self->{statement}{ $commit->{token} } or return 0;
	my $row = $self->{row}{ $commit->{token} };
	return 0 if $statement->{plain} || !$statement->{skipping} || !defined $row->{version};
	my ($batch) = grep { grep { $_ == $row } @{ $_->{rows} } } _batches($statement);
	my $skipped = grep { $_->{aggregate} eq $row->{aggregate} && defined $_->{version} && $_->{version} < $row->{version} && !$self->_item($_) } @{ $batch->{rows} };
	$self->_count('explicit versions under an id lower than that of a version they follow') if $skipped;
	return $skipped;
}

sub _check_ids
{
	my ($self) = @_;
	$self->_count(ids => $self->{head});
	for my $id (sort { $a <=> $b } keys %{ $self->{by_id} })
	{
		$self->_find(ids => "$self->{by_id}{$id}{text} has an id above the counter, $self->{head}") if $id > $self->{head};
		$self->_find(ids => "$self->{by_id}{$id}{text} is noted as burned") if $self->{notes}{$id};
	}
	for my $id (sort { $a <=> $b } keys %{ $self->{notes} })
	{
		$self->_count('ids noted as burned');
		$self->_find(ids => "id $id is in $self->{notes}{$id} notes") if $self->{notes}{$id} > 1;
		$self->_find(ids => "id $id is noted by $self->{noting}{$id}[0]{client}, and was given to " . ($self->{given}{$id} ? $self->{given}{$id}{client} : 'nobody'))
		  if $self->{given}{$id} ? $self->{given}{$id}{client} ne $self->{noting}{$id}[0]{client} : !$self->{count}{unanswered};
	}
	$self->_check_gap($_) for grep { !$self->{by_id}{$_} && !$self->{notes}{$_} } 1 .. $self->{head};
	return;
}

sub _check_gap
{
	my ($self, $id) = @_;
	my $excuse = $self->{dense} ? undef : $self->_excuse($id);
	my $given = $self->{given}{$id};
	$self->_count("ids excused: $excuse") if $excuse;
	$self->_find(ids => "id $id, given to " . ($given ? "$given->{client} by request $given->{n}" : 'nobody')
		. ($self->{puts}{$id} ? " and put as row $self->{puts}{$id}[0]{token}" : '') . ', is neither stored nor noted') if !$excuse;
	return;
}

# Why an id may be neither stored nor noted; undef where there is no reason.
sub _excuse
{
	my ($self, $id) = @_;
	my $given = $self->{given}{$id};
	return $self->{count}{unanswered} ? 'no answer of the engine' : undef if !$given;
	return 'its counter request met a fault' if $given->{rule};
	return 'its counter request was slow' if $given->{slow};
	return $self->{plain_id}{$id} ? 'the plain client' : undef if $given->{client} eq 'plain';
	return 'its note met a fault' if grep { $_->{rule} || $_->{slow} } @{ $self->{noting}{$id} // [] };
	my @puts = @{ $self->{puts}{$id} // [] };
	my $statement = @puts && $self->{statement}{ $puts[0]{token} };
	return 'the statement was cancelled' if $statement ? _sqlstate($statement) eq '57014' : $self->_cancelled_at($given);
	return 'its put met a fault, and the writer knows' if $statement && ($statement->{unknown} // 0) > ($statement->{excused} // 0)
	  && (grep { $_->{rule} || $_->{slow} } @puts, map { $self->_looks($_) } @puts) && ++$statement->{excused};
	return undef;
}

# The client's looks at the item that stands where a put went.
sub _looks
{
	my ($self, $put) = @_;
	return grep { $_->{client} eq $put->{client} } @{ $self->{looks}{ $put->{place} } // [] };
}

# Was a statement of that client cancelled soon after the request?
sub _cancelled_at
{
	my ($self, $request) = @_;
	my $at = $request->{at} / 1000;
	return grep { $_->{sent_at} - 0.1 <= $at && $at <= $_->{ended_at} + $lag } @{ $self->{cancelled}{ $request->{client} } // [] };
}

1;
