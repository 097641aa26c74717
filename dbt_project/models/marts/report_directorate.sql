-- A pack for each directorate.
{{ lines_of_report('directorate') }}
