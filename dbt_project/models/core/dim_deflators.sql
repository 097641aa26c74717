-- GDP deflators of the newest vintage that was out by the end of the reporting period, and with them the factors that
-- put amounts into the prices of the latest financial year that was over by then. A later period has its own vintage
-- and base, so that every figure in real terms moves with them.
with years as (
    select
        deflators.vintage_date,
        deflators.financial_year,
        make_date(cast(substring(deflators.financial_year, 1, 4) as int), 4, 1) as year_start,
        deflators.index_value,
        deflators.is_forecast,
        deflators.extract_id,
        deflators.source_row,
        dense_rank() over (order by deflators.vintage_date desc) as vintage_age
    from {{ ref('stg_deflators__gdp') }} as deflators
    inner join {{ ref('dim_council') }} as council on deflators.vintage_date <= council.reporting_period_end
),

base_years as (
    select
        years.vintage_date,
        years.financial_year,
        years.index_value,
        row_number() over (order by years.year_start desc) as age
    from years
    inner join {{ ref('dim_council') }} as council
        on {{ months_after('years.year_start', 12) }} <= {{ days_after('council.reporting_period_end', 1) }}
    where years.vintage_age = 1
)

select
    years.financial_year,
    years.year_start,
    {{ days_after(months_after('years.year_start', 12), -1) }} as year_end,
    years.index_value,
    years.is_forecast,
    years.vintage_date,
    base_years.financial_year as base_year,
    cast(cast(base_years.index_value as double) / cast(years.index_value as double) as decimal(12, 8)) as factor,
    years.extract_id,
    years.source_row
from years
inner join base_years on base_years.vintage_date = years.vintage_date and base_years.age = 1
where years.vintage_age = 1
order by years.year_start
