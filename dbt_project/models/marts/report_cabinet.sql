-- The cabinet's quarterly paper.
{{ lines_of_report('cabinet') }}
