# Random statements about a store, the same ones for the same seed: what they return must not depend on where the rows are.
# They name the table %T, and their rows are in a total order, or in none.
package Differ;

use strict;
use warnings;

# A generator of its own, so that a seed means the same on every Perl.
sub new { my ($class, $seed) = @_; return bless { state => $seed * 2654435761 % 4294967296 }, $class }

sub number
{
	my ($self, $below) = @_;
	$self->{state} = ($self->{state} * 1664525 + 1013904223) % 4294967296;
	return int($self->{state} / 65536) % $below;
}

sub one_of { my ($self, @choices) = @_; return $choices[ $self->number(scalar @choices) ] }
sub chance { my ($self, $percent) = @_; return $self->number(100) < $percent }
sub some { my ($self, $make) = @_; return map { $make->() } 1 .. 1 + $self->number(4) }

# What the tables have: few aggregates, few versions, NULLs, texts that order differs for.
sub rows_sql
{
	return <<'SQL';
SELECT a, v, to_jsonb(ARRAY[a, v::text]), CASE v % 4 WHEN 0 THEN NULL WHEN 1 THEN 'Opened' WHEN 2 THEN 'b' ELSE 'ä' || a END,
  CASE WHEN v % 3 = 0 THEN NULL ELSE (v - 3) * 1.25 END, CASE WHEN v % 5 > 0 THEN v % 2 = 0 END, timestamptz '2020-01-01+00' + v * interval '1 day' + length(a) * interval '1 ms'
FROM unnest('{a,b,B,c d,ä,zz,e1,e2}'::text[]) a, generate_series(0, 9) v
SQL
}

sub aggregate { my ($self) = @_; return q{'} . $self->one_of('a', 'b', 'B', 'c d', 'ä', 'zz', 'e1', 'e2', 'none') . q{'} }

# A value to compare a key with, in one of the forms that people write.
sub key_value
{
	my ($self, $most) = @_;
	my $n = $self->number($most + 3) - 1;
	return $self->one_of($n, $n, $n, "$n.0", "$n.5", "$n\::smallint", "$n\::numeric", "$n.5::float8", "$n\::real", "(SELECT $n\::bigint)", "$n + length(current_user) - length(current_user)",
		'$1', '$1::numeric', 'NULL', '9223372036854775807', '-9223372036854775808', '99999999999999999999');
}

sub comparison { my ($self) = @_; return $self->one_of('=', '=', '<', '<=', '>', '>=', '<>') }

sub key_condition
{
	my ($self, $column, $most) = @_;
	my $value = sub { $self->key_value($most) };
	my @forms = (
		sub { "$column " . $self->comparison . ' ' . $value->() },
		sub { $value->() . ' ' . $self->comparison . " $column" },
		sub { "$column BETWEEN " . $value->() . ' AND ' . $value->() },
		sub { "$column NOT BETWEEN " . $value->() . ' AND ' . $value->() },
		sub { "$column IN (" . join(', ', $self->some($value)) . ')' },
		sub { "$column = ANY (ARRAY[" . join(', ', $self->some(sub { $self->number($most) })) . ', NULL]::bigint[])' },
		sub { "($column, amount) " . $self->one_of('<', '<=', '>', '>=') . ' (' . $value->() . ', 2)' });
	return $self->one_of(@forms)->();
}

sub pair_condition
{
	my ($self) = @_;
	my $pairs = join ', ', $self->some(sub { '(' . $self->aggregate . ', ' . $self->key_value(9) . ')' });
	my $rows = join ', ', $self->some(sub { 'ROW(' . $self->aggregate . '::text, ' . $self->number(11) . '::bigint)' });
	my $listed = join ', ', $self->some(sub { '(' . $self->aggregate . '::text, ' . $self->number(11) . '::bigint)' });
	return $self->one_of("(aggregate_id, version) IN ($pairs)", "(aggregate_id, version) = ANY (ARRAY(SELECT (x, y) FROM (VALUES $listed) p (x, y)))",
		"(version, aggregate_id) = ANY (ARRAY(SELECT (y, x) FROM (VALUES $listed) p (x, y)))",
		'aggregate_id = ANY (ARRAY(SELECT x FROM (VALUES ' . $listed . ') p (x, y))) AND version IN (' . join(', ', $self->some(sub { $self->number(11) })) . ')', "(aggregate_id, version) = ANY (ARRAY[$rows])",
		"(aggregate_id, version) IN (SELECT x, y::numeric FROM (VALUES $pairs) p (x, y))");
}

