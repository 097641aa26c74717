-- Indicators of the quality of life survey, each a measure of its own: the weighted share, over those who answered.
-- Areas have estimates of their own, which are no parts of the city's: they are not added to it.
select
    survey.measure_id,
    council.root_unit_id as unit_id,
    survey.area_id,
    survey.year_start as period_start,
    survey.estimate_pct * survey.respondents / 100 as numerator,
    survey.respondents as denominator,
    false as is_provisional,
    survey.extract_id,
    survey.source_row
from {{ ref('fct_survey_estimates') }} as survey
cross join {{ ref('dim_council') }} as council
left join {{ ref('dim_areas') }} as areas on areas.area_id = survey.area_id
where survey.area_id = '' or areas.area_id is not null
