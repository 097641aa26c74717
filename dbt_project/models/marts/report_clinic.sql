-- A pack for each performance clinic.
{{ lines_of_report('clinic') }}
