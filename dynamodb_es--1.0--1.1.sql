\echo Use "ALTER EXTENSION dynamodb_es UPDATE TO '1.1'" to load this file. \quit
