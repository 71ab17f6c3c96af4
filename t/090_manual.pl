# The manual does what it says. Each block of SQL in README.md and doc/ runs in psql, page by page and in order, against a DynamoDB, and where a
# page shows output, that is what comes. Links lead to pages and headings that exist.
#
# A page begins with a new database and an empty DynamoDB, in which the SQL of README.md's section "By hand" has been run; README.md and
# doc/tutorial.md make that themselves. What the fences mean:
#
#   ```sql     runs; no error may come, unless the output below shows it
#   ```        right below such a block: all that psql prints for it. "…" stands for any text in a line, a line "…" for any lines
#   ```sh      for a machine that a test must not change: marked with <!-- not run: the reason --> in the line above, as any block may be that
#              cannot run here; but what it calls has to exist
#   ```json    is JSON; ```text is a drawing, ```c is code, and ```yaml a setting of another program
#
# To write a page, put an empty output block below a statement: the failing test says what came.
#
# Engine: local
use strict;
use utf8;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../test/lib";

use Encode qw(decode encode);
use File::Basename qw(dirname);
use File::Find qw(find);
use File::Spec::Functions qw(canonpath catfile);
use JSON::PP;
use PlainDynamoDB;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $top = canonpath("$FindBin::RealBin/..");
my @pages = grep { -e "$top/$_" } qw(README.md CONTRIBUTING.md CHANGELOG.md bench/results.md);
find({ no_chdir => 1, wanted => sub { push @pages, substr($_, length($top) + 1) if /\.md$/ } }, "$top/doc");
@pages = sort { ($b eq 'README.md') <=> ($a eq 'README.md') || $a cmp $b } @pages;
my %begins_itself = map { ($_, 1) } qw(README.md doc/tutorial.md);

sub slurp { my ($path) = @_; open my $file, '<:encoding(UTF-8)', "$top/$path" or die "$path: $!"; local $/; return scalar <$file> }

