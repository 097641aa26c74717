-- The report that anyone may read.
{{ lines_of_report('public') }}
