"""The database: what PayLayer wants, knows and has done. Times are aware UTC datetimes outside, microseconds inside."""
