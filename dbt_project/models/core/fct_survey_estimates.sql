-- An indicator of the survey is a measure of the framework by its own id. The whole council is the area ''.
select
    survey.indicator_id as measure_id,
    case when survey.area_type = 'city' then '' else survey.area_code end as area_id,
    survey.area_type,
    survey.survey_year,
    make_date(survey.survey_year, 1, 1) as year_start,
    survey.indicator,
    survey.estimate_pct,
    survey.lower_pct,
    survey.upper_pct,
    survey.respondents,
    survey.is_weighted,
    survey.extract_id,
    survey.source_row
from {{ ref('stg_survey__quality_of_life') }} as survey
order by measure_id, area_id, survey_year
