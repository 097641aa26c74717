-- The paper for partners.
{{ lines_of_report('partners') }}
