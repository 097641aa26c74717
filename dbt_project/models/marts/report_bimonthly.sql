-- The cabinet's bi-monthly paper.
{{ lines_of_report('bimonthly') }}