# A moment of the rows, one beside it, or one beyond them all, in one of the forms that people write.
sub moment
{
	my ($self) = @_;
	my $at = "'2020-01-0" . (1 + $self->number(9)) . q{ 00:00:00.00} . $self->number(4) . q{+00'};
	return $self->one_of("timestamptz $at", "timestamptz $at", "timestamptz $at", "timestamptz $at + interval '1 microsecond'", "timestamptz $at - interval '500 microseconds'", "date $at",
		"timestamp $at", "now() - (now() - timestamptz $at)", "(SELECT timestamptz $at)", q{timestamptz '2020-01-01+00' + $1 * interval '1 hour'}, q{timestamptz 'infinity'},
		q{timestamptz '-infinity'}, q{timestamptz '1999-01-01+00'}, 'now()', 'NULL::timestamptz');
}

sub time_condition
{
	my ($self) = @_;
	my $moment = sub { $self->moment };
	my @forms = (
		sub { 'committed_at ' . $self->comparison . ' ' . $moment->() },
		sub { $moment->() . ' ' . $self->comparison . ' committed_at' },
		sub { 'committed_at BETWEEN ' . $moment->() . ' AND ' . $moment->() },
		sub { 'committed_at NOT BETWEEN ' . $moment->() . ' AND ' . $moment->() },
		sub { 'committed_at IN (' . join(', ', $self->some($moment)) . ')' },
		sub { '(committed_at, version) ' . $self->one_of('<', '<=', '>', '>=') . ' (' . $moment->() . ', 4)' });
	return $self->one_of(@forms)->();
}

sub plain_condition
{
	my ($self) = @_;
	my @forms = (
		sub { $self->key_condition('version', 9) },
		sub { $self->key_condition('version', 9) },
		sub { $self->key_condition('commit_id', 80) },
		sub { 'aggregate_id = ' . $self->aggregate },
		sub { 'aggregate_id = ' . $self->aggregate },
		sub { 'aggregate_id IN (' . join(', ', $self->some(sub { $self->aggregate })) . ')' },
		sub { $self->pair_condition },
		sub { 'kind ' . $self->one_of(q{= 'b'}, q{<> 'b'}, 'IS NULL', 'IS NOT NULL', q{IN ('b', 'Opened')}, q{LIKE 'O%'}, q{> 'a'}, q{IS DISTINCT FROM 'b'}) },
		sub { 'amount ' . $self->comparison . ' ' . $self->one_of('0', '1.25', '2.5::numeric', 'NULL') },
		sub { $self->one_of('flag', 'NOT flag', 'flag IS NOT TRUE', 'flag IS UNKNOWN') },
		sub { $self->time_condition },
		sub { 'events @> ' . q{'["} . $self->number(9) . q{"]'} });
	return $self->one_of(@forms)->();
}

sub condition
{
	my ($self, $depth) = @_;
	return $self->plain_condition if $depth == 0 || $self->chance(35);
	my @parts = map { $self->condition($depth - 1) } 1 .. 2 + $self->number(2);
	my $joined = '(' . join($self->one_of(' AND ', ' AND ', ' OR '), @parts) . ')';
	return $self->chance(10) ? "NOT $joined" : $joined;
}

my $all = 'commit_id, committed_at, aggregate_id, version, events, kind, amount, flag';

# The next statement, and whether its rows are in order. It may have a parameter, $1, of type bigint.
sub statement
{
	my ($self) = @_;
	my $where = 'WHERE ' . $self->condition(2);
	my ($order, $limit) = ('', '');
	if ($self->chance(45))
	{
		my $direction = $self->one_of('', ' DESC');
		$order = $self->one_of("ORDER BY commit_id$direction", "ORDER BY version$direction, commit_id", "ORDER BY commit_id$direction, version");
		$limit = $self->one_of('', 'LIMIT 1', 'LIMIT 3', 'LIMIT 2 OFFSET 2', 'LIMIT 7');
	}
	my @forms = (
		sub { ("SELECT $all FROM %T $where $order $limit", $order) },
		sub { ('SELECT ' . $self->one_of('aggregate_id', 'version, kind', 'commit_id', 'amount') . " FROM %T $where $order $limit", $order) },
		sub { ("SELECT count(*) FROM %T $where", '') },
		sub { ('SELECT ' . $self->one_of('max', 'min') . '(' . $self->one_of('version', 'commit_id') . ") FROM %T $where", '') },
		sub { ("SELECT aggregate_id, count(*), sum(amount) FROM %T $where GROUP BY aggregate_id", '') },
		sub { ("SELECT k.n, s.commit_id FROM (VALUES (1), (5), (80)) k (n) LEFT JOIN LATERAL (SELECT commit_id FROM %T WHERE commit_id "
				. $self->one_of('>', '>=', '<') . " k.n AND " . $self->condition(1) . " ORDER BY commit_id LIMIT 2) s ON true", '') },
		sub { ("SELECT w.a, c.version FROM (VALUES ('a', 3), ('ä', 9), ('none', 1), (NULL, 2)) w (a, v) JOIN %T c ON c.aggregate_id = w.a AND c.version "
				. $self->one_of('=', '<', '>=') . ' w.v', '') },
		sub { ("SELECT w.n, c.commit_id FROM (VALUES (1, timestamptz '2020-01-03+00'), (2, '2020-01-06 00:00:00.002+00'), (3, NULL)) w (n, at) JOIN %T c ON c.committed_at "
				. $self->one_of('=', '<', '>=') . ' w.at AND c.committed_at ' . $self->one_of('<', '>') . " w.at + interval '1 day'", '') },
		sub { ("SELECT w.a, c.version FROM (VALUES ('a', 3), ('ä', 9), ('none', 1), (NULL, 2), ('a', 4), ('b', 3)) w (a, v) "
				. $self->one_of('JOIN', 'LEFT JOIN') . ' %T c ON c.aggregate_id = w.a AND ' . $self->one_of('c.version = w.v', 'c.version > w.v', "c.kind = 'b'", 'true'), '') },
		sub { ('SELECT v.n, c.commit_id FROM generate_series(-1, 90, 7) v (n) ' . $self->one_of('JOIN', 'LEFT JOIN') . ' %T c ON c.commit_id '
				. $self->one_of('= v.n', '= v.n', 'BETWEEN v.n AND v.n + 2'), '') },
		sub { ("SELECT commit_id, jsonb_array_elements(events) FROM %T $where ORDER BY commit_id DESC LIMIT " . (1 + $self->number(9)), '') },
		sub { ("SELECT $all FROM %T WHERE EXISTS (SELECT FROM %T y WHERE y.commit_id = %T.commit_id + 1 AND y.version > 3) AND " . $self->condition(1), '') });
	my ($sql, $ordered) = $self->one_of(@forms[ 0, 0, 0, 0, 1, 1, 2, 3, 4 .. 11 ])->();
	return ($sql, $ordered ne '');
}

1;
