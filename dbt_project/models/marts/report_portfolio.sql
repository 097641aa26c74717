-- A briefing for each portfolio holder.
{{ lines_of_report('portfolio') }}
