-- The quarterly paper of Overview and Scrutiny.
{{ lines_of_report('scrutiny') }}
