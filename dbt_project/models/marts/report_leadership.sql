-- The leadership board's paper: organisational health, domain by domain.
{{ lines_of_report('leadership') }}