# The blocks of a page: {language, text, line, heading, marked, output}; output blocks are with the block that they belong to.
sub blocks
{
	my ($page) = @_;
	my (@blocks, $block, $mark, $heading, $between, $number);
	for (split /\n/, slurp($page))
	{
		$number++;
		if ($block)
		{
			if (/^```$/)
			{
				$between = '';
				undef $block;
			}
			else { $block->{text} .= "$_\n" }
		}
		elsif (/^```(\w*)$/)
		{
			$block = { language => $1, text => '', line => $number, heading => $heading, marked => $mark, page => $page };
			if ($1 eq '' && @blocks && $between eq '' && !$blocks[-1]{output}) { $blocks[-1]{output} = $block }
			else { push @blocks, $block }
			undef $mark;
		}
		elsif (/^\s*(?:```|~~~)/) { die "$page:$number: a block begins as this test does not know it\n" }
		else
		{
			$heading = $1 if /^#+ (.*)/;
			$mark = /^<!-- not run: (.+) -->$/ ? $1 : undef if /\S/;
			$between .= $_ if defined $between;
		}
	}
	die "$page: a block has no end" if $block;
	return @blocks;
}

# Does what came look as what is shown?
sub looks_as
{
	my ($came, $shown) = @_;
	s/[ \t]+$//mg, s/\s+\z// for $came, $shown;
	my $pattern = join '', map { $_ eq "…\n" ? '(?:.*\n)*' : $_ eq '…' ? '[^\n]*' : quotemeta } split /(^…\n|…)/m, "$shown\n";
	return "$came\n" =~ /\A$pattern\z/;
}

# A heading's address, as GitHub makes it.
sub anchor { my ($text) = @_; $text = lc $text =~ s/\[([^\]]*)\]\([^)]*\)/$1/gr; $text =~ s/[^\w\- ]//g; return $text =~ tr/ /-/r }

my %anchors;
for my $page (@pages)
{
	my $text = slurp($page) =~ s/^```.*?^```$//msgr;
	my %seen;
	for my $heading ($text =~ /^#+ (.*)$/mg)
	{
		my $anchor = anchor($heading);
		$anchors{ $seen{$anchor}++ ? "$page#$anchor-" . ($seen{$anchor} - 1) : "$page#$anchor" } = 1;
	}
}
for my $page (@pages)
{
	my $text = slurp($page) =~ s/^```.*?^```$//msgr =~ s/`[^`\n]*`//gr;
	my @broken;
	for my $link ($text =~ /\]\(([^)\s]+)\)/g)
	{
		next if $link =~ /^https?:/;
		my ($path, $anchor) = split /#/, $link, 2;
		my $target = $path eq '' ? $page : canonpath(catfile(dirname($page), $path));
		1 while $target =~ s{(^|/)(?!\.\./)[^/]+/\.\./}{$1};
		push @broken, $link if !-e "$top/$target" || (defined $anchor && !$anchors{"$target#$anchor"});
	}
	is("@broken", '', "$page: every link leads somewhere");
}
cmp_ok(slurp('README.md') =~ tr/\n//, '<=', 250, 'README.md can be read in one go');

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->append_conf('postgresql.conf', "shared_preload_libraries = 'dynamodb_es'");
$node->start;

my @beginning = grep { $_->{heading} eq 'By hand' && $_->{language} eq 'sql' } blocks('README.md');

# What psql prints for a script, errors among it.
sub psql
{
	my ($database, $sql, @arguments) = @_;
	local $ENV{PGOPTIONS} = '-c timezone=UTC -c intervalstyle=postgres -c datestyle=iso';
	my $came;
	utf8::encode($sql);
	IPC::Run::run([ 'psql', '-X', '-d', $node->connstr($database), @arguments ], '<', \$sql, '>', \$came, '2>&1', IPC::Run::timeout(300));
	return decode('UTF-8', $came);
}

# Runs blocks in one session of psql; what came is added to each.
sub run_blocks
{
	my ($database, @blocks) = @_;
	my $end = 'the block has ended';
	my $sql = join '', map { "$_->{text}\\echo $end\n" } @blocks;
	$sql =~ s{http://localhost:800[01]\b}{$ENV{DYNAMODB_ENDPOINT}}g;
	my @came = split /^$end\n/m, psql($database, $sql), -1;
	pop @came;
	is(scalar @came, scalar @blocks, "$blocks[0]{page}: psql came to the end") or return;
	$blocks[$_]{came} = $came[$_] for 0 .. $#blocks;
	return;
}

# A database and an empty DynamoDB for one page; nothing of it is left to the next.
my @roles = split /\n/, $node->safe_psql('postgres', 'SELECT rolname FROM pg_roles');
sub with_database
{
	my ($key, $use) = @_;
	my $dynamodb = PlainDynamoDB->new($ENV{DYNAMODB_ENDPOINT}, $key);
	$node->safe_psql('postgres', 'CREATE DATABASE manual');
	$use->('manual');
	$node->safe_psql('postgres', 'DROP DATABASE manual WITH (FORCE)');
	my %kept = map { ($_, 1) } @roles;
	$node->safe_psql('postgres', "DROP ROLE $_") for grep { !$kept{$_} } split /\n/, $node->safe_psql('postgres', 'SELECT rolname FROM pg_roles');
	$dynamodb->call(DeleteTable => { TableName => $_ }) for @{ $dynamodb->call(ListTables => {})->{TableNames} };
	return;
}

sub run_page
{
	my ($database, $page, @blocks) = @_;
	run_blocks($database, map { { %$_, page => $page } } @beginning) if !$begins_itself{$page};
	run_blocks($database, @blocks);
	for my $block (@blocks)
	{
		my ($where, $came) = ("$page:$block->{line}", $block->{came} // '');
		if ($block->{output}) { ok(looks_as($came, $block->{output}{text}), "$where shows what comes") or diag(encode('UTF-8', $came)) }
		else { unlike($came, qr/^(?:ERROR|FATAL|WARNING):|^psql: error|^invalid command/m, "$where runs") }
	}
	return;
}

cmp_ok(scalar @beginning, '>', 1, 'the section that other pages begin with is there');
for my $page (@pages)
{
	my @blocks = blocks($page) or next;
	for my $block (@blocks)
	{
		my $where = "$page:$block->{line}";
		if ($block->{language} eq 'json') { ok(eval { JSON::PP->new->decode($block->{text}) }, "$where is JSON") }
		elsif ($block->{language} eq 'sh')
		{
			ok($block->{marked}, "$where says why it does not run here");
			my @missing = grep { !-e "$top/$_" } $block->{text} =~ m{(?<![\w/.-])((?:script|test)/[\w/.-]+)}g;
			is("@missing", '', "$where: what it calls is there");
			for my $line (split /\n/, $block->{text})
			{
				next if $line !~ m{^((?:script|test)/[\w/.-]+)([^#]*)} || !-e "$top/$1";
				my ($program, $arguments) = ($1, $2);
				my $source = do { open my $file, '<', "$top/$program" or die; local $/; <$file> };
				my @unknown = grep { $source !~ /\Q$_\E/ } $arguments =~ /(--\w[\w-]*)/g;
				is("@unknown", '', "$where: $program has these options");
			}
		}
		else { ok($block->{marked} || $block->{language} =~ /^(?:sql|text|c|yaml)$/, "$where is run, or output, or says what it is") }
	}
	my @sql = grep { $_->{language} eq 'sql' && !$_->{marked} } @blocks or next;
	with_database('local', sub { run_page($_[0], $page, @sql) });
}

# What script/demo shows has the one error that it announces.
with_database('demo', sub {
	my ($database) = @_;
	# As script/demo does it.
	local $ENV{FOLLOW} = PostgreSQL::Test::Utils::tempdir() . "/follow";
	local @ENV{qw(PGHOST PGPORT PGDATABASE)} = ($node->host, $node->port, $database);
	append_to_file($ENV{FOLLOW}, qq(#!/bin/sh\nexec psql -X -q -c "CALL dynamodb_es_follow('accounts')" >/dev/null 2>&1\n));
	chmod 0755, $ENV{FOLLOW};
	my $shown = psql($database, slurp('script/demo.sql'), '-q', '-v', "endpoint=$ENV{DYNAMODB_ENDPOINT}");
	is(join("\n", $shown =~ /^((?:ERROR|FATAL|WARNING|psql).*)$/mg), 'ERROR:  version already exists in foreign table "commits"', 'script/demo shows one error');
	like($shown, qr/^max_commit_id +\| 6$/m, 'script/demo comes to its end');
});

# functions.md has the signatures that the functions have.
with_database('local', sub {
	my ($database) = @_;
	my %signature = map { (/^(\w+)/, $_) } split /\n/, $node->safe_psql($database, <<'SQL');
CREATE EXTENSION dynamodb_es;
SELECT proname || '(' || pg_get_function_arguments(p.oid) || ')' || coalesce(' RETURNS ' || nullif(pg_get_function_result(p.oid), 'record'), '')
FROM pg_depend JOIN pg_proc p ON p.oid = objid
WHERE refobjid = (SELECT oid FROM pg_extension WHERE extname = 'dynamodb_es') AND classid = 'pg_proc'::regclass
SQL
	my %shown = map { s/\s+/ /gr =~ /^((\w+).*)$/ ? ($2, $1) : () } slurp('doc/reference/functions.md') =~ /^## \w+\n\n`([^`]+)`/mg;
	cmp_ok(scalar keys %shown, '>', 8, 'functions.md has functions');
	delete @signature{qw(dynamodb_es_handler dynamodb_es_validator dynamodb_es_projection_restored)};    # nobody calls them by name
	is_deeply(\%shown, \%signature, 'functions.md has every function, as it is');
});

$node->stop;
done_testing();
