+{
	section => 'A new store',
	after => q{SELECT dynamodb_es_drop_tables('journal')},
	cases => [ {
		what => 'create the tables',
		sql => q{SELECT dynamodb_es_create_tables('journal')},
		requests => [
			q{DescribeTable journal},
			q{DescribeTable journal-counters},
			q{CreateTable journal},
			q{CreateTable journal-counters},
			q{GetItem journal-counters: name = 'commits'},
		],
		polls => 1,
		compare => 0,
	} ],
}
